"""An append-only directory of JSON lines that many processes write at once.

Standard library only, so that an installed hook starts quickly. One record is one line.
Appends hold a lock alone, so lines never mix; an append that fails (disk full, I/O
error) is cut off again before its error is raised; what a killed writer left behind its
last whole line is cut off by the next writer.

What `append` returned from survives the death of the process; with `durable=True` it
survives a power cut too. The lines are in numbered segments: `live.jsonl` is the one
that grows, sealed ones wait for compaction, merged ones are kept a while for followers.
A number is used once, so a segment's number and an offset are a place for ever.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.records.durable import (
    make_directory,
    open_regular,
    read_regular,
    replace_file,
    sync_directory,
)

__all__ = [
    "Segment",
    "Span",
    "Spool",
    "SpoolLine",
    "append_whole",
    "encode",
    "lines_of",
    "read_spool_lines",
]

LOCK_NAME = ".lock"
LIVE_NAME = "live.jsonl"
NUMBER_NAME = ".segment"
SEALED = "sealed-"
MERGED = "merged-"

BLOCK_BYTES = 1 << 16


class SpoolLine(NamedTuple):
    """One readable line of a spool file.

    Attributes
    ----------
    number : int
        1-based line of the file.
    end : int
        Byte offset just behind the line.
    row : dict or None
        The JSON object, or `None` where the line holds something else.
    """

    number: int
    end: int
    row: dict[str, Any] | None


class Segment(NamedTuple):
    """One file of a spool.

    Attributes
    ----------
    number : int
        Rises with time; never used again.
    path : path
    """

    number: int
    path: Path


class Span(NamedTuple):
    """Where a write landed.

    Attributes
    ----------
    segment : int
        Number of the segment.
    start, end : int
        Byte offsets of the first byte written and just behind the last.
    """

    segment: int
    start: int
    end: int


class Spool:
    """A directory with one live file of JSON lines and those sealed for compaction.

    Parameters
    ----------
    directory : path
        Created with its first line.

    Examples
    --------
    >>> import tempfile
    >>> spool = Spool(Path(tempfile.mkdtemp()))
    >>> spool.append({"kind": "batch", "size": 3})
    >>> [line.row for line in spool.lines()]
    [{'kind': 'batch', 'size': 3}]
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def live(self) -> Path:
        """The file that lines are appended to."""
        return self.directory / LIVE_NAME

    def append(self, row: Mapping[str, Any], *, durable: bool = False) -> None:
        """Append one row; see `append_encoded` for what is promised.

        Parameters
        ----------
        row : mapping
            JSON types.
        durable : bool
            Return only once it is on disk, not just in the system's memory.
        """
        self.append_all([row], durable=durable)

    def append_all(
        self, rows: Iterable[Mapping[str, Any]], *, durable: bool = False
    ) -> None:
        """Append several rows, all or none; see `append_encoded`.

        Parameters
        ----------
        rows : iterable of mapping
            JSON types.
        durable : bool
            As of `append`.
        """
        self.append_encoded((encode(row) for row in rows), durable=durable)

    def append_encoded(
        self, lines: Iterable[bytes], *, durable: bool = False
    ) -> Span | None:
        """Append lines that are written already, each with its newline, all or none.

        Parameters
        ----------
        lines : iterable of bytes
        durable : bool
            Return only when the lines are on disk: a power cut loses nothing. Without
            it they are with the operating system: killing processes loses nothing.

        Returns
        -------
        Span or None
            Where they landed; `None` when there was nothing to write.

        Raises
        ------
        OSError
            The disk is full or the directory cannot be written; nothing was appended.
        """
        data = b"".join(lines)
        if not data:
            return None
        make_directory(self.directory)
        with self._locked(fcntl.LOCK_EX):
            start, end = append_whole(self.live, data, durable=durable)
            return Span(self._live_number(), start, end)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the spool alone, to replace a file of it.

        Yields
        ------
        None
        """
        with self._locked(fcntl.LOCK_EX):
            yield

    def seal(self, *, after: int = 0) -> list[Segment]:
        """Set the live file aside and list all sealed segments, oldest first.

        Parameters
        ----------
        after : int
            Highest number that is known to have been used.

        Returns
        -------
        list of Segment
            The one sealed now is the last.
        """
        if not self.directory.exists():
            return []
        with self._locked(fcntl.LOCK_EX):
            number = max(self._live_number(), after + 1)
            if self.live.exists() and _whole_bytes(self.live):
                target = self.directory / f"{SEALED}{number:08d}.jsonl"
                self.live.rename(target)
                sync_directory(self.directory)
                number += 1
            if number > _read_number(self.directory / NUMBER_NAME):
                replace_file(self.directory / NUMBER_NAME, b"%d\n" % number)
            return self.sealed()

    def retire(self, through: int, *, keep_bytes: int) -> None:
        """Give up the sealed segments that the dataset holds now.

        Parameters
        ----------
        through : int
            The last of them.
        keep_bytes : int
            The newest of them, up to this size together, stay readable as merged
            segments, so that a follower that looks every second misses none.
        """
        if not self.directory.exists():
            return
        with self._locked(fcntl.LOCK_EX):
            for segment in self.sealed():
                if segment.number <= through:
                    name = segment.path.name.replace(SEALED, MERGED)
                    segment.path.rename(self.directory / name)
            kept = 0
            for segment in reversed(self._numbered(MERGED)):
                kept += segment.path.stat().st_size
                if kept > keep_bytes:
                    segment.path.unlink()

    def oldest_number(self) -> int:
        """Give the number of the oldest segment that is not in a dataset yet.

        Returns
        -------
        int
        """
        waiting = self.segments()
        return waiting[0].number if waiting else self._live_number()

    def sealed(self) -> list[Segment]:
        """List the segments that wait for compaction, oldest first.

        Returns
        -------
        list of Segment
        """
        return self._numbered(SEALED)

    def segments(self) -> list[Segment]:
        """List the segments that are not in a dataset yet, the live one last.

        Returns
        -------
        list of Segment
        """
        with self._listing():
            live = [Segment(self._live_number(), self.live)]
            return [*self.sealed(), *(live if self.live.exists() else [])]

    def files(self) -> list[Path]:
        """List the files of `segments`.

        Returns
        -------
        list of path
        """
        return [segment.path for segment in self.segments()]

    def lines(self) -> Iterator[SpoolLine]:
        """Read every whole line that is not in a dataset yet.

        Yields
        ------
        SpoolLine
            Its row is `None` where the line cannot be read.
        """
        for _, descriptor in self.opened():
            yield from lines_of(descriptor)

    def opened(
        self, *, after: int = 0, merged: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Open the segments as they are at one moment, oldest first.

        What is open stays readable when a compaction renames or removes it meanwhile.

        Parameters
        ----------
        after : int
            Only segments with a higher number.
        merged : bool
            Those that are in the dataset already, too.

        Yields
        ------
        number : int
        descriptor : int
            Closed when the next one is asked for; duplicate it to keep it.
        """
        with self._listing():
            found = [*(self._numbered(MERGED) if merged else []), *self.segments()]
            opened = []
            for number, path in found:
                if number > after:
                    with suppress(FileNotFoundError):
                        opened.append((number, open_regular(path, os.O_RDONLY)))
        try:
            yield from opened
        finally:
            for _, descriptor in opened:
                os.close(descriptor)

    def _numbered(self, prefix: str) -> list[Segment]:
        found = (
            Segment(_number(path, prefix), path)
            for path in self.directory.glob(f"{prefix}*.jsonl")
        )
        return sorted(segment for segment in found if segment.number)

    def _live_number(self) -> int:
        used = [*self._numbered(SEALED), *self._numbered(MERGED)]
        highest = max((segment.number for segment in used), default=0)
        return max(highest + 1, _read_number(self.directory / NUMBER_NAME))

    @contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        path = self.directory / LOCK_NAME
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _listing(self) -> Iterator[None]:
        """Keep segments from being sealed; a reader never makes the lock file."""
        try:
            descriptor = open_regular(self.directory / LOCK_NAME, os.O_RDONLY)
        except OSError:
            yield  # none has written here with this version, or it is not ours to read
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)


def encode(row: Mapping[str, Any]) -> bytes:
    r"""Write a row as one line of strict JSON.

    Parameters
    ----------
    row : mapping
        JSON types.

    Returns
    -------
    bytes
        ASCII, with the line feed.

    Raises
    ------
    ValueError
        For NaN or an infinity, which JSON does not have.

    Examples
    --------
    >>> encode({"a": 1, "b": "é"})
    b'{"a":1,"b":"\\u00e9"}\n'
    """
    text = json.dumps(row, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def read_spool_lines(path: Path, start: int = 0) -> Iterator[SpoolLine]:
    """Read the whole lines of a file from a byte offset on; a torn last one is left.

    Parameters
    ----------
    path : path
    start : int
        Offset of the first line's first byte; line numbers count from there.

    Yields
    ------
    SpoolLine
        Its row is `None` where the line cannot be read.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        yield from lines_of(descriptor, start)
    finally:
        os.close(descriptor)


def lines_of(descriptor: int, start: int = 0) -> Iterator[SpoolLine]:
    """Read the whole lines of an open file, as `read_spool_lines` does of a path.

    Parameters
    ----------
    descriptor : int
        Open for reading; it stays open.
    start : int
        Offset of the first line's first byte.

    Yields
    ------
    SpoolLine
        Its row is `None` where the line cannot be read.
    """
    end = start
    with open(os.dup(descriptor), "rb") as stream:  # noqa: PTH123 - of a descriptor
        stream.seek(start)
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):
                return
            end += len(line)
            if line.strip():
                yield SpoolLine(number, end, _decode(line))


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _number(path: Path, prefix: str) -> int:
    digits = path.stem.removeprefix(prefix)
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _read_number(path: Path) -> int:
    try:
        return int(read_regular(path, max_bytes=20))
    except (OSError, ValueError):
        return 1  # never sealed, or damaged: the files' own numbers decide


def append_whole(path: Path, data: bytes, *, durable: bool) -> tuple[int, int]:
    """Append all of some data to a file of lines, or none of it.

    What a killed writer left behind the last whole line is cut off first.

    Parameters
    ----------
    path : path
        Created where it is missing. The caller holds a lock alone.
    data : bytes
        Whole lines.
    durable : bool
        Return only when they are on disk.

    Returns
    -------
    start, end : int
        Offsets of the first byte and just behind the last.

    Raises
    ------
    OSError
        The disk is full, or the file cannot be written or is no regular one.
    """
    descriptor = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(descriptor).st_size
        start = _cut_torn(descriptor, size)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            if durable:
                os.fsync(descriptor)
                if not size:
                    sync_directory(path.parent)
        except BaseException:
            with suppress(OSError):  # else the next writer cuts the torn line off
                os.ftruncate(descriptor, start)
            raise
        return start, start + len(data)
    finally:
        os.close(descriptor)


def _whole_bytes(path: Path) -> int:
    """Cut off a torn last line and return what is left."""
    descriptor = open_regular(path, os.O_RDWR | os.O_APPEND)
    try:
        return _cut_torn(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _cut_torn(descriptor: int, size: int) -> int:
    """Cut off what a killed writer left behind the last newline.

    No writer acknowledged it. A whole object that lacks its newline only (a file that
    a hand has edited) is closed instead.
    """
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    start, tail = size, b""
    while start and b"\n" not in tail:
        step = min(BLOCK_BYTES, start)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    torn = tail[tail.rfind(b"\n") + 1 :]
    if _decode(torn) is not None:
        os.write(descriptor, b"\n")
        return size + 1
    os.ftruncate(descriptor, size - len(torn))
    return size - len(torn)
