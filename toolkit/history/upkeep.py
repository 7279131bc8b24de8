"""What a store needs over the years: letting go of old records, raising its version."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from toolkit.history.compaction import compact_store
from toolkit.history.dataset import Compaction
from toolkit.history.importers.hooks.spool import forget_events
from toolkit.history.store import RecordStore
from toolkit.history.version import StoreVersion, check_version, require_store

__all__ = ["Retention", "migrate_store", "retain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a store let go of.

    Attributes
    ----------
    first_day : str
        The first that is kept, `YYYY-MM-DD` in UTC.
    records : dict of str to int
        Records that went, by kind.
    events : int
        Hook events that went.
    """

    first_day: str
    records: dict[str, int]
    events: int


def retain(root: Path, first_day: date) -> Retention:
    """Let go of the records of before a day, for good, and of their hook events.

    The store is compacted first. Records of those days that are imported again are not
    kept; a later call may name a later day, and an earlier one changes nothing.

    Parameters
    ----------
    root : path
    first_day : date
        The first that is kept, in UTC.

    Returns
    -------
    Retention
        What was let go, by kind.

    Raises
    ------
    InputDataError
        There is no such store, or a newer version wrote it.
    StorageError
        The store cannot be written.
    """
    require_store(root)
    with RecordStore(root) as store:
        compact_store(store)
        records = store.keep_from(first_day.isoformat())
    begin = datetime.combine(first_day, time.min, tzinfo=UTC)
    events = forget_events(root, int(begin.timestamp() * 1e9))
    return Retention(first_day=first_day.isoformat(), records=records, events=events)


def migrate_store(root: Path) -> tuple[StoreVersion, Compaction]:
    """Raise a store to this version: its layout, and the columns of its parts.

    A store of an older version is read as it is, and raised by its first write, but for
    the columns of parts that no new record falls into.

    Parameters
    ----------
    root : path
        The store's folder.

    Returns
    -------
    before : StoreVersion
    done : Compaction
        The parts that were written again.

    Raises
    ------
    InputDataError
        There is no such store, or a newer version wrote it.
    StorageError
        The store cannot be written.
    """
    require_store(root)
    before = check_version(root)
    with RecordStore(root) as store:
        compact_store(store)
        return before, store.rewrite()
