"""Machines with stores of their own that ship to one place, and what must be there."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.records.records import a_batch
from toolkit.history import RecordStore
from toolkit.history.dataset import Compaction
from toolkit.history.objects.base import Objects
from toolkit.history.objects.cache import ObjectCache
from toolkit.history.objects.compaction import compact_objects
from toolkit.history.objects.reading import ObjectDataset
from toolkit.history.objects.shipping import Shipment, ship
from toolkit.records import KINDS, Record

__all__ = ["all_records", "batches", "compacted", "known", "machine", "shipped"]

FIRST = datetime(2026, 1, 5, 22, tzinfo=UTC)


def batches(first: int, last: int, **fields: object) -> list[Record]:
    """Batches an hour apart, so that they fall into several days."""
    return [
        a_batch(f"b{n}", at=FIRST + timedelta(hours=n), **fields)
        for n in range(first, last)
    ]


def machine(root: Path, rows: Iterable[Record]) -> Path:
    """Add records to the store of a machine."""
    with RecordStore(root) as store:
        store.add_all(list(rows))
    return root


def shipped(root: Path, objects: Objects, rows: Iterable[Record] = ()) -> Shipment:
    """Add records to the store of a machine, and ship it."""
    return ship(machine(root, rows), objects)


def cache(folder: Path, *, limit_bytes: int = 2**30) -> ObjectCache:
    return ObjectCache(folder, limit_bytes=limit_bytes)


def compacted(objects: Objects, folder: Path, *, kept_s: float = 900.0) -> Compaction:
    """Compact with a cache of one machine."""
    kept_for = timedelta(seconds=kept_s)
    return compact_objects(objects, cache(folder), kept_for=kept_for)


def all_records(objects: Objects, folder: Path) -> list[Record]:
    """Read every record of every kind there is, in a total order."""
    dataset = ObjectDataset(objects, cache(folder))
    found: list[Record] = []
    with dataset.snapshot() as snapshot:
        for kind in KINDS:
            if snapshot.has(kind):
                found.extend(snapshot.scan(kind))
    return sorted(found, key=lambda record: (record.kind, record.record_id))


def known(objects: Objects, folder: Path) -> list[str]:
    """Read the ids of all records, each as often as it is there."""
    return [record.record_id for record in all_records(objects, folder)]
