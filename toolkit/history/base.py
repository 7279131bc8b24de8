"""What every dataset can be asked, wherever its records are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from toolkit.history.snapshot import KindCount, Snapshot
from toolkit.records import Record

__all__ = ["Dataset"]


class Dataset(ABC):
    """A store's records, for reading: compacted parts, and the tail behind them.

    Each question is asked of one snapshot; to ask several of the same, open it.
    """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open what there is at this moment for reading; nothing is written."""

    @abstractmethod
    def files(self, kind: str) -> list[Path]:
        """List the part files of a kind that are in force and whole, by day."""

    def has(self, kind: str) -> bool:
        """Look whether there is a record of a kind."""
        with self.snapshot() as snapshot:
            return snapshot.has(kind)

    def count(self, kind: str) -> int:
        """Count the records of a kind."""
        with self.snapshot() as snapshot:
            return snapshot.count(kind)

    def days(self, kind: str) -> list[str]:
        """List the days of which there are records, in order."""
        with self.snapshot() as snapshot:
            return snapshot.days(kind)

    def summary(self) -> list[KindCount]:
        """Count the records of every kind by source, type and provenance."""
        with self.snapshot() as snapshot:
            return snapshot.summary()

    def scan(self, kind: str, *, size: int = 4096) -> Iterator[Record]:
        """Read the records of a kind in the order of their time, then of their id.

        Raises
        ------
        NotEnoughDataError
            There are none.
        """
        with self.snapshot() as snapshot:
            yield from snapshot.scan(kind, size=size)
