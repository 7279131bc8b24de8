"""Files that an import has read before and that have not changed since.

A file is unchanged when its size and its times are those of the last import by the same
version of the importer. It is read again all the same where the store no longer knows
what the file gave: of each kind of record and each day, one is looked up.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from toolkit.history import RecordStore
from toolkit.records import ensure_file, keyed_hash

__all__ = ["FileNotes", "Marks"]

NAME = "imports.sqlite"

Marks = Mapping[tuple[str, int], str]
"""Of each kind of record and each day (an ordinal), the id of one that a file gave."""


class _Shape(NamedTuple):
    size: int
    modified_ns: int
    changed_ns: int


class FileNotes:
    """What the imports into one store have read, and in which state it was.

    Parameters
    ----------
    store : RecordStore
        The notes lie in its folder; without them files are read again.
    variant : str
        Importer and version that read.
    """

    def __init__(self, store: RecordStore, variant: str) -> None:
        self._store = store
        self._key = store.key
        self._variant = variant
        self._read: dict[str, tuple[_Shape, Marks]] = {}
        self._shapes: dict[str, _Shape] = {}
        self._database = self._open()

    def is_unchanged(self, path: Path) -> bool:
        """Whether a file need not be read; call it before the file is."""
        name = keyed_hash(self._key, str(path.resolve()))
        shape = _shape(path)
        if shape is None or self._database is None:
            return False
        self._shapes[name] = shape
        row = self._database.execute(
            "SELECT size, modified_ns, changed_ns, given FROM files "
            "WHERE file = ? AND variant = ?",
            [name, self._variant],
        ).fetchone()
        if row is None or _Shape(*row[:3]) != shape:
            return False
        given = [(kind, name) for kind, name in json.loads(row[3])]
        return self._store.knows(given)

    def note(self, path: Path, marks: Marks) -> None:
        """Note that a file was read, and some of what it gave."""
        name = keyed_hash(self._key, str(path.resolve()))
        if (shape := self._shapes.get(name)) is not None:
            self._read[name] = shape, marks

    def close(self) -> None:
        """Let go of the notes; what is not saved is read again."""
        if self._database is not None:
            self._database.close()

    def save(self) -> None:
        """Write the notes down, once what was read is on disk."""
        if self._database is None:
            return
        rows = [
            (name, self._variant, *shape, _given(marks))
            for name, (shape, marks) in self._read.items()
        ]
        with suppress(sqlite3.Error), self._database:  # without notes, read again
            self._database.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        self._read.clear()

    def _open(self) -> sqlite3.Connection | None:
        path = self._store.root / NAME
        try:
            ensure_file(path)
            database = sqlite3.connect(path, timeout=30)
        except (OSError, sqlite3.Error):
            return None
        try:
            database.execute(_SCHEMA)
        except sqlite3.Error:
            database.close()
            return None
        return database


def _shape(path: Path) -> _Shape | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Shape(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _given(marks: Marks) -> str:
    return json.dumps([[kind, name] for (kind, _), name in marks.items()])


_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (file TEXT, variant TEXT, size INTEGER,
  modified_ns INTEGER, changed_ns INTEGER, given TEXT,
  PRIMARY KEY (file, variant)) WITHOUT ROWID
"""
