"""A store opened for reading: dataset, spool, and what hooks recorded, never written.

What hooks recorded since the last import becomes records when a store is compacted or
imported into. A reader joins it in memory, so a report shows the present and needs no
right to write.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from toolkit.history.address import ObjectAddress, Place, require_local
from toolkit.history.base import Dataset
from toolkit.history.dataset import LocalDataset
from toolkit.history.importers.hooks.spool import HookTail, read_place
from toolkit.history.store import RecordStore, line_of
from toolkit.history.version import check_version, require_store
from toolkit.records import Record, Spool

__all__ = ["open_store", "read_store"]

Report = Callable[[float, float, str], None]


def read_store(place: Place, *, report: Report | None = None) -> Dataset:
    """Open a store for reading.

    Parameters
    ----------
    place : path or ObjectAddress
    report : callable, optional
        Called with how many MB of how many were fetched from object storage.

    Returns
    -------
    Dataset
        Reads what is there when it is asked, compacted or not.

    Raises
    ------
    InputDataError
        There is no such store, or a newer version wrote it. Of a store on object
        storage this shows when it is asked something.
    MissingExtraError
        It is on object storage, and the extra `s3` is not installed.
    UsageError
        It is on object storage, and there are no credentials, or it is a path that was
        made of an address.

    Examples
    --------
    >>> import tempfile
    >>> read_store(Path(tempfile.mkdtemp())).summary()
    []
    """
    if isinstance(place, ObjectAddress):
        from toolkit.history.objects.opening import read_objects

        return read_objects(place, os.environ, report=report)
    root = require_local(place)
    require_store(root)
    check_version(root)
    return LocalDataset(
        root / "dataset", Spool(root / "spool"), more=lambda: _joined_hooks(root)
    )


@contextmanager
def open_store(
    place: Place, *, report: Report | None = None
) -> Iterator[RecordStore | Dataset]:
    """Open a store for what compacts it first, if it can be written.

    Parameters
    ----------
    place : path or ObjectAddress
    report : callable, optional
        Called with how many MB of how many were fetched from object storage.

    Yields
    ------
    RecordStore or Dataset
        A store of this machine, which is made where there is none; the dataset of one
        on object storage, which is only read.
    """
    if isinstance(place, ObjectAddress):
        yield read_store(place, report=report)
    else:
        with RecordStore(place) as store:
            yield store


def _joined_hooks(root: Path) -> Sequence[int]:
    """Join the hook events that no import has joined yet; give them as a file."""
    live, place = read_place(root)
    if not live.exists():
        return []
    lines = _Lines()
    HookTail(place).read(live, lines)
    if not lines.lines:
        return []
    with TemporaryFile() as stream:
        stream.writelines(lines.lines)
        stream.flush()
        return [os.dup(stream.fileno())]


class _Lines:
    """A sink that encodes the records; what else a source reports is for imports."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def add(self, record: Record) -> None:
        self.add_row(record.known())

    def add_row(self, row: dict[str, Any]) -> None:
        self.lines.append(line_of(row)[-1])

    def reject(self, line: int, reason: str) -> None:
        """Rejections are counted when the events are imported."""

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Leave counting to the import of the events."""

    def met(self, noun: str, identity: str) -> None:
        """Sessions are counted when the events are imported."""

    def read(self, lines: int) -> None:
        """Lines are counted when the events are imported."""

    def hidden(self, name: str) -> str:
        """Give the name as it is: hook rows hold keyed hashes already."""
        return name
