"""Operations on a store, each with what must hold whatever happened to it."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.records.records import a_batch
from toolkit.cli import run
from toolkit.history import RecordStore, compact_store, read_store
from toolkit.records import Record, Spool

__all__ = ["OPERATIONS", "Operation", "prepare", "records_of"]

OLD = [
    a_batch(f"old{number}", at=datetime(2026, 1, 5 + number % 3, tzinfo=UTC))
    for number in range(6)
]
SPOOLED = [
    a_batch(f"tail{number}", at=datetime(2026, 1, 6 + number % 3, tzinfo=UTC))
    for number in range(6)
]
NEW = [a_batch(f"new{number}") for number in range(4)]


class Operation(NamedTuple):
    """One operation.

    Attributes
    ----------
    run : callable
        Does it to a store, and gives the exit code.
    check : callable
        Looks at the store afterwards, does it again, and gives 0; `acknowledged` says
        that the first run ended with 0.
    """

    run: Callable[[Path], int]
    check: Callable[..., int]


def prepare(name: str, store: Path) -> None:
    """Make the store that an operation starts from: compacted records and a tail."""
    shutil.rmtree(store, ignore_errors=True)
    with RecordStore(store) as opened:
        opened.add_all(OLD)
        opened.compact()
        opened.add_all(SPOOLED)
    lines = store.parent / f"{name}.jsonl"
    lines.write_text("".join(json.dumps(record.to_json()) + "\n" for record in NEW))
    if name == "first import":
        shutil.rmtree(store)
        store.mkdir()


def records_of(store: Path) -> list[str]:
    """List the ids of the batches that a reader sees."""
    dataset = read_store(store)
    return sorted(r.record_id for r in dataset.scan("batch")) if _has(store) else []


def _has(store: Path) -> bool:
    return read_store(store).has("batch")


def _ids(*groups: list[Record]) -> list[str]:
    return sorted(record.record_id for group in groups for record in group)


def _import(store: Path) -> int:
    """Import through the command line; the file lies beside the template."""
    source = store.parent / "templates" / "import.jsonl"
    words = ["records", "import", "spool", str(source), "--store", str(store), "--json"]
    return run(words)


def _check_import(before: list[Record]) -> Callable[..., int]:
    def check(store: Path, *, acknowledged: bool) -> int:
        found = records_of(store)
        assert set(_ids(before)) <= set(found), f"lost: {found}"
        assert len(found) == len(set(found)), f"twice: {found}"
        if acknowledged:
            assert found == _ids(before, NEW), f"acknowledged and lost: {found}"
        assert _import(store) == 0
        assert records_of(store) == _ids(before, NEW)
        with RecordStore(store) as opened:
            compact_store(opened)
        assert records_of(store) == _ids(before, NEW)
        return 0

    return check


def _compact(store: Path) -> int:
    return run(["records", "compact", "--store", str(store), "--json"])


def _check_compact(store: Path, *, acknowledged: bool) -> int:
    assert records_of(store) == _ids(OLD, SPOOLED)
    assert _compact(store) == 0
    assert records_of(store) == _ids(OLD, SPOOLED)
    left = {path.name for path in (store / "dataset").rglob("*") if path.is_file()}
    parts = {name for name in left if name.startswith("part-")}
    assert len(list((store / "dataset").rglob("part-*.parquet"))) == 4, left
    assert left - parts == {"generation.json", ".compacting", ".readers"}, left
    return 0 if acknowledged or not Spool(store / "spool").files() else 1


def _append(store: Path) -> int:
    """Append as the receiver does before it answers 200."""
    try:
        spool = Spool(store / "spool")
        spool.append_all([record.to_json() for record in NEW], durable=True)
    except OSError:
        return 3
    return 0


def _check_append(store: Path, *, acknowledged: bool) -> int:
    found = records_of(store)
    assert set(_ids(OLD, SPOOLED)) <= set(found), f"lost: {found}"
    if acknowledged:
        assert found == _ids(OLD, SPOOLED, NEW), f"acknowledged and lost: {found}"
    assert _append(store) == 0
    assert records_of(store) == _ids(OLD, SPOOLED, NEW)
    return 0


OPERATIONS = {
    "import": Operation(_import, _check_import([*OLD, *SPOOLED])),
    "first import": Operation(_import, _check_import([])),
    "compact": Operation(_compact, _check_compact),
    "append": Operation(_append, _check_append),
}
