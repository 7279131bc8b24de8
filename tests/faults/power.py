"""Power cuts, replayed: what a disk may hold when only what was synced is sure.

One run is recorded call by call. For a cut behind any call the store is built again as
the worst disk would have it: of every file the bytes that were synced, and of every
directory either all changes at once (`data` is late) or only those before its last sync
(`names` are late).
"""

import itertools
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

__all__ = ["Call", "Disk", "calls_of", "contents_of"]


class Call(NamedTuple):
    """One recorded call."""

    what: str
    inode: int
    value: int
    path: str
    other: str


def calls_of(log: Path) -> Iterator[Call]:
    """Read the shim's log."""
    for line in log.read_text().splitlines():
        what, inode, value, path, other = line.split("\t")
        yield Call(what, int(inode), int(value), path, other)


def contents_of(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """Read every file and directory (`None`) below a root, by path, with its inode."""
    found: dict[str, tuple[int, bytes | None]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            found[str(path)] = (status.st_ino, None)
        elif stat.S_ISREG(status.st_mode):
            found[str(path)] = (status.st_ino, path.read_bytes())
    return found


DIRECTORY = -1
"""Stands for the content of a directory."""


@dataclass
class Disk:
    """What is on a disk, and what is sure to be, while calls are replayed.

    Parameters
    ----------
    root : path
        Of what was recorded.
    """

    root: Path
    names: dict[str, int] = field(default_factory=dict)
    sure_names: dict[str, int] = field(default_factory=dict)
    late: dict[str, list[tuple[str, int | None]]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    sure_sizes: dict[int, int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    _by_inode: dict[int, int] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def start(self, before: dict[str, tuple[int, bytes | None]]) -> None:
        """Begin with files that are on disk for sure."""
        for path, (inode, data) in before.items():
            if data is None:
                self.names[path] = DIRECTORY
                continue
            identity = self.names[path] = self._by_inode[inode] = next(self._ids)
            self.contents[identity] = data
            self.sizes[identity] = self.sure_sizes[identity] = len(data)
        self.sure_names = dict(self.names)

    def end(self, after: dict[str, tuple[int, bytes | None]]) -> None:
        """Take the bytes that the files hold after the last call."""
        for path, (_, data) in after.items():
            identity = self.names.get(path, DIRECTORY)
            if data is not None and identity != DIRECTORY:
                self.contents[identity] = data

    def replay(self, call: Call) -> None:
        """Do one call."""
        if call.what in ("create", "mkdir"):
            new = DIRECTORY if call.what == "mkdir" else next(self._ids)
            if new != DIRECTORY:
                self._by_inode[call.inode] = new
                self.sizes[new] = self.sure_sizes[new] = 0
            self._name(call.path, new)
        elif call.what in ("rename", "link"):
            self._name(call.other, self.names.get(call.path, DIRECTORY))
            if call.what == "rename":
                self._name(call.path, None)
        elif call.what in ("unlink", "rmdir"):
            self._name(call.path, None)
        elif self.names.get(call.path) == DIRECTORY or call.path == str(self.root):
            for name, identity in self.late.pop(call.path, []):
                _set(self.sure_names, name, identity)
        else:
            self._write(call)

    def build(self, target: Path, *, names_are_late: bool) -> None:
        """Write what the worst disk holds now to another directory."""
        names = self.sure_names if names_are_late else self.names
        target.mkdir(parents=True)
        for path, identity in sorted(names.items()):
            place = target / Path(path).relative_to(self.root)
            if not place.parent.is_dir():
                continue  # the entry of the directory itself is lost
            if identity == DIRECTORY:
                place.mkdir(exist_ok=True)
            else:
                size = self.sure_sizes[identity]
                data = self.contents.get(identity, b"")[:size]
                place.write_bytes(data.ljust(size, b"\0"))

    def _name(self, path: str, identity: int | None) -> None:
        _set(self.names, path, identity)
        self.late.setdefault(str(Path(path).parent), []).append((path, identity))

    def _write(self, call: Call) -> None:
        identity = self._by_inode.get(call.inode)
        if identity is None:
            return
        if call.what == "fsync":
            self.sure_sizes[identity] = self.sizes[identity]
        else:
            self.sizes[identity] = call.value
            if call.what == "truncate":
                least = min(self.sure_sizes[identity], call.value)
                self.sure_sizes[identity] = least


def _set(names: dict[str, int], path: str, identity: int | None) -> None:
    if identity is None:
        names.pop(path, None)
    else:
        names[path] = identity
