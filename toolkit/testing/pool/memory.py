"""The memory that the agents share: versioned, checked, repairable, fenced.

Every write commits a version that is never changed; the *current* entry points at the
newest. An entry whose digest is wrong, or that holds an older version than the newest
committed one, is inconsistent, and can be repaired from the versions. A write carries
its task and the fencing token under which the task was handed out: a write under a
token that the queue has raised since is refused, and one under a newer token replaces
what an earlier owner of the task had written.
"""

import fcntl
import os
import sqlite3
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

__all__ = ["MemoryEntry", "SharedMemory", "WriteLock"]

BUSY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One entry as it is found.

    Attributes
    ----------
    key, value : str
    version : int
    writer : str
        Slot of the agent that wrote what is found.
    intact : bool
        Whether the value is the one its digest was taken of.
    newest : int
        Newest committed version.
    """

    key: str
    value: str
    version: int
    writer: str
    intact: bool
    newest: int

    @property
    def consistent(self) -> bool:
        """Whether it is the newest committed version, unharmed."""
        return self.intact and self.version == self.newest


class SharedMemory:
    """One process's connection to the shared memory.

    Parameters
    ----------
    path : path
        The database; made when missing.
    queue : path, optional
        The pool's queue, whose tokens are looked up at each write.

    Examples
    --------
    >>> import tempfile
    >>> memory = SharedMemory(Path(tempfile.mkdtemp()) / "memory.sqlite")
    >>> memory.write("plan", "v", writer="a1", task="t1", now_s=0.0, token=2)
    1
    >>> memory.write("plan", "v", writer="a1", task="t1", now_s=1.0, token=2)
    1
    >>> memory.write("plan", "old", writer="a2", task="t1", now_s=2.0, token=1) is None
    True
    >>> memory.read("plan").consistent
    True
    """

    def __init__(self, path: Path, *, queue: Path | None = None) -> None:
        self._connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous=NORMAL")
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            self._connection.executescript(SCHEMA)
        # Python 3.13 warns of connections that nothing closes.
        weakref.finalize(self, self._connection.close).atexit = False
        self._fenced = queue is not None
        if queue is not None:
            self._connection.execute("ATTACH DATABASE ? AS queue", (str(queue),))

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def write(
        self,
        key: str,
        value: str,
        *,
        writer: str,
        task: str,
        now_s: float,
        token: int = 0,
    ) -> int | None:
        """Commit a new version and point at it; a task commits once under a token.

        Returns
        -------
        int or None
            The version; `None` where the token is no longer current.

        Raises
        ------
        sqlite3.OperationalError
            The store is full or cannot be written; nothing was committed.
        """
        digest = digest_of(value)
        self._limit()
        with self._connection:  # commits, or takes back whatever interrupted it
            self._connection.execute("BEGIN IMMEDIATE")
            if not self._is_current(task, token):
                return None
            return self._commit(key, value, digest, writer, task, now_s, token)

    def read(self, key: str) -> MemoryEntry | None:
        """Read one entry."""
        return next((entry for entry in self.entries() if entry.key == key), None)

    def entries(self) -> list[MemoryEntry]:
        """Read every entry, by key."""
        rows = self._connection.execute(
            "SELECT c.key, c.value, c.version, c.writer, c.digest, "
            "(SELECT max(version) FROM versions v WHERE v.key=c.key) "
            "FROM current c ORDER BY c.key"
        ).fetchall()
        return [
            MemoryEntry(
                key=key,
                value=value,
                version=version,
                writer=writer,
                intact=digest_of(value) == digest,
                newest=newest,
            )
            for key, value, version, writer, digest, newest in rows
        ]

    def repair(self, keys: tuple[str, ...] | None = None) -> int:
        """Point entries at their newest committed version again.

        Parameters
        ----------
        keys : tuple of str, optional
            Which; every key when left out.

        Returns
        -------
        int
            Entries that were changed.
        """
        harmed = [
            entry.key
            for entry in self.entries()
            if (keys is None or entry.key in keys) and not entry.consistent
        ]
        for key in harmed:
            self._connection.execute(
                "INSERT OR REPLACE INTO current "
                "SELECT key, version, value, digest, writer FROM versions "
                "WHERE key=? ORDER BY version DESC LIMIT 1",
                (key,),
            )
        return len(harmed)

    def reclaim(self) -> int:
        """Free space: scratch data, and versions older than the last two of each key.

        Returns
        -------
        int
            Pages that can be used again.
        """
        self._connection.execute("DELETE FROM scratch")
        self._connection.execute(
            "DELETE FROM versions WHERE version < (SELECT max(version) - 1 "
            "FROM versions v WHERE v.key = versions.key)"
        )
        return int(self._connection.execute("PRAGMA freelist_count").fetchone()[0])

    def fill(self) -> None:
        """Take all the room there is: every later write finds the store full."""
        pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
        self._connection.execute("INSERT INTO quota VALUES (?)", (pages + FILL_PAGES,))
        self._limit()
        for size in FILL_SIZES:
            try:
                while True:
                    self._connection.execute(
                        "INSERT INTO scratch VALUES (zeroblob(?))", (size,)
                    )
            except sqlite3.OperationalError:
                continue  # full for this size: that is what was wanted

    def written_by(self, tasks: Sequence[str]) -> set[str]:
        """Name the tasks, of those given, that a committed version came from."""
        found = set()
        for task in tasks:
            if self._connection.execute(
                "SELECT 1 FROM written WHERE task=?", (task,)
            ).fetchone():
                found.add(task)
        return found

    def harm(self, key: str, *, value: str, writer: str) -> None:
        """Change a value behind its digest's back, as a broken writer would."""
        self._connection.execute(
            "UPDATE current SET value=?, writer=? WHERE key=?", (value, writer, key)
        )

    def age(self, key: str) -> bool:
        """Put an entry one version back; false where it has no older one."""
        return (
            self._connection.execute(
                "INSERT OR REPLACE INTO current "
                "SELECT key, version, value, digest, writer FROM versions "
                "WHERE key=?1 AND version=(SELECT max(version)-1 FROM versions WHERE key=?1)",
                (key,),
            ).rowcount
            > 0
        )

    def _is_current(self, task: str, token: int) -> bool:
        """Whether no later owner of the task is known, here or in the queue."""
        (newest,) = self._connection.execute(
            "SELECT coalesce(max(token), 0) FROM versions WHERE task=?", (task,)
        ).fetchone()
        if token < newest:
            return False
        if not self._fenced:
            return True
        row = self._connection.execute(
            "SELECT token FROM queue.tasks WHERE id=?", (task,)
        ).fetchone()
        return row is None or int(row[0]) == token

    def _commit(
        self,
        key: str,
        value: str,
        digest: str,
        writer: str,
        task: str,
        now_s: float,
        token: int,
    ) -> int:
        known = self._connection.execute(
            "SELECT version FROM versions WHERE key=? AND task=? AND token=?",
            (key, task, token),
        ).fetchone()
        if known is not None:
            return int(known[0])
        (newest,) = self._connection.execute(
            "SELECT coalesce(max(version), 0) FROM versions WHERE key=?", (key,)
        ).fetchone()
        row = (key, newest + 1, value, digest, writer)
        self._connection.execute(
            "INSERT INTO versions VALUES (?,?,?,?,?,?,?,?)", (*row, task, now_s, token)
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO current VALUES (?,?,?,?,?)", row
        )
        self._connection.execute("INSERT OR IGNORE INTO written VALUES (?)", (task,))
        return int(newest) + 1

    def _limit(self) -> None:
        row = self._connection.execute("SELECT min(pages) FROM quota").fetchone()
        if row[0] is not None:
            self._connection.execute(f"PRAGMA max_page_count={int(row[0])}")


class WriteLock:
    """The lock that an agent holds while it writes: the kernel's, freed when it dies.

    Parameters
    ----------
    path : path
        The lock file; it names the slot of the holder.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self, slot: str) -> str | None:
        """Take the lock, or tell which slot holds it.

        Parameters
        ----------
        slot : str
            Written into the lock while it is held.

        Returns
        -------
        str or None
            `None` where it was taken.
        """
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(self.descriptor, 100, 0).decode() or "unknown"
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, slot.encode(), 0)
        return None

    def release(self) -> None:
        """Let the next one in."""
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock and its file."""
        os.close(self.descriptor)


def digest_of(value: str) -> str:
    """Digest a value."""
    return blake2b(value.encode(), digest_size=8).hexdigest()


FILL_PAGES = 64
FILL_SIZES = (3000, 300)

SCHEMA = """
PRAGMA journal_mode=WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS current (
  key TEXT PRIMARY KEY, version INTEGER, value TEXT, digest TEXT, writer TEXT
);
CREATE TABLE IF NOT EXISTS versions (
  key TEXT, version INTEGER, value TEXT, digest TEXT, writer TEXT, task TEXT,
  at_s REAL, token INTEGER, PRIMARY KEY (key, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS by_task ON versions(key, task, token);
CREATE TABLE IF NOT EXISTS written (task TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scratch (data BLOB);
CREATE TABLE IF NOT EXISTS quota (pages INTEGER);
PRAGMA user_version=1;
COMMIT;
"""
