"""A sink that keeps what it is given, for views and tests."""

from collections import deque

from toolkit.records import Record

__all__ = ["MemorySink"]


class MemorySink:
    """Keeps the latest records.

    Parameters
    ----------
    keep : int
        How many.

    Examples
    --------
    >>> len(MemorySink(keep=3).kept)
    0
    """

    def __init__(self, *, keep: int = 1000) -> None:
        self.kept: deque[Record] = deque(maxlen=keep)

    def emit(self, record: Record, /) -> None:
        """Keep a record."""
        self.kept.append(record)

    def close(self) -> None:
        """Keep what is kept."""
