"""Times, numbers, texts and rows as spreadsheets and databases really write them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.shared import ROOT
from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import Batch

MAP = """
kind = "batch"
zone = "UTC"
[columns]
at = "started"
size = "n"
cycle_s = "secs"
[constants]
operation_type = "fileOperations"
"""
NOON = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)

Read = Callable[..., tuple[list[Batch], list[str], ImportReport]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_table(
        *tables: bytes, text: str = MAP, name: str = "t.csv"
    ) -> tuple[list[Batch], list[str], ImportReport]:
        (tmp_path / "map.toml").write_text(text)
        paths = []
        for number, data in enumerate(tables):
            paths.append(tmp_path / str(number) / name)
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_bytes(data)
        source = open_source("table", map_path=tmp_path / "map.toml")
        with RecordStore(tmp_path / "store") as store:
            report = run_import(source, paths, store)
            store.compact()
            held = store.dataset.scan("batch") if store.dataset.files("batch") else []
            batches = [one for one in held if isinstance(one, Batch)]
            return batches, [row["reason"] for row in store.rejected()], report

    return read_table


def row(started: str, n: str = "4", secs: str = "2.5", mark: str = ",") -> bytes:
    cells = [f'"{started}"', n, secs]
    return f"{mark.join(['started', 'n', 'secs'])}\n{mark.join(cells)}\n".encode()


@pytest.mark.parametrize(
    "written",
    [
        "1767616200",
        "1767616200000",
        "1767616200000000",
        "1767616200000000000",
        "202601051230",
        "20260105123000",
        "2026-01-05 12:30",
        "2026-01-05T12:30:00 UTC",
        "2026-01-05T12:30:00.000000001Z",
    ],
)
def test_a_time_whose_unit_is_plain_is_read(read: Read, written: str) -> None:
    assert [b.at for b in read(row(written))[0]] == [NOON]


def test_a_compact_date_is_a_day(read: Read) -> None:
    assert read(row("20260105"))[0][0].at == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("46027.5213", 'unit = "excel_days"'),
        ("2026", "write 2026-01-05"),
        ("0", "write 2026-01-05"),
        ("-62135596800", "write 2026-01-05"),
        ("1e400", "write 2026-01-05"),
        ("05.01.2026 12:30", "`format`"),
        ("1970-01-01T00:00:00Z", "the year 1970"),
        ("0001-01-01", "the year 1"),
    ],
)
def test_a_time_that_would_be_guessed_is_refused_with_what_to_write(
    read: Read, written: str, said: str
) -> None:
    batches, reasons, _ = read(row(written))

    assert batches == []
    assert said in reasons[0]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ('{ column = "started", unit = "excel_days" }', "46027.520833333336"),
        ('{ column = "started", format = "%d.%m.%Y %H:%M" }', "05.01.2026 12:30"),
        ('{ column = "started", format = "%m/%d/%Y %I:%M %p" }', "1/5/2026 12:30 PM"),
        ('{ column = "started", unit = "ms" }', "1767616200000"),
    ],
)
def test_a_time_is_read_as_the_map_says(read: Read, column: str, written: str) -> None:
    text = MAP.replace('at = "started"', f"at = {column}")
    at = read(row(written), text=text)[0][0].at

    assert abs((at - NOON).total_seconds()) < 0.01


def test_a_wrong_unit_is_no_day_in_1970(read: Read) -> None:
    text = MAP.replace('"started"', '{ column = "started", unit = "ms" }')

    assert "the year 1970" in read(row("1767616200"), text=text)[1][0]


@pytest.mark.parametrize(
    ("top", "secs"),
    [
        ('decimal = ","\n', "2,5"),
        ('decimal = ","\nthousands = "."\n', "1.002,5"),
        ('thousands = ","\n', "1,002.5"),
        ('thousands = " "\n', "1 002.5"),
    ],
)
def test_numbers_are_read_as_the_map_says(read: Read, top: str, secs: str) -> None:
    table = row("2026-01-05", secs=f'"{secs}"', mark=";")
    cycle_s = read(table, text=top + MAP)[0][0].cycle_s

    assert cycle_s in (2.5, 1002.5)


@pytest.mark.parametrize(
    ("top", "written", "size"),
    [
        ('decimal = "."\n', "4.000", 4),
        ('decimal = ","\nthousands = "."\n', "4.000", 4000),
        ("", "4.0", 4),
    ],
)
def test_a_whole_number_with_a_point_is_what_the_map_says(
    read: Read, top: str, written: str, size: int
) -> None:
    table = row("2026-01-05", n=written, secs="2", mark=";")

    assert read(table, text=top + MAP)[0][0].size == size


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("", 'one or a thousand; for points between thousands, write `decimal = ","`'),
        ('decimal = ","\n', "a point where decimals follow a comma"),
    ],
)
def test_a_whole_number_with_a_point_that_no_map_explains_is_refused(
    read: Read, top: str, said: str
) -> None:
    table = row("2026-01-05", n="4.000", secs="2", mark=";")

    assert said in read(table, text=top + MAP)[1][0]


@pytest.mark.parametrize(
    ("secs", "said"),
    [
        ("2,5", 'decimal = ","'),
        ("1,002.5", "thousands ="),
        ("25 %", 'unit = "percent"'),
        ("1_000", "not a number"),
    ],
)
def test_a_number_in_another_form_is_refused_with_what_to_write(
    read: Read, secs: str, said: str
) -> None:
    table = row("2026-01-05", secs=f'"{secs}"', mark=";")

    assert said in read(table)[1][0]


def test_a_percent_sign_belongs_to_its_unit(read: Read) -> None:
    text = MAP.replace(
        'cycle_s = "secs"', 'load_cpu = { column = "secs", unit = "percent" }'
    )

    assert read(row("2026-01-05", secs='"80 %"'), text=text)[0][0].load_cpu == 0.8


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le"])
def test_an_encoding_is_read_when_the_map_names_it(read: Read, encoding: str) -> None:
    text = MAP.replace('"n"', '"größe"')
    table = "started,größe,secs\n2026-01-05,4,2.5\n".encode(encoding)
    _, refused, report = read(table, text=text)
    batches, _, _ = read(table, text=f'encoding = "{encoding}"\n{text}')

    assert report.refused_files == 1
    assert f'encoding = "{encoding}"' in refused[0]
    assert [b.size for b in batches] == [4]


@pytest.mark.parametrize(
    ("line", "mark"), [("sep=;", ";"), ('"sep=;"', ";"), ("SEP=\t", "\t")]
)
def test_the_line_of_a_spreadsheet_that_names_the_delimiter_is_none_of_the_table(
    read: Read, line: str, mark: str
) -> None:
    batches, _, _ = read(f"{line}\r\n".encode() + row("2026-01-05", mark=mark))

    assert [b.size for b in batches] == [4]


def test_a_row_with_more_cells_than_names_is_refused(read: Read) -> None:
    batches, reasons, _ = read(row("2026-01-05") + b"2026-01-06,a note, 3,9\n")

    assert len(batches) == 1
    assert "more cells" in reasons[0]


def test_two_columns_of_one_name_are_refused(read: Read) -> None:
    table = b"started,n,n,secs\n2026-01-05,1,2,3\n"

    assert "2 columns are called `n`" in read(table)[1][0]


def month(number: int) -> bytes:
    rows = [f"2026-0{number}-05T1{hour}:00:00Z,{hour + 1},4.0" for hour in range(3)]
    return ("started,n,secs\n" + "\n".join(rows) + "\n").encode()


def test_tables_of_one_name_in_two_folders_are_two_tables(read: Read) -> None:
    assert len(read(month(1), month(2), name="export.csv")[0]) == 6


def test_a_row_at_the_top_adds_one_row(read: Read) -> None:
    read(month(1))
    head, _, rest = month(1).partition(b"\n")
    grown = head + b"\n2026-01-07T09:00:00Z,8,8.0\n" + rest
    batches, _, report = read(grown)

    assert (len(batches), report.added, report.duplicates) == (4, 1, 3)


def test_equal_rows_are_as_many_rows_as_there_are(read: Read) -> None:
    twice = row("2026-01-05") + b'"2026-01-05",4,2.5\n'
    first, _, _ = read(twice)
    again, _, report = read(twice)

    assert (len(first), len(again), report.added) == (2, 2, 0)


def test_rows_that_share_an_id_are_counted(read: Read) -> None:
    table = row("2026-01-05") + b'"2026-01-06",5,2.5\n'
    text = 'identity = ["secs"]\n' + MAP
    _, _, report = read(table, text=text)

    assert report.shared_ids == 1


@pytest.mark.parametrize(
    "line",
    [
        'encoding = "klingon"',
        'encoding = "base64"',
        'decimal = ";"',
        'thousands = "x"',
        'delimiter = ""',
    ],
)
def test_a_form_that_there_is_not_is_refused(read: Read, line: str) -> None:
    with pytest.raises(InputDataError):
        read(row("2026-01-05"), text=f"{line}\n{MAP}")


GUIDE = ROOT / "docs" / "how-to" / "import-a-table.md"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_documented_map_reads_the_documented_table(
    read: Read, tmp_path: Path, suffix: str
) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    text, table = (
        re.search(rf"```{kind}\n(.*?)```", guide, re.DOTALL)
        for kind in ("toml", "text")
    )
    assert text is not None
    assert table is not None
    data = table[1].encode("cp1252")
    if suffix == "parquet":
        lines = [line.split(";") for line in table[1].splitlines()]
        columns: dict[str, Any] = dict(
            zip(lines[0], zip(*lines[1:], strict=True), strict=True)
        )
        pq.write_table(pa.table(columns), tmp_path / "x.parquet")
        data = (tmp_path / "x.parquet").read_bytes()
    batches, reasons, _ = read(data, text=text[1], name=f"t.{suffix}")

    assert reasons == []
    assert [(b.size, b.cycle_s) for b in batches] == [(4, 12.5), (6, 1203.0)]
    assert [b.load_cpu for b in batches] == pytest.approx([0.8, 0.35])


CONTEXT = MAP + "[context]\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('size = "n"', "a column already"),
        ('recent_size = "n"', "a column already"),
        ('"gpu type" = "n"', "letters, digits, underscores"),
        ('memory = { column = "n", unit = "GiB" }', "`memory_bytes`"),
        ('wait = { column = "n", unit = "ms" }', "`wait_s`"),
        ('gpu = { column = "n", unit = "apples" }', r"unknown value \(got 'apples'\)"),
    ],
)
def test_a_declared_column_that_would_be_misread_is_refused(
    read: Read, line: str, said: str
) -> None:
    with pytest.raises(InputDataError, match=said):
        read(row("2026-01-05"), text=CONTEXT + line)


def test_a_kind_without_declared_columns_refuses_them(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(
        'kind = "load"\n[columns]\nat = "t"\ncpu = "c"\n[constants]\nhost = "h"\n'
        '[context]\ngpu = "g"\n'
    )

    with pytest.raises(InputDataError, match="a load has no declared columns"):
        open_source("table", map_path=path)


COUNTING = MAP.replace("[constants]", 'failed = "bad"\n[constants]')


@pytest.mark.parametrize(
    ("more", "cells", "counts"),
    [
        ("", "1,", (3, 1, 0)),
        ("", ",", (None, None, None)),
        ('cancelled = "gone"\n', "1,1", (2, 1, 1)),
        ('cancelled = "gone"\n', "1,", (None, 1, None)),
        ('succeeded = "gone"\n', "1,2", (2, 1, 0)),
    ],
)
def test_endings_that_a_map_does_not_count_follow_from_the_failures(
    read: Read, more: str, cells: str, counts: tuple[int | None, ...]
) -> None:
    table = f"started,n,secs,bad,gone\n2026-01-05,4,2.5,{cells}\n".encode()
    text = COUNTING.replace("[constants]", f"{more}[constants]")
    (batch,), reasons, _ = read(table, text=text)

    assert reasons == []
    assert (batch.succeeded, batch.failed, batch.cancelled) == counts
