"""Segments: whole lines that a machine shipped, named for what they hold.

::

    PREFIX / segments / SHA256.jsonl.gz

The name is the SHA-256 of the lines. Sending a segment again, after a lost answer or
from a machine that has the same files, creates nothing; a segment that does not hold
what its name says is none.
"""

import gzip
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from toolkit.history.objects.base import Entry, Objects

__all__ = ["SEGMENT_BYTES", "create_segment", "is_intact", "segments", "unpack_segment"]

FOLDER = "segments"
SUFFIX = ".jsonl.gz"
SEGMENT_BYTES = 32 * 2**20
"""Most bytes of lines in one segment, before they are packed."""

BLOCK_BYTES = 1 << 20


def segments(objects: Objects) -> list[Entry]:
    """List the segments that were shipped and not removed yet, by name."""
    return [e for e in objects.list(FOLDER) if e.name.endswith(SUFFIX)]


def create_segment(objects: Objects, lines: bytes, *, there: set[str]) -> bool:
    """Send lines; `False` where they are there already.

    Parameters
    ----------
    objects : Objects
    lines : bytes
        Whole lines.
    there : set of str
        Names that were listed before: those are not sent again.
    """
    name = f"{FOLDER}/{sha256(lines).hexdigest()}{SUFFIX}"
    return name not in there and objects.create(name, gzip.compress(lines, mtime=0))


def unpack_segment(packed: Path, target: Path) -> None:
    """Write the lines of a segment to a file.

    Raises
    ------
    ValueError
        It is damaged, or does not hold what its name says.
    """
    seen = sha256()
    with target.open("xb") as stream:
        for block in _lines(packed):
            seen.update(block)
            stream.write(block)
    if packed.name != f"{seen.hexdigest()}{SUFFIX}":
        raise ValueError("another content than its name says")


def is_intact(packed: Path) -> bool:
    """Whether a file holds the lines that its name says."""
    seen = sha256()
    try:
        for block in _lines(packed):
            seen.update(block)
    except ValueError:
        return False
    return packed.name == f"{seen.hexdigest()}{SUFFIX}"


def _lines(packed: Path) -> Iterator[bytes]:
    try:
        with gzip.open(packed, "rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError("damaged") from error
