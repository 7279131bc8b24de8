"""Import, compaction and durable appends on a store."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.operation import Check, Operation
from tests.hook_payloads import after, batch, before, call, payload
from tests.records.records import a_batch
from toolkit.capture.hook_handler import reduce_event
from toolkit.cli import run
from toolkit.history import RecordStore, compact_store, read_rejected, read_store
from toolkit.records import Record, Spool

__all__ = ["STORING", "hook_rows"]

OLD = [
    a_batch(f"old{number}", at=datetime(2026, 1, 5 + number % 3, tzinfo=UTC))
    for number in range(6)
]
SPOOLED = [
    a_batch(f"tail{number}", at=datetime(2026, 1, 6 + number % 3, tzinfo=UTC))
    for number in range(6)
]
NEW = [a_batch(f"new{number}") for number in range(4)]
REFUSED = '{"kind": "batch"}'
"""A line that is no record, in the source: its rejection is noted once."""


def hook_rows(
    key: bytes, *, first: int = 1, batches: int = 2
) -> list[dict[str, object]]:
    """Events of a session with some batches of one call, as the hook writes them."""
    payloads = []
    for number in range(first, first + batches):
        one = call("Read", number)
        payloads += [before(one), after(one), batch([one])]
    payloads.append(payload("Stop"))
    return [
        dict(reduce_event(one, key, 1_790_000_000_000_000_000 + 10**9 * place))
        for place, one in enumerate(payloads)
    ]


def _prepare(folder: Path) -> None:
    """Make a store with compacted records and a tail, and a file to import."""
    folder.mkdir()
    store = folder / "store"
    with RecordStore(store) as opened:
        opened.add_all(OLD)
        opened.compact()
        opened.add_all(SPOOLED)
    _write_source(folder)


def _prepare_first(folder: Path) -> None:
    folder.mkdir()
    (folder / "store").mkdir()
    _write_source(folder)


def _prepare_hooks(folder: Path) -> None:
    _prepare(folder)
    with RecordStore(folder / "store") as store:
        Spool(store.root / "hooks").append_all(hook_rows(store.key))


def _write_source(folder: Path) -> None:
    lines = [json.dumps(record.to_json()) for record in NEW]
    lines.insert(1, REFUSED)
    (folder / "source.jsonl").write_text("\n".join(lines) + "\n")


def _records(store: Path) -> list[str]:
    """List the ids of the batches that a reader sees."""
    dataset = read_store(store)
    if not dataset.has("batch"):
        return []
    return sorted(record.record_id for record in dataset.scan("batch"))


def _rejections(store: Path) -> int:
    """Count the lines that could not be read, as reports do."""
    return len(list(read_rejected(store)))


def _ids(*groups: list[Record]) -> list[str]:
    return sorted(record.record_id for group in groups for record in group)


def _import(folder: Path) -> int:
    source, store = str(folder / "source.jsonl"), str(folder / "store")
    return run(["records", "import", "spool", source, "--store", store, "--json"])


def _check_import(before: list[Record]) -> Check:
    def check(folder: Path, *, acknowledged: bool) -> None:
        store = folder / "store"
        found = _records(store)
        assert set(_ids(before)) <= set(found), f"lost: {found}"
        assert len(found) == len(set(found)), f"twice: {found}"
        if acknowledged:
            assert found == _ids(before, NEW), f"acknowledged and lost: {found}"
            assert _rejections(store) == 1
        assert _import(folder) == 0
        assert _records(store) == _ids(before, NEW)
        assert _rejections(store) == 1, "a rejection is lost, or counted twice"
        with RecordStore(store) as opened:
            compact_store(opened)
        assert _records(store) == _ids(before, NEW)

    return check


def _compact(folder: Path) -> int:
    return run(["records", "compact", "--store", str(folder / "store"), "--json"])


def _check_compact(folder: Path, *, acknowledged: bool) -> None:
    store = folder / "store"
    assert _records(store) == _ids(OLD, SPOOLED)
    # A power cut may bring a merged segment back: the generation knows that it is in.
    assert _compact(folder) == 0
    assert _records(store) == _ids(OLD, SPOOLED)
    if acknowledged:
        assert not Spool(store / "spool").files()
    left = {path.name for path in (store / "dataset").rglob("*") if path.is_file()}
    parts = {name for name in left if name.startswith("part-")}
    assert len(list((store / "dataset").rglob("part-*.parquet"))) == 4, left
    assert left - parts == {"generation.json", ".compacting", ".readers"}, left


def _check_hooks(folder: Path, *, acknowledged: bool) -> None:
    """The two batches of the hooks are there once, before and after."""
    store = folder / "store"
    for _ in range(2):
        found = _records(store)
        assert set(_ids(OLD, SPOOLED)) < set(found)
        assert len(found) == len(set(found)) == len(_ids(OLD, SPOOLED)) + 2, found
        assert _compact(folder) == 0
    assert acknowledged in (True, False)


def _append(folder: Path) -> int:
    """Append as the receiver does before it answers 200."""
    try:
        spool = Spool(folder / "store" / "spool")
        spool.append_all([record.to_json() for record in NEW], durable=True)
    except OSError:
        return 3
    return 0


def _check_append(folder: Path, *, acknowledged: bool) -> None:
    store = folder / "store"
    found = _records(store)
    assert set(_ids(OLD, SPOOLED)) <= set(found), f"lost: {found}"
    if acknowledged:
        assert found == _ids(OLD, SPOOLED, NEW), f"acknowledged and lost: {found}"
    assert _append(folder) == 0
    assert _records(store) == _ids(OLD, SPOOLED, NEW)


WARM = ("duckdb", "msgspec", "orjson", "pyarrow.parquet", "toolkit.cli.records.verbs")

STORING: Mapping[str, Operation] = {
    "import": Operation(_prepare, _import, _check_import([*OLD, *SPOOLED]), WARM),
    "first import": Operation(_prepare_first, _import, _check_import([]), WARM),
    "compact": Operation(_prepare, _compact, _check_compact, WARM),
    "compact hooks": Operation(_prepare_hooks, _compact, _check_hooks, WARM),
    "append": Operation(_prepare, _append, _check_append, WARM),
}
