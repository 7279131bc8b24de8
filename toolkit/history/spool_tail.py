"""Following a live spool: what was appended since the last look, each line once."""

from collections.abc import Iterator

from toolkit.errors import SchemaError
from toolkit.records import CoordinationEvent, Spool, read_lines

__all__ = ["SpoolTail"]


class SpoolTail:
    """Reads the coordination records of a spool as they come.

    A file is known by its inode, so one that compaction sets aside under another name
    is not read again.

    Parameters
    ----------
    spool : Spool

    Attributes
    ----------
    unreadable : int
        Lines that were no record of a known shape; they are skipped.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> tail = SpoolTail(Spool(Path(tempfile.mkdtemp())))
    >>> list(tail.read())
    []
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._ends: dict[int, int] = {}
        self.unreadable = 0

    def read(self) -> Iterator[CoordinationEvent]:
        """Read what is new; a torn last line is left for the next look."""
        seen: dict[int, int] = {}
        for path in self._spool.files():
            try:
                inode = path.stat().st_ino
                seen[inode] = self._ends.get(inode, 0)
                for line in read_lines(path, seen[inode]):
                    seen[inode] = self._ends[inode] = line.end
                    yield from self._record(line.row)
            except FileNotFoundError:
                continue  # compacted between listing and reading: it was read before
        self._ends = seen

    def _record(self, row: dict[str, object] | None) -> Iterator[CoordinationEvent]:
        if row is None:
            self.unreadable += 1
        elif row.get("kind") == CoordinationEvent.kind:
            try:
                yield CoordinationEvent.from_json(row)
            except SchemaError:
                self.unreadable += 1
