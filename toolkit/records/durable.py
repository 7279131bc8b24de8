"""Writes that survive a power cut: data first, then the name that leads to them.

A file's content and its entry in a directory are two things on disk. `replace_file`
syncs the draft, renames it, then syncs the directory: after any crash the name leads to
the old content or to the new one, whole. Standard library only.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "draft_file",
    "exchange",
    "ignore_in_git",
    "make_directory",
    "private_mode",
    "read_regular",
    "replace_file",
    "sync_directory",
    "sync_file",
]

AT_FDCWD = -100
RENAME_EXCHANGE = 2
"""Linux's own numbers, from `fcntl.h` and `linux/fs.h`."""

OWNER_ONLY = 0o600
GROUP_TOO = 0o660


def private_mode(directory: Path) -> int:
    """Choose the mode of a new file: the owner's alone, or the group's as well.

    A directory whose group may write and whose files inherit the group (`chmod g+ws`)
    is shared on purpose; everything else is private.

    Parameters
    ----------
    directory : path
        Where the file will be.

    Returns
    -------
    int
        0o600, or 0o660 in a shared directory.
    """
    try:
        mode = directory.stat().st_mode
    except OSError:
        return OWNER_ONLY
    shared = mode & stat.S_ISGID and mode & stat.S_IWGRP
    return GROUP_TOO if shared else OWNER_ONLY


def make_directory(directory: Path) -> None:
    """Make a directory and its parents; each new one takes after the one above it.

    Parameters
    ----------
    directory : path
        A shared parent (`private_mode`) makes a shared child; the entry of each new
        directory is synced.
    """
    if directory.is_dir():
        return
    parent = directory.parent
    if parent != directory:
        make_directory(parent)
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if private_mode(parent) == GROUP_TOO:
            directory.chmod(0o2770)
        sync_directory(parent)


def ignore_in_git(directory: Path) -> None:
    """Have git pass over a directory, whatever repository it lies in.

    A store lies in a project by default, and its secret must not be committed with it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with suppress(FileExistsError):
        mode = private_mode(directory)
        descriptor = os.open(directory / ".gitignore", flags, mode)
        os.write(descriptor, b"*\n")
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Have a file's content on disk when this returns."""
    _sync(path, os.O_RDONLY)


def sync_directory(directory: Path) -> None:
    """Have a directory's entries on disk when this returns."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def draft_file(path: Path) -> Iterator[BinaryIO]:
    """Open a draft that becomes a file's new content when the block ends.

    Parameters
    ----------
    path : path
        The file that is replaced, durably and at once. Where the block raises, the
        draft is removed and the file stays as it was.

    Yields
    ------
    binary stream
        To write to.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    mode = private_mode(path.parent)
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
            os.fchmod(descriptor, mode)  # the umask may have taken the group's bits
            yield stream
            stream.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    sync_directory(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file's content, durably and at once.

    Raises
    ------
    OSError
        The disk is full or the directory cannot be written; the old content stays.
    """
    with draft_file(path) as stream:
        stream.write(data)


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """Read a small file whole: no link is followed, and nothing but a file is opened.

    For files in a place that others may have written, such as a checkout: a pipe does
    not block, a device is not read.

    Raises
    ------
    OSError
        It is not there, is a link or no regular file, or is larger than `max_bytes`.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            raise OSError(errno.EINVAL, "not a small regular file", str(path))
        return os.read(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Let two directories change names in one step, so that neither name is ever free.

    Where the file system cannot (or the system is not Linux), the second steps aside
    for the time of a second rename.

    Raises
    ------
    OSError
        Either cannot be renamed; both are where they were.
    """
    if not _exchanged(one, other):
        aside = one.with_name(f"{one.name}-aside")
        other.rename(aside)
        try:
            one.rename(other)
        except BaseException:
            aside.rename(other)
            raise
        aside.rename(one)
    sync_directory(other.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange by Linux's `renameat2`; `False` where there is none.

    Raises
    ------
    OSError
        It exists and fails: nothing has changed.
    """
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    result = renameat2(
        AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE
    )
    number = ctypes.get_errno()
    if result and number not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(number, os.strerror(number), str(other))
    return bool(result == 0)
