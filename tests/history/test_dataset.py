from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.records import a_batch, records
from tests.thorough import sampled
from toolkit.errors import NotEnoughDataError
from toolkit.history import connect
from toolkit.history.columns import COMPLETENESS_SQL, column_types
from toolkit.history.dataset import LocalDataset
from toolkit.records import KINDS, Record, Spool


def filled(root: Path, rows: list[Record]) -> LocalDataset:
    spool = Spool(root / "spool")
    for record in rows:
        spool.append(record.to_json())
    dataset = LocalDataset(root / "dataset")
    dataset.compact(spool)
    return dataset


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_completeness_in_sql_equals_the_property(
    tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    @settings(max_examples=5, deadline=None)
    @given(st.lists(records(kind), min_size=1, max_size=10, unique_by=identity))
    def check(drawn: list[Record]) -> None:
        dataset = filled(tmp_path_factory.mktemp(kind), drawn)
        files = [str(path) for path in dataset.files(kind)]
        with connect() as connection:
            rows = connection.execute(
                f"SELECT record_id, {COMPLETENESS_SQL[kind]} FROM read_parquet(?)",  # noqa: S608 - a constant
                [files],
            ).fetchall()

        assert dict(rows) == {r.record_id: r.completeness for r in drawn}

    check()


def identity(record: Record) -> str:
    return record.record_id


@settings(max_examples=sampled(4, whole=8), deadline=None)
@given(st.lists(records(), max_size=8, unique_by=identity))
def test_what_is_compacted_is_what_was_spooled(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Record]
) -> None:
    dataset = filled(tmp_path_factory.mktemp("dataset"), drawn)
    found = [
        record for kind in KINDS if dataset.days(kind) for record in dataset.scan(kind)
    ]

    assert sorted(found, key=identity) == sorted(drawn, key=identity)


def test_partitions_are_by_kind_and_day_in_utc(tmp_path: Path) -> None:
    late = datetime(2026, 1, 5, 23, 59, 59, 999_999, tzinfo=UTC)
    early = datetime(2026, 1, 6, tzinfo=UTC)
    dataset = filled(tmp_path, [a_batch("a", at=late), a_batch("b", at=early)])

    assert dataset.days("batch") == ["2026-01-05", "2026-01-06"]
    assert [path.parent.name for path in dataset.files("batch")] == [
        "day=2026-01-05",
        "day=2026-01-06",
    ]


def test_compacting_twice_changes_nothing(tmp_path: Path) -> None:
    dataset = filled(tmp_path, [a_batch()])
    before = list(dataset.scan("batch"))
    spool = Spool(tmp_path / "spool")
    spool.append(a_batch().to_json())
    dataset.compact(spool)

    assert list(dataset.scan("batch")) == before


def test_a_compaction_that_died_before_it_removed_the_spool_may_be_run_again(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append(a_batch().to_json())
    _, sealed = spool.seal()[0]
    kept = sealed.read_bytes()
    dataset = LocalDataset(tmp_path / "dataset")
    dataset.compact(spool)
    sealed.write_bytes(kept)
    dataset.compact(spool)

    assert dataset.count("batch") == 1
    assert spool.files() == []


def test_lines_that_are_no_records_are_left_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    good = a_batch().to_json()
    spool.append_encoded([b"nonsense\n", b"[1]\n", b'{"kind":"other"}\n', b"{}\n"])
    spool.append({**good, "record_id": None})
    spool.append({**good, "at": "yesterday"})
    spool.append(good)
    dataset = LocalDataset(tmp_path / "dataset")
    dataset.compact(spool)

    assert list(dataset.scan("batch")) == [a_batch()]


def test_a_count_that_overflows_is_set_aside_and_the_rest_is_merged(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    good = a_batch().to_json()
    spool.append({**good, "record_id": "huge", "succeeded": 2**62})
    spool.append(good)
    dataset = LocalDataset(tmp_path / "dataset")
    refused: list[str] = []
    done = dataset.compact(
        spool, on_refused=lambda lines: refused.extend(line.reason for line in lines)
    )

    assert refused == ["field `succeeded`: outside 0 to 1e+09"]
    assert done.rows == {"batch": 1}
    assert "huge" in (tmp_path / "dataset/damaged/sealed-00000001.jsonl").read_text()


def test_what_is_not_compacted_yet_is_read_like_what_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    dataset = LocalDataset(tmp_path / "dataset", spool)
    spool.append(a_batch("kept", succeeded=None).to_json())
    spool.append(a_batch("old").to_json())
    dataset.compact(spool)
    fuller = a_batch("kept", succeeded=1)
    for record in (fuller, a_batch("new"), a_batch("old")):
        spool.append(record.to_json())
    before = sorted(dataset.scan("batch"), key=identity)
    dataset.compact(spool)

    assert before == sorted(dataset.scan("batch"), key=identity)
    assert before == [fuller, a_batch("new"), a_batch("old")]


def test_reading_writes_nothing(tmp_path: Path) -> None:
    dataset = filled(tmp_path, [a_batch()])
    spool = Spool(tmp_path / "spool")
    spool.append(a_batch("tail").to_json())
    before = {path: path.stat() for path in tmp_path.rglob("*")}
    LocalDataset(tmp_path / "dataset", spool).summary()

    assert dataset.count("batch") == 1
    assert {path: path.stat() for path in tmp_path.rglob("*")}.keys() == before.keys()


def test_a_reader_keeps_what_it_reads_while_a_compaction_passes(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    filled(tmp_path, [a_batch("a")])
    spool.append(a_batch("b").to_json())
    dataset = LocalDataset(tmp_path / "dataset", spool)
    with dataset.snapshot() as snapshot:
        dataset.compact(spool)
        seen = [record.record_id for record in snapshot.scan("batch")]
    parts_while_read = list(tmp_path.rglob("part-*.parquet"))
    dataset.compact(spool)

    assert seen == ["a", "b"]
    assert len(parts_while_read) == 2
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 1


def test_a_damaged_part_is_set_aside_and_the_rest_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (5, 6)]
    dataset = filled(tmp_path, [a_batch(f"r{at.day}", at=at) for at in days])
    part = dataset.files("batch")[0]
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    found = [record.record_id for record in dataset.scan("batch")]
    done = dataset.compact(Spool(tmp_path / "spool"))

    assert found == ["r6"]
    assert done.damaged == (part,)
    assert [record.message.split()[0] for record in caplog.records] == [str(part)]


def test_a_dataset_without_generations_is_read_and_merged(tmp_path: Path) -> None:
    dataset = filled(tmp_path, [a_batch("old")])
    (part,) = dataset.files("batch")
    part.rename(part.with_name("part.parquet"))
    (tmp_path / "dataset/generation.json").unlink()
    before = [record.record_id for record in dataset.scan("batch")]
    filled(tmp_path, [a_batch("new")])

    assert before == ["old"]
    assert [r.record_id for r in dataset.scan("batch")] == ["new", "old"]
    assert not part.with_name("part.parquet").exists()


def test_columns_of_one_name_have_one_type_in_every_kind() -> None:
    types: dict[str, set[str]] = {}
    for kind in KINDS:
        for name, sql in column_types(kind).items():
            types.setdefault(name, set()).add(sql)

    assert {name for name, known in types.items() if len(known) > 1} == set()


def test_a_scan_is_in_order_of_time(tmp_path: Path) -> None:
    rows = [
        a_batch(f"r{minute}", at=datetime(2026, 1, 5, 12, minute, tzinfo=UTC))
        for minute in (30, 10, 20)
    ]
    dataset = filled(tmp_path, rows)

    assert [r.record_id for r in dataset.scan("batch")] == ["r10", "r20", "r30"]


def test_a_time_keeps_its_microseconds(tmp_path: Path) -> None:
    at = datetime(2026, 1, 5, 12, 0, 0, 123_456, tzinfo=UTC)
    dataset = filled(tmp_path, [a_batch(at=at)])

    assert [r.at for r in dataset.scan("batch")] == [at]


def test_nothing_to_scan_is_not_enough_data(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError):
        list(LocalDataset(tmp_path).scan("batch"))


def test_the_summary_counts_by_source_and_type(tmp_path: Path) -> None:
    rows = [a_batch("a"), a_batch("b"), a_batch("c", operation_type="web")]
    counts = filled(tmp_path, rows).summary()

    assert [(c.kind, c.type_name, c.records, c.first_day) for c in counts] == [
        ("batch", "shell", 2, "2026-01-05"),
        ("batch", "web", 1, "2026-01-05"),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_copies_on_both_sides_of_midnight_are_one_record(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    copies = [
        a_batch(at=datetime(2026, 1, 5, 23, 59, 59, tzinfo=UTC)),
        a_batch(at=datetime(2026, 1, 6, tzinfo=UTC), succeeded=1),
    ]
    for number in order:
        filled(tmp_path, [copies[number]])

    assert list(LocalDataset(tmp_path / "dataset").scan("batch")) == [copies[1]]


def test_partitions_of_version_1_are_read_and_merged_with_those_of_today(
    tmp_path: Path,
) -> None:
    old = a_batch("old", policy="guarded")
    dataset = filled(tmp_path, [old])
    (part,) = dataset.files("batch")
    lacking = ["turn_id", "served", "numbers", "project", "known_before"]
    written = part.with_suffix(".v1")
    with connect() as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE ({', '.join(lacking)}) FROM read_parquet('{part}')) "  # noqa: S608 - our own path
            f"TO '{written}' (FORMAT parquet)"
        )
    part.unlink()
    written.replace(part.with_name("part.parquet"))
    (tmp_path / "dataset/generation.json").unlink()

    assert list(dataset.scan("batch")) == [old]

    new = a_batch("new", turn_id="t1", numbers={"memory_gib": 16.0})
    filled(tmp_path, [new])

    assert sorted(dataset.scan("batch"), key=identity) == [new, old]
