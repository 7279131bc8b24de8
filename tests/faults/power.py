"""Power cuts, replayed: what a disk may hold when only what was synced is sure.

One run is recorded call by call, with what was written. For a cut behind any call the
files are built again as a bad disk would have them. Of every file either the content of
its last sync (`data` is late), or that and some of the writes since, in any choice
(`mixed`): a file is written in place, too. Of every directory either all changes
(`names` are early), or those before its last sync. What joins two directories (a rename)
is one change: it is sure as soon as either of them is synced.
"""

import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

__all__ = ["Call", "Disk", "calls_of"]


class Call(NamedTuple):
    """One recorded call.

    Attributes
    ----------
    number : int
        Its place among the calls.
    what : str
    value : int
        Offset of a write, size of a truncation.
    path, other : str
    data : bytes
        What was written.
    """

    number: int
    what: str
    value: int
    path: str
    other: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.what} {self.path} {self.other}".strip()


def calls_of(log: Path) -> Iterator[Call]:
    """Read the shim's log."""
    for line in log.read_text().splitlines():
        number, what, value, path, other, data = line.split("\t")
        yield Call(int(number), what, int(value), path, other, bytes.fromhex(data))


@dataclass(eq=False)
class _Node:
    """A file, a link or a directory.

    Attributes
    ----------
    sure : bytes
        Content at the last sync.
    since : list of (offset, bytes)
        Writes after it; a negative offset cuts the file at its complement.
    names, sure_names : dict or None
        Entries of a directory, now and for sure.
    """

    sure: bytes = b""
    since: list[tuple[int, bytes]] = field(default_factory=list)
    names: "dict[str, _Node] | None" = None
    sure_names: "dict[str, _Node]" = field(default_factory=dict)
    target: str | None = None

    def content(self, chosen: random.Random | None) -> bytes:
        data = bytearray(self.sure)
        for offset, piece in self.since:
            if chosen is not None and chosen.random() < 0.5:
                continue
            if offset < 0:
                del data[~offset:]
                continue
            data.extend(b"\0" * (offset - len(data)))
            data[offset : offset + len(piece)] = piece
        return bytes(data)

    def sync(self) -> None:
        self.sure, self.since = self.content(None), []


_Change = list[tuple[_Node, str, _Node | None]]
"""Entries of directories that are set, or removed (`None`), at once."""


class Disk:
    """What is on a disk, and what is sure to be, while calls are replayed.

    Parameters
    ----------
    root : path
        Of what was recorded; what it holds now is on disk for sure.
    """

    def __init__(self, root: Path) -> None:
        self._prefix = str(root)
        self._root = _read(root)
        self._pending: list[_Change] = []

    def replay(self, call: Call) -> None:
        """Do one call."""
        if call.what in ("create", "mkdir", "symlink"):
            fresh = _Node()
            if call.what == "mkdir":
                fresh.names = {}
            elif call.what == "symlink":
                fresh.target = call.other
            self._change((call.path, fresh))
        elif call.what in ("rename", "link", "exchange"):
            one, other = self._find(call.path), self._find(call.other)
            left = {"rename": None, "link": one, "exchange": other}[call.what]
            self._change((call.path, left), (call.other, one))
        elif call.what in ("unlink", "rmdir"):
            self._change((call.path, None))
        elif (node := self._find(call.path)) is not None:
            self._write(node, call)

    def build(
        self, target: Path, *, names_are_late: bool, chosen: random.Random | None
    ) -> None:
        """Write what a bad disk holds now to another directory.

        Parameters
        ----------
        target : path
        names_are_late : bool
        chosen : Random or None
            Chooses which writes since the last sync are there; none of them unless
            given.
        """
        _build(self._root, target, names_are_late, chosen)

    def _write(self, node: _Node, call: Call) -> None:
        if call.what == "write":
            node.since.append((call.value, call.data))
        elif call.what == "truncate":
            node.since.append((~call.value, b""))
        elif node.names is None:
            node.sync()
        else:
            self._sync_names(node)

    def _change(self, *paths: tuple[str, _Node | None]) -> None:
        change: _Change = []
        for path, node in paths:
            folder, _, name = path.rpartition("/")
            holder = self._find(folder)
            if holder is None or holder.names is None:
                return  # above the root, or in a directory that is gone
            change.append((holder, name, node))
            _set(holder.names, name, node)
        self._pending.append(change)

    def _sync_names(self, folder: _Node) -> None:
        """Make the changes of a directory sure, with what they changed elsewhere."""
        kept = []
        for change in self._pending:
            if any(holder is folder for holder, _, _ in change):
                for holder, name, node in change:
                    _set(holder.sure_names, name, node)
            else:
                kept.append(change)
        self._pending = kept

    def _find(self, path: str) -> _Node | None:
        node: _Node | None = self._root
        for name in path.removeprefix(self._prefix).split("/"):
            if name and node is not None:
                node = None if node.names is None else node.names.get(name)
        return node


def _read(path: Path) -> _Node:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return _Node(target=str(path.readlink()))
    if not stat.S_ISDIR(status.st_mode):
        return _Node(sure=path.read_bytes())
    names = {child.name: _read(child) for child in sorted(path.iterdir())}
    return _Node(names=names, sure_names=dict(names))


def _build(
    node: _Node, place: Path, names_are_late: bool, chosen: random.Random | None
) -> None:
    if node.target is not None:
        place.symlink_to(node.target)
    elif node.names is None:
        place.write_bytes(node.sure if chosen is None else node.content(chosen))
    else:
        place.mkdir(parents=True)
        names = node.sure_names if names_are_late else node.names
        for name, child in sorted(names.items()):
            _build(child, place / name, names_are_late, chosen)


def _set(names: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node
