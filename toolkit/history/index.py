"""What a store knows already, so that importing again adds nothing.

The index only saves work: the files decide. It says up to which place of which spool
segment it has seen the lines, and which generation of the dataset it matches. Where the
files hold less than it has seen (a part was lost, a backup was restored), it is made
again from them; where they hold more, a record may be appended twice, and compaction
keeps one. A damaged index is replaced.
"""

import logging
import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from toolkit.errors import StorageError
from toolkit.escaping import printable
from toolkit.history.generation import Generation
from toolkit.records import Span, Spool, ensure_file

__all__ = ["Copies", "Identity", "KnownIndex"]

logger = logging.getLogger(__name__)

Identity = tuple[str, str]
Copies = dict[int, int]
"""Completeness of each known copy of a record, by the digest of its content."""

ASK_IDS = 500
"""Ids asked of the index at once; SQLite takes at most 999 values in a question."""

FORMAT = 2
"""What a digest holds: since 2 the session as well. Another one is made again."""

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS known (
  kind TEXT, record_id TEXT, digest INTEGER, completeness INTEGER,
  PRIMARY KEY (kind, record_id, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS absorbed (segment INTEGER PRIMARY KEY, end INTEGER);
CREATE TABLE IF NOT EXISTS matches (generation INTEGER);
"""


class KnownIndex:
    """Identities of the records of a store, in SQLite.

    Parameters
    ----------
    path : path
        Created where it is missing; replaced where it is damaged.

    Raises
    ------
    StorageError
        It cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._database = _opened(path)
        except sqlite3.OperationalError as error:
            raise StorageError(path, OSError(str(error))) from error
        except OSError as error:
            raise StorageError(path, error) from error
        except sqlite3.DatabaseError:
            logger.warning(
                "%s is damaged and rebuilt from the store's files",
                printable(str(path)),
            )
            _remove(path)
            self._database = _opened(path)
        # A store that is dropped and not closed loses nothing; Python 3.13 would warn.
        dropped = weakref.finalize(self, _let_go, self._database)
        dropped.atexit = False  # a process that was forked ends, and its parent goes on

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def is_empty(self) -> bool:
        """Look whether nothing is known."""
        return self._database.execute("SELECT 1 FROM known LIMIT 1").fetchone() is None

    def recall(self, identities: Sequence[Identity]) -> dict[Identity, Copies]:
        """Find the known copies of some records."""
        known: dict[Identity, Copies] = {}
        names: dict[str, list[str]] = {}
        for kind, name in identities:
            names.setdefault(kind, []).append(name)
        for kind, wanted in names.items():
            for start in range(0, len(wanted), ASK_IDS):
                some = wanted[start : start + ASK_IDS]
                marks = ",".join("?" * len(some))
                for name, mark, full in self._database.execute(
                    "SELECT record_id, digest, completeness FROM known "  # noqa: S608 - question marks only
                    f"WHERE kind = ? AND record_id IN ({marks})",
                    [kind, *some],
                ):
                    known.setdefault((kind, name), {})[mark] = full
        return known

    def remember(
        self, copies: Iterable[tuple[Identity, Copies]], span: Span | None = None
    ) -> None:
        """Note copies that are on disk, and the part of a segment that they fill.

        Where the database is locked or its disk is full nothing is noted: the lines
        are read again by the next `absorbed` that asks.
        """
        rows = [
            (*identity, mark, full)
            for identity, known in copies
            for mark, full in known.items()
        ]
        rows.sort()
        with suppress(sqlite3.OperationalError), self._database as database:
            database.executemany(
                "INSERT OR IGNORE INTO known VALUES (?, ?, ?, ?)", rows
            )
            if span is not None and self.absorbed(span.segment) == span.start:
                _absorb(database, span.segment, span.end)

    def absorbed(self, segment: int) -> int:
        """Say up to which offset the lines of a segment are known."""
        row = self._database.execute(
            "SELECT end FROM absorbed WHERE segment = ?", (segment,)
        ).fetchone()
        return int(row[0]) if row else 0

    def absorb(self, segment: int, end: int) -> None:
        """Note that the lines of a segment are known up to an offset."""
        with suppress(sqlite3.OperationalError), self._database as database:
            _absorb(database, segment, end)

    def agrees(self, generation: Generation, spool: Spool) -> bool:
        """Compare with the files: they hold at least what this has seen."""
        if self._database.execute("PRAGMA user_version").fetchone() != (FORMAT,):
            return False
        row = self._database.execute("SELECT generation FROM matches").fetchone()
        if row is None or not generation.lost <= row[0] <= generation.number:
            return False
        sizes = {s.number: s.path.stat().st_size for s in spool.segments()}
        seen = self._database.execute(
            "SELECT segment, end FROM absorbed WHERE segment > ?", (generation.merged,)
        ).fetchall()
        return all(sizes.get(segment, 0) >= end for segment, end in seen)

    def match(self, generation: Generation) -> None:
        """Note which generation this agrees with."""
        with suppress(sqlite3.OperationalError), self._database as database:
            database.execute("DELETE FROM matches")
            database.execute("INSERT INTO matches VALUES (?)", (generation.number,))
            database.execute(
                "DELETE FROM absorbed WHERE segment <= ?", (generation.merged,)
            )

    def clear(self) -> None:
        """Forget everything."""
        with self._database as database:
            for table in ("known", "absorbed", "matches"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            database.execute(f"PRAGMA user_version={FORMAT}")


def _let_go(database: sqlite3.Connection) -> None:
    # The collector may run in another thread, which SQLite does not let close it.
    with suppress(sqlite3.ProgrammingError):
        database.close()


def _opened(path: Path) -> sqlite3.Connection:
    ensure_file(path)
    database = sqlite3.connect(path, timeout=30)
    try:
        database.executescript(SCHEMA)
        database.execute("SELECT count(*) FROM absorbed").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _absorb(database: sqlite3.Connection, segment: int, end: int) -> None:
    database.execute("INSERT OR REPLACE INTO absorbed VALUES (?, ?)", (segment, end))
