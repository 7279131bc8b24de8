"""Reads the files of a bundle's folder: regular files inside it, each bounded in size.

A bundle comes from outside, so its names may be links, pipes or devices. The folder is
opened once and every file is opened relative to that descriptor, one component at a
time and never through a link, so that nothing can be exchanged between check and read.
"""

import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from toolkit.errors import BundleRefusedError

__all__ = ["BundleFolder"]

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
MAX_LINKS = 8
"""Links followed for one name: a mounted ConfigMap needs two."""


class BundleFolder:
    """An open folder from which files are read under one bound on their total size.

    A link that stays inside the folder is followed (Kubernetes mounts a ConfigMap as
    `manifest.json -> ..data/manifest.json`); any other is refused.

    Parameters
    ----------
    path : path
        The bundle; may itself be a link, which is followed once.
    max_bytes : int
        Bound on the sum of the sizes of all files that are read.

    Raises
    ------
    BundleRefusedError
        On entering, where the folder cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a").write_bytes(b"content")
    >>> with BundleFolder(folder, max_bytes=100) as opened:
    ...     opened.read("a", max_bytes=10)
    b'content'
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._left = max_bytes
        self._descriptor = -1
        self._opened: os.stat_result | None = None

    def __enter__(self) -> Self:
        """Open the folder."""
        try:
            self._descriptor = os.open(self.path, DIRECTORY)
            self._opened = os.fstat(self._descriptor)
        except (OSError, ValueError) as error:
            raise self._refused(f"the folder cannot be opened: {_why(error)}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the folder."""
        os.close(self._descriptor)

    def was_exchanged(self) -> bool:
        """Whether the path leads to another folder than the one that was opened.

        An export exchanges a bundle in use at once, and removes the one before: who was
        reading that one has to begin again.
        """
        try:
            return self._opened is not None and not os.path.samestat(
                self._opened, self.path.stat()
            )
        except OSError:
            return False

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Read one file whole.

        Parameters
        ----------
        name : str
            Name of a file of this folder.
        max_bytes : int
            Largest size of this file.

        Raises
        ------
        BundleRefusedError
            For a name that is not a plain file name, anything but a regular file inside
            the folder, or a size above one of the bounds.
        """
        if not name or name in (".", "..") or "/" in name or "\0" in name:
            raise self._refused(f"file name `{name[:80]}` leaves it")
        try:
            descriptor = self._open([name], links=MAX_LINKS)
        except (OSError, ValueError) as error:
            raise self._refused(f"{name[:80]} cannot be read: {_why(error)}") from None
        try:
            return self._content(descriptor, name[:80], max_bytes)
        except OSError as error:
            raise self._refused(f"{name[:80]} cannot be read: {_why(error)}") from None
        finally:
            os.close(descriptor)

    def _open(self, parts: list[str], *, links: int) -> int:
        """Open a path below the folder without following a link out of it."""
        holder = os.dup(self._descriptor)
        done: list[str] = []
        try:
            while True:
                part, parts = parts[0], parts[1:]
                if link := _link(part, holder):
                    if links == 0:
                        raise OSError(errno.ELOOP, "too many links")
                    return self._open(
                        _inside([*done, *link.split("/"), *parts], link),
                        links=links - 1,
                    )
                if not parts:
                    return os.open(part, FILE, dir_fd=holder)
                below = os.open(part, DIRECTORY | os.O_NOFOLLOW, dir_fd=holder)
                os.close(holder)
                holder = below
                done.append(part)
        finally:
            os.close(holder)

    def _content(self, descriptor: int, name: str, max_bytes: int) -> bytes:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise self._refused(f"{name} is not a regular file")
        if status.st_size > max_bytes:
            raise self._refused(f"{name} is larger than {max_bytes} bytes")
        if status.st_size > self._left:
            raise self._refused(f"its files are larger than {self.max_bytes} bytes")
        self._left -= status.st_size
        parts = []
        left = status.st_size
        while left and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _refused(self, reason: str) -> BundleRefusedError:
        return BundleRefusedError(reason, path=self.path)


def _link(name: str, holder: int) -> str:
    """Read where a link points to; empty where the name is not a link."""
    try:
        return os.readlink(name, dir_fd=holder)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return ""
        raise


def _inside(parts: list[str], link: str) -> list[str]:
    """Resolve `.` and `..` of a link's target in words; it must stay in the folder."""
    kept: list[str] = []
    for part in parts:
        if part == "..":
            if not kept:
                raise OSError(errno.EXDEV, "a link that leaves the folder")
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    if link.startswith("/") or not kept:
        raise OSError(errno.EXDEV, "a link that leaves the folder")
    return kept


def _why(error: OSError | ValueError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else str(error)
