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
        """Open what there is at this moment for reading; nothing is written.

        Returns
        -------
        context manager of Snapshot
            Its files stay readable while it is open, whatever is compacted meanwhile.
        """

    @abstractmethod
    def files(self, kind: str) -> list[Path]:
        """List the part files of a kind that are in force and whole, by day.

        Parameters
        ----------
        kind : str
            One of `KINDS`, such as `batch`.

        Returns
        -------
        list of path
        """

    def has(self, kind: str) -> bool:
        """Look whether there is a record of a kind.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        bool
        """
        with self.snapshot() as snapshot:
            return snapshot.has(kind)

    def count(self, kind: str) -> int:
        """Count the records of a kind.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        int
        """
        with self.snapshot() as snapshot:
            return snapshot.count(kind)

    def days(self, kind: str) -> list[str]:
        """List the days of which there are records, in order.

        Parameters
        ----------
        kind : str
            One of `KINDS`.

        Returns
        -------
        list of str
            In UTC, as `2026-01-05`.
        """
        with self.snapshot() as snapshot:
            return snapshot.days(kind)

    def summary(self) -> list[KindCount]:
        """Count the records of every kind by source, type and provenance.

        Returns
        -------
        list of KindCount
        """
        with self.snapshot() as snapshot:
            return snapshot.summary()

    def scan(self, kind: str, *, size: int = 4096) -> Iterator[Record]:
        """Read the records of a kind in the order of their time, then of their id.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        size : int
            Rows fetched at once; more need more memory.

        Yields
        ------
        Record

        Raises
        ------
        NotEnoughDataError
            There are none.
        """
        with self.snapshot() as snapshot:
            yield from snapshot.scan(kind, size=size)
