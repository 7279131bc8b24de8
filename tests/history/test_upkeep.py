"""Backup, retention and migration of a store."""

import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tests.faults.storing import hook_rows
from tests.records.records import a_batch
from toolkit.errors import InputDataError, UsageError
from toolkit.history import (
    RecordStore,
    back_up,
    compact_store,
    migrate_store,
    read_store,
    retain,
)
from toolkit.records import Spool

OLD = [a_batch(f"old{n}", at=datetime(2026, 1, 5 + n, tzinfo=UTC)) for n in range(3)]
NEW = [a_batch(f"new{n}", at=datetime(2026, 2, 5 + n, tzinfo=UTC)) for n in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Old records compacted, new ones in the spool, and hook events."""
    root = tmp_path / "store"
    with RecordStore(root) as opened:
        opened.add_all(OLD)
        opened.compact()
        opened.add_all(NEW)
        Spool(root / "hooks").append_all(hook_rows(opened.key))
    return root


def ids(root: Path) -> list[str]:
    return sorted(
        record.record_id
        for record in read_store(root).scan("batch")
        if record.source != "claude-code-hooks"
    )


EVERY = sorted(record.record_id for record in [*OLD, *NEW])
LATER = sorted(record.record_id for record in NEW)


def test_a_backup_is_a_store_with_all_records_and_their_modes(
    store: Path, tmp_path: Path
) -> None:
    batches = read_store(store).count("batch")
    back_up(store, tmp_path / "copy")

    assert ids(tmp_path / "copy") == EVERY
    assert read_store(tmp_path / "copy").count("batch") == batches
    assert (tmp_path / "copy" / "key").read_bytes() == (store / "key").read_bytes()
    for path in (tmp_path / "copy").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    with RecordStore(tmp_path / "copy") as copied:
        compact_store(copied)
        copied.add_all(OLD)
    assert read_store(tmp_path / "copy").count("batch") == batches


def test_a_backup_leaves_out_what_a_writer_is_in_the_middle_of(
    store: Path, tmp_path: Path
) -> None:
    with (store / "spool" / "live.jsonl").open("ab") as stream:
        stream.write(b'{"kind": "batch", "rec')
    back_up(store, tmp_path / "copy")

    assert ids(tmp_path / "copy") == EVERY


def test_a_backup_replaces_nothing_and_does_not_copy_damage(
    store: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="exists"):
        back_up(store, tmp_path)
    with pytest.raises(UsageError, match="within"):
        back_up(store, store / "copy")
    part = next(store.rglob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-8])
    with pytest.raises(InputDataError, match="damaged"):
        back_up(store, tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_what_is_older_than_retained_goes_and_does_not_come_back(store: Path) -> None:
    done = retain(store, date(2026, 2, 1))

    assert done.records == {"batch": len(OLD)}
    assert ids(store) == LATER
    with RecordStore(store) as opened:
        opened.add_all([*OLD, a_batch("older", at=datetime(2026, 1, 9, tzinfo=UTC))])
    assert ids(store) == LATER
    with RecordStore(store) as opened:
        compact_store(opened)
    assert ids(store) == LATER
    assert retain(store, date(2026, 1, 1)).records == {}


def test_hook_events_go_once_they_are_joined_and_their_records_stay(
    store: Path,
) -> None:
    with RecordStore(store) as opened:
        events = hook_rows(opened.key)
        ended = {**events[-1], "event": "SessionEnd"}
        Spool(store / "hooks").append(ended)
    before = read_store(store).count("batch")
    kept = retain(store, date(2026, 2, 1))
    gone = retain(store, date(2027, 1, 1))

    assert before == len(EVERY) + 2
    assert (kept.events, gone.events) == (0, len(events) + 1)
    assert not Spool(store / "hooks").live.read_bytes()


def test_a_part_that_lacks_a_column_is_written_again(store: Path) -> None:
    part = next(store.rglob("part-*.parquet"))
    table = parquet.read_table(part, partitioning=None)
    parquet.write_table(table.drop_columns(["turn_id"]), part)
    generation = json.loads((store / "dataset" / "generation.json").read_bytes())
    for days in generation["parts"].values():
        for entry in days.values():
            entry["size"] = entry["check"] = None
    (store / "dataset" / "generation.json").write_text(json.dumps(generation))
    (store / "store.json").unlink()
    before, done = migrate_store(store)

    assert before.format == 1
    assert done.partitions == 1
    assert ids(store) == EVERY
    assert all(
        "turn_id" in parquet.read_schema(path).names
        for path in (store / "dataset" / "kind=batch").rglob("part-*.parquet")
    )
    assert migrate_store(store)[1].partitions == 0
