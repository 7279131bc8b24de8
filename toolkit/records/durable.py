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
    "ensure_file",
    "exchange",
    "ignore_in_git",
    "make_directory",
    "open_regular",
    "private_mode",
    "read_given",
    "read_regular",
    "replace_file",
    "share_directory",
    "sync_directory",
    "sync_file",
]

AT_FDCWD = -100
RENAME_EXCHANGE = 2
"""Linux's own numbers, from `fcntl.h` and `linux/fs.h`."""

OWNER_ONLY = 0o600

SAFE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No link is followed out of the directory, and a FIFO in a file's place never blocks."""


def private_mode(directory: Path) -> int:
    """Choose the mode of a new file: the owner's alone, or the group's as well.

    A directory whose files inherit the group (`chmod g+s`) is shared on purpose, for
    what the group may do in it; everything else is private.

    Parameters
    ----------
    directory : path
        Where the file will be.

    Returns
    -------
    int
        0o600; in a shared directory 0o660, or 0o640 where the group may not write.
    """
    try:
        mode = directory.stat().st_mode
    except OSError:
        return OWNER_ONLY
    if not mode & stat.S_ISGID:
        return OWNER_ONLY
    return OWNER_ONLY | mode & (stat.S_IRGRP | stat.S_IWGRP)


def share_directory(directory: Path) -> None:
    """Give a new directory to the group, as far as the one above it is the group's.

    Parameters
    ----------
    directory : path
    """
    shared = private_mode(directory.parent) & 0o070
    if shared:
        directory.chmod(stat.S_ISGID | 0o710 | shared)


def open_regular(path: Path, flags: int, *, mode: int | None = None) -> int:
    """Open a file of a store, and nothing but a regular file.

    Parameters
    ----------
    path : path
    flags : int
        Of `os.open`. A file that is made is as private as its directory.
    mode : int, optional
        Of a file that is made, where its directory shall not decide.

    Returns
    -------
    int
        The descriptor.

    Raises
    ------
    OSError
        It cannot be opened, or is a link, a pipe or a device.
    """
    mode = private_mode(path.parent) if mode is None else mode
    created = flags & os.O_CREAT and not path.exists()
    descriptor = os.open(path, flags | SAFE_FLAGS, mode)
    try:
        _require_regular(descriptor, path)
        if created:
            with suppress(PermissionError):  # another process made it in between
                os.fchmod(descriptor, mode)  # the umask may have taken the group's bits
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def ensure_file(path: Path) -> None:
    """Make an empty file of a store where it is missing, before SQLite opens it.

    SQLite gives its journals the mode and the group of the database: a database that the
    group may not write locks members out, and so do journals that another left.

    Parameters
    ----------
    path : path
        Its folder exists.

    Raises
    ------
    OSError
        It cannot be made or opened, or is a link, a pipe or a device.
    """
    os.close(open_regular(path, os.O_RDWR | os.O_CREAT))


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
        share_directory(directory)
        sync_directory(parent)


def ignore_in_git(directory: Path) -> None:
    """Have git pass over a directory, whatever repository it lies in.

    A store lies in a project by default, and its secret must not be committed with it.

    Parameters
    ----------
    directory : path
        Gets a `.gitignore` that names everything, unless it has one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with suppress(FileExistsError):
        mode = private_mode(directory)
        descriptor = os.open(directory / ".gitignore", flags, mode)
        os.write(descriptor, b"*\n")
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Have a file's content on disk when this returns.

    Parameters
    ----------
    path : path
    """
    _sync(path, os.O_RDONLY)


def sync_directory(directory: Path) -> None:
    """Have a directory's entries on disk when this returns.

    Parameters
    ----------
    directory : path
    """
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def draft_file(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a draft that becomes a file's new content when the block ends.

    Parameters
    ----------
    path : path
        The file that is replaced, durably and at once. Where the block raises, the
        draft is removed and the file stays as it was.
    mode : int, optional
        Of the file, where its directory shall not decide.

    Yields
    ------
    binary stream
        To write to.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    mode = private_mode(path.parent) if mode is None else mode
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

    Parameters
    ----------
    path : path
        Its folder exists; readers see the old content or the new, never a part.
    data : bytes

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

    Parameters
    ----------
    path : path
    max_bytes : int
        What is larger is refused, not cut.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        It is not there, is a link or no regular file, or is larger than `max_bytes`.
    """
    return _read(path, os.O_NOFOLLOW, max_bytes)


GIVEN_MAX_BYTES = 64 << 20
"""Largest file that a person names and that is read whole: specifications, results."""


def read_given(path: Path, *, max_bytes: int = GIVEN_MAX_BYTES) -> bytes:
    """Read a file that a person named whole; links are followed.

    A pipe would block until something is written to it, a device has no end: nothing but
    a regular file is opened.

    Parameters
    ----------
    path : path
    max_bytes : int
        What is larger is refused, not cut.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        It is not there, is no regular file, or is larger than `max_bytes`.
    """
    return _read(path, 0, max_bytes)


def _read(path: Path, flags: int, max_bytes: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        _require_regular(descriptor, path)
        size = os.fstat(descriptor).st_size
        if size > max_bytes:
            raise OSError(errno.EINVAL, f"larger than {max_bytes} bytes", str(path))
        return os.read(descriptor, size)
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

    Parameters
    ----------
    one : path
        The directory that takes the other's name.
    other : path
        On the same file system.

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
