"""Spools that members of a shared store append to, and the owner's compaction reads.

::

    STORE / inbox / USER.jsonl

A member may read the store and may not write it. In the inbox (sticky, the group's) each
has a separate file; none can remove or change another's. The one that compacts moves the
lines to the store's spool. Both hold the file's own lock; a member who finds that the
file was taken in meanwhile begins a new one.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.records.durable import open_regular, sync_directory
from toolkit.records.spool import append_whole, lines_of

__all__ = ["Inbox", "ensure_inbox"]

NAME = "inbox"
MODE = stat.S_ISGID | stat.S_ISVTX | 0o770


def ensure_inbox(root: Path) -> None:
    """Make the inbox of a store, or give it its mode again.

    Parameters
    ----------
    root : path
        The store's folder.
    """
    inbox = root / NAME
    inbox.mkdir(mode=0o700, exist_ok=True)
    inbox.chmod(MODE)
    sync_directory(root)


class Inbox:
    """The inbox of a store.

    Parameters
    ----------
    root : path
        The store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / NAME

    def is_for_us(self) -> bool:
        """Whether this user may not write the store, and may append to its inbox.

        Returns
        -------
        bool
        """
        return not os.access(self.root, os.W_OK) and os.access(self.directory, os.W_OK)

    def append(self, lines: Iterable[bytes]) -> None:
        """Append whole lines to this user's spool; they are on disk on return.

        Parameters
        ----------
        lines : iterable of bytes
            Each ends in a line feed.

        Raises
        ------
        OSError
            The disk is full or the inbox cannot be written; nothing was appended.
        """
        data = b"".join(lines)
        if data:
            path = self.directory / f"{os.geteuid()}.jsonl"
            with _own(path):
                append_whole(path, data, durable=True)

    def take_in(self, keep: Callable[[list[bytes]], object]) -> int:
        """Hand over what members have appended, and remove it.

        Parameters
        ----------
        keep : callable
            Writes lines down; when it returns they are on disk.

        Returns
        -------
        int
            Lines; those that are no JSON objects are handed over as they are.
        """
        taken = 0
        for path in sorted(self.directory.glob("*.jsonl")):
            with suppress(FileNotFoundError), _held(path, os.O_RDONLY) as descriptor:
                data = [line for line in _whole_lines(descriptor) if line.strip()]
                keep(data)
                path.unlink()
                taken += len(data)
        return taken


def _whole_lines(descriptor: int) -> Iterator[bytes]:
    end = 0
    for line in lines_of(descriptor):
        end = line.end
    with open(os.dup(descriptor), "rb") as stream:  # noqa: PTH123 - of a descriptor
        stream.seek(0)
        yield from stream.read(end).splitlines(keepends=True)


@contextmanager
def _own(path: Path) -> Iterator[None]:
    """Hold a file that this user may append to, and that is still there."""
    while True:
        with _held(path, os.O_RDWR | os.O_CREAT) as descriptor:
            if _leads_to(path, descriptor):
                yield
                return


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _held(path: Path, flags: int) -> Iterator[int]:
    descriptor = open_regular(path, flags, mode=0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
