"""Following a live spool: what was appended since the last look, each line once."""

from collections.abc import Iterator

from toolkit.errors import SchemaError
from toolkit.records import CoordinationEvent, Spool, SpoolFollower

__all__ = ["SpoolTail"]


class SpoolTail:
    """Reads the coordination records of a spool as they come.

    Every event comes once, whatever compactions do meanwhile.

    Parameters
    ----------
    spool : Spool

    Attributes
    ----------
    unreadable : int
        Lines that were no record of a known shape; they are skipped.
    missed_segments : int
        See `toolkit.records.SpoolFollower`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> tail = SpoolTail(Spool(Path(tempfile.mkdtemp())))
    >>> list(tail.read())
    []
    """

    def __init__(self, spool: Spool) -> None:
        self._follower = SpoolFollower(spool)
        self.unreadable = 0

    @property
    def missed_segments(self) -> int:
        """Segments that came and went between two looks."""
        return self._follower.missed_segments

    def read(self) -> Iterator[CoordinationEvent]:
        """Read what is new; a torn last line is left for the next look."""
        for line in self._follower.read():
            yield from self._record(line.row)

    def _record(self, row: dict[str, object] | None) -> Iterator[CoordinationEvent]:
        if row is None:
            self.unreadable += 1
        elif row.get("kind") == CoordinationEvent.kind:
            try:
                yield CoordinationEvent.from_json(row)
            except SchemaError:
                self.unreadable += 1
