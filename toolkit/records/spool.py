"""An append-only file of JSON lines that many processes may write at once.

Standard library only, so that an installed hook can start quickly. One record is one
line and one `write`: on a local file system a line is either there whole or not at all,
and what `append` returned from survives the death of the process. A torn last line (the
disk filled up, the machine stopped) is closed by the next writer and skipped by readers.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Span", "Spool", "SpoolLine"]

LOCK_NAME = ".lock"
LIVE_NAME = "live.jsonl"


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


class Span(NamedTuple):
    """Where a write landed.

    Attributes
    ----------
    inode : int
        Of the live file at that moment.
    start, end : int
        Byte offsets of the first byte written and just behind the last.
    """

    inode: int
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

    def append(self, row: Mapping[str, Any]) -> None:
        """Append one row; when this returns, killing the process loses nothing."""
        self.append_all([row])

    def append_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append several rows with one write.

        Raises
        ------
        OSError
            The disk is full or the directory cannot be written; nothing is half
            acknowledged.
        """
        self.append_encoded(encode(row) for row in rows)

    def append_encoded(self, lines: Iterable[bytes]) -> Span | None:
        """Append lines that are written already, each with its newline, in one write.

        Returns
        -------
        Span or None
            Where they landed; `None` when there was nothing to write.

        Raises
        ------
        OSError
            As in `append_all`.
        """
        data = b"".join(lines)
        if not data:
            return None
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            return _write_whole(self.live, data)

    def seal(self) -> list[Path]:
        """Set the live file aside and list all sealed files, oldest first.

        No writer can still hold a sealed file: each write opens the live one under a
        lock that sealing takes exclusively.
        """
        if not self.directory.exists():
            return []
        with self._locked(fcntl.LOCK_EX):
            if self.live.exists() and self.live.stat().st_size:
                number = 1 + max(map(_number, self.sealed()), default=0)
                self.live.rename(self.directory / f"sealed-{number:08d}.jsonl")
        return self.sealed()

    def sealed(self) -> list[Path]:
        """List the files set aside, oldest first."""
        return sorted(self.directory.glob("sealed-*.jsonl"))

    def files(self) -> list[Path]:
        """List every file with lines, sealed ones first."""
        return [*self.sealed(), *([self.live] if self.live.exists() else [])]

    def lines(self) -> Iterator[SpoolLine]:
        """Read every whole line of every file."""
        for path in self.files():
            yield from read_lines(path)

    @contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        descriptor = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)


def encode(row: Mapping[str, Any]) -> bytes:
    r"""Write a row as one line of strict JSON.

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


def read_lines(path: Path, start: int = 0) -> Iterator[SpoolLine]:
    """Read the whole lines of a file from a byte offset on; a torn last one is left.

    Parameters
    ----------
    path : path
    start : int
        Offset of the first line's first byte; line numbers count from there.
    """
    end = start
    with path.open("rb") as stream:
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


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("sealed-"))


def _write_whole(path: Path, data: bytes) -> Span:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    descriptor = os.open(path, flags, 0o600)
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        left = data
        while left:
            left = left[os.write(descriptor, left) :]
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        return Span(status.st_ino, end - len(data), end)
    finally:
        os.close(descriptor)
