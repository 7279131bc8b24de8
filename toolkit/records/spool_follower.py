"""Following a spool: every line that is appended, once, whatever compaction does."""

import os
from collections.abc import Iterator
from typing import TypeVar

from toolkit.errors import SchemaError
from toolkit.records.schema import Record
from toolkit.records.spool import Spool, SpoolLine, lines_of

__all__ = ["SpoolFollower"]

R = TypeVar("R", bound=Record)


class SpoolFollower:
    """Reads the lines of a spool as they come.

    A place is a segment's number and an offset, since inodes and names come again. The
    segment that is being read stays open: it is read to its end even when a compaction
    has removed it meanwhile.

    Parameters
    ----------
    spool : Spool

    Attributes
    ----------
    missed_segments : int
        Segments that came and went between two looks: several compactions passed, and
        their lines are in the dataset only.
    unreadable : int
        Lines that were no record of a known shape; `records` skips them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> spool = Spool(Path(tempfile.mkdtemp()))
    >>> follower = SpoolFollower(spool)
    >>> spool.append({"a": 1})
    >>> [line.row for line in follower.read()], list(follower.read())
    ([{'a': 1}], [])
    """

    def __init__(self, spool: Spool) -> None:
        self.missed_segments = 0
        self.unreadable = 0
        self._spool = spool
        self._number: int | None = None
        self._end = 0
        self._held: int | None = None

    def read(self) -> Iterator[SpoolLine]:
        """Read what is new; a torn last line is left for the next look.

        Yields
        ------
        SpoolLine
            In the order they were appended.
        """
        first = self._number is None
        if self._number is None:  # what is in a dataset before the first look is old
            self._number = self._spool.oldest_number() - 1
        for number, descriptor in self._spool.opened(
            after=self._number, merged=not first
        ):
            yield from self._rest()
            self._go_to(number, os.dup(descriptor))
        yield from self._rest()

    def records(self, *kinds: type[R]) -> Iterator[R]:
        """Read what is new as records of some kinds.

        Parameters
        ----------
        *kinds : type of Record
            Such as `Batch`.

        Yields
        ------
        Record
            Of the kinds asked for; lines that are no record are counted in
            `unreadable`.
        """
        known = {kind.kind: kind for kind in kinds}
        for line in self.read():
            if line.row is None:
                self.unreadable += 1
            elif (kind := known.get(str(line.row.get("kind")))) is not None:
                try:
                    yield kind.from_json(line.row)
                except SchemaError:
                    self.unreadable += 1

    def close(self) -> None:
        """Let go of the segment that is being read."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _rest(self) -> Iterator[SpoolLine]:
        if self._held is None:
            return
        for line in lines_of(self._held, self._end):
            self._end = line.end
            yield line

    def _go_to(self, number: int, descriptor: int) -> None:
        self.missed_segments += number - (self._number or 0) - 1
        self.close()
        self._number, self._end, self._held = number, 0, descriptor
