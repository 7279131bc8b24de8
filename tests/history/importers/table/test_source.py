import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import KINDS, Batch, Provenance, Record

MAP = """
kind = "batch"
identity = ["run", "step"]
[columns]
at = "started"
cycle_s = { column = "cycle_ms", unit = "ms" }
size = "n"
load_cpu = { column = "cpu", unit = "percent", missing = ["-1"] }
[constants]
operation_type = "fileOperations"
"""
ROWS = [
    {
        "run": "a",
        "step": 1,
        "started": "2026-01-05T12:00:00Z",
        "cycle_ms": 1500,
        "n": 3,
        "cpu": 50,
    },
    {
        "run": "a",
        "step": 2,
        "started": "2026-01-05T12:00:10Z",
        "cycle_ms": 900,
        "n": 2,
        "cpu": -1,
    },
]


class Imported:
    """What an import did, and what is in the store after it."""

    def __init__(self, root: Path, table_map: Path, table: Path) -> None:
        source = open_source("table", map_path=table_map)
        with RecordStore(root) as store:
            self.report: ImportReport = run_import(source, [table], store)
            self.records: list[Record] = [
                KINDS[str(line.row["kind"])].from_json(line.row)
                for line in store.spool.lines()
                if line.row is not None
            ]
            self.rejected = [(row["line"], row["reason"]) for row in store.rejected()]


Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    def run(table: Path, text: str = MAP) -> Imported:
        table_map = tmp_path / "map.toml"
        table_map.write_text(text)
        return Imported(tmp_path / "store", table_map, table)

    return run


def csv_text(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join(map(str, row.values())) for row in rows]
    return "\n".join(lines) + "\n"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
        raw = path.read_bytes()
    elif name.endswith(".csv"):
        raw = csv_text(rows).encode()
    else:
        raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


NAMES = [
    f"t{suffix}{zipped}"
    for suffix in (".csv", ".jsonl", ".parquet")
    for zipped in ("", ".gz")
]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_records(
    name: str, tmp_path: Path, imported: Import
) -> None:
    first, second = imported(write(tmp_path / name, ROWS)).records

    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (first.at, first.cycle_s, first.size, first.load_cpu) == (
        datetime(2026, 1, 5, 12, tzinfo=UTC),
        1.5,
        3,
        0.5,
    )
    assert (second.load_cpu, second.provenance) == (None, Provenance.DECLARED)


def test_the_same_rows_in_another_format_add_nothing(
    tmp_path: Path, imported: Import
) -> None:
    imported(write(tmp_path / "t.csv", ROWS))

    assert imported(write(tmp_path / "t.parquet", ROWS)).report.added == 0


def test_without_identity_a_row_is_known_by_what_it_holds(
    tmp_path: Path, imported: Import
) -> None:
    text = MAP.replace('identity = ["run", "step"]\n', "")
    table = write(tmp_path / "t.csv", [ROWS[0], ROWS[0]])
    imported(table, text)

    assert imported(table, text).report.duplicates == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(
    delimiter: str, tmp_path: Path, imported: Import
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(csv_text(ROWS, delimiter))

    assert imported(table).report.batches == 2


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("cycle_ms", "soon", "field `cycle_ms`: not a number"),
        ("cycle_ms", "inf", "field `cycle_ms`: not a number"),
        ("n", "2.5", "field `n`: not a whole number"),
        ("n", "1.200", "field `n`: not a whole number; for points between thousands"),
        ("n", "1.000", "field `n`: one or a thousand; for points between thousands"),
        ("n", "0", "field `n`: outside 1 to 1e+06"),
        ("cpu", "250", "field `cpu`: outside 0 to 1"),
        ("started", "", "field `started`: missing"),
        ("started", "2026-01-05 12:00", "field `started`: a time without a zone"),
        ("started", "noon", "field `started`: not a time"),
    ],
)
def test_a_bad_cell_is_rejected_with_line_column_and_reason(
    column: str, value: str, reason: str, tmp_path: Path, imported: Import
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(csv_text([ROWS[0], {**ROWS[1], column: value}]))
    done = imported(table)
    ((line, said),) = done.rejected

    assert (done.report.batches, line) == (1, 3)
    assert said.startswith(reason)


def test_a_cell_is_not_repeated_in_the_reason(tmp_path: Path, imported: Import) -> None:
    table = write(tmp_path / "t.csv", [{**ROWS[0], "cycle_ms": "a secret"}])

    assert "secret" not in str(imported(table).rejected)


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("2026-07-05 12:00:00", 10),
        ("2026-01-05 12:00:00", 11),
        ("2026-01-05T12:00:00Z", 12),
    ],
)
def test_times_without_a_zone_are_in_the_zone_of_the_map(
    cell: str, hour: int, tmp_path: Path, imported: Import
) -> None:
    table = write(tmp_path / "t.csv", [{**ROWS[0], "started": cell}])
    done = imported(table, f'zone = "Europe/Berlin"\n{MAP}')

    assert done.records[0].at.hour == hour


@pytest.mark.parametrize(
    "cell",
    [1_767_614_400, 1_767_614_400_000, "1767614400"],
    ids=["seconds", "milliseconds", "text"],
)
def test_numbers_are_seconds_or_milliseconds_since_1970(
    cell: object, tmp_path: Path, imported: Import
) -> None:
    table = write(tmp_path / "t.jsonl", [{**ROWS[0], "started": cell}])

    assert imported(table).records[0].at == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_values_are_translated_and_unknown_ones_rejected(
    tmp_path: Path, imported: Import
) -> None:
    text = MAP.replace('operation_type = "fileOperations"', "").replace(
        "[columns]",
        '[columns]\noperation_type = { column = "run", values = { a = "shell" } }',
    )
    table = write(tmp_path / "t.csv", [ROWS[0], {**ROWS[1], "run": "b"}])
    done = imported(table, text)

    assert isinstance(done.records[0], Batch)
    assert done.records[0].operation_type == "shell"
    assert done.report.rejected == 1


def test_a_broken_json_line_is_rejected_and_the_next_is_kept(
    tmp_path: Path, imported: Import
) -> None:
    table = tmp_path / "t.jsonl"
    table.write_text("{cut\n" + json.dumps(ROWS[0]) + "\n")

    assert imported(table).rejected == [(1, "not JSON: cut off or damaged")]


def test_a_table_without_a_mapped_column_is_refused_with_those_it_has(
    tmp_path: Path, imported: Import
) -> None:
    done = imported(write(tmp_path / "t.csv", ROWS), MAP.replace('"n"', '"count"'))

    assert done.rejected == [
        (
            None,
            "no column `count`; there are run, step, started, cycle_ms, n, cpu",
        )
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.xlsx", b"x"), ("t.parquet", b"not parquet"), ("t.csv", b"")],
)
def test_what_is_no_table_is_refused(
    name: str, content: bytes, tmp_path: Path, imported: Import
) -> None:
    table = tmp_path / name
    table.write_bytes(content)

    assert imported(table).report.refused_files == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "batch"', 'kind = "batches"', "kind"),
        ("cycle_s =", "cycle =", "cycle_s"),
        ('unit = "ms"', 'unit = "parsec"', "parsec"),
        ('"n"', "7", "size"),
        ("identity =", "identities =", "identities"),
        ('operation_type = "fileOperations"', "", "operation_type"),
        ('at = "started"', "", "at"),
        ("[constants]", "[constants", "not TOML"),
        ('kind = "batch"', 'kind = "batch"\nzone = "Moon/Crater"', "zone"),
        ('"cycle_ms", unit', '"cycle_ms", units', "units"),
    ],
)
def test_a_wrong_map_names_its_file_the_field_and_the_fix(
    old: str, new: str, said: str, tmp_path: Path, imported: Import
) -> None:
    table = write(tmp_path / "t.csv", ROWS)

    with pytest.raises(InputDataError, match=said) as raised:
        imported(table, MAP.replace(old, new))

    assert "map.toml" in str(raised.value)


def test_a_map_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=r"nowhere\.toml"):
        open_source("table", map_path=tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("cell", "flag"),
    [("yes", True), ("0", False), (True, True), ("false", False)],
    ids=["yes", "zero", "true", "false"],
)
def test_flags_are_read_in_their_usual_forms(
    cell: object, flag: bool, tmp_path: Path, imported: Import
) -> None:
    text = MAP.replace("[columns]", '[columns]\ncensored = "flag"')
    (record,) = imported(
        write(tmp_path / "t.jsonl", [{**ROWS[0], "flag": cell}]), text
    ).records

    assert isinstance(record, Batch)
    assert record.censored is flag


def test_a_flag_that_is_neither_is_rejected(tmp_path: Path, imported: Import) -> None:
    text = MAP.replace("[columns]", '[columns]\ncensored = "flag"')
    done = imported(write(tmp_path / "t.jsonl", [{**ROWS[0], "flag": "maybe"}]), text)

    assert done.rejected == [(1, "field `flag`: neither true nor false")]


def test_dates_and_times_of_parquet_are_read(tmp_path: Path, imported: Import) -> None:
    rows = [
        {**ROWS[0], "started": datetime(2026, 1, 5, 12, tzinfo=UTC)},
        {**ROWS[1], "started": datetime(2026, 1, 6, 12, tzinfo=UTC)},
    ]
    done = imported(write(tmp_path / "t.parquet", rows))

    assert [record.at.day for record in done.records] == [5, 6]


def test_a_row_with_too_few_cells_lacks_what_they_would_hold(
    tmp_path: Path, imported: Import
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(csv_text(ROWS) + "a,3\n")

    assert imported(table).rejected == [(4, "field `started`: missing")]
