"""Todo lists in a real SQLite store, one transaction a batch."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from toolkit.measurement.child import Child
from toolkit.measurement.workloads.batch_workload import (
    Attempt,
    BatchVariant,
    read_context,
)

__all__ = ["TodoWrites"]

LOCK_TIMEOUT_S = 60.0
RIVAL_WORK_BYTES = 1 << 24
"""What a rival computes between two writes; it decides how often the lock is held."""


class TodoWrites:
    """Writes to a todo list that is kept, as the tools keep it, as one document.

    *Turn*: read the whole context again, open the store, take its write lock (waiting
    for rivals that write the same store), and at the end commit. *Operation*: read the
    list, change one todo, write the list back and note the change with its payload. A
    todo whose number another agent has taken breaks the key and rolls back the
    transaction; the agent then numbers it again. A page cache smaller than the batch's
    payload makes SQLite spill to the disk before the commit.

    Parameters
    ----------
    variant : BatchVariant
        `agents - 1` rivals write to the same store; `operation_bytes` is the list and
        the payload of one write.
    list_length : int
        Todos in the list: what one write reads and writes.
    payload_bytes : int
        What a write adds to the record of changes.
    cache_pages : int
        Pages of 4096 bytes that the store may hold back.
    """

    def __init__(
        self,
        variant: BatchVariant,
        *,
        list_length: int,
        payload_bytes: int,
        cache_pages: int = 2000,
    ) -> None:
        self.variant = variant
        self.list_length = list_length
        self.payload_bytes = payload_bytes
        self.cache_pages = cache_pages
        self._path = Path()
        self._rivals: list[Child] = []

    def prepare(self, directory: Path) -> None:
        """Make the store."""
        directory.mkdir(parents=True)
        self._path = directory / "todos.sqlite"
        self._renumbered: set[int] = set()
        with closing(self._connect()) as store:
            store.executescript(
                "CREATE TABLE lists (agent INTEGER PRIMARY KEY, document TEXT);"
                "CREATE TABLE changes (number TEXT PRIMARY KEY, payload BLOB)"
                " WITHOUT ROWID;"
            )

    def reset(self, disturbed: Collection[int]) -> None:
        """Empty the store, take some numbers, and let the rivals work."""
        self.release()
        self._renumbered.clear()
        document = json.dumps(
            [
                {"id": n, "content": f"todo {n}", "status": "pending", "version": 0}
                for n in range(self.list_length)
            ]
        )
        with closing(self._connect()) as store:
            store.execute("BEGIN IMMEDIATE")
            store.execute("DELETE FROM lists")
            store.execute("DELETE FROM changes")
            store.executemany(
                "INSERT INTO lists VALUES (?, ?)",
                [(agent, document) for agent in range(self.variant.agents)],
            )
            store.executemany(
                "INSERT INTO changes VALUES (?, NULL)",
                [(f"change {operation}",) for operation in disturbed],
            )
            store.execute("COMMIT")
        for agent in range(1, self.variant.agents):
            self._rivals.append(Child.start(lambda agent=agent: self._rival(agent)))  # type: ignore[misc]  # a default binds the loop's value

    def attempt(self, operations: Sequence[int]) -> Attempt:
        """Write the todos in one transaction."""
        read_context(self._path.with_name("context"))
        asked_s = perf_counter()
        with closing(self._connect()) as store:
            store.execute("BEGIN IMMEDIATE")
            began_s = perf_counter()
            durations: list[float] = []
            taken: int | None = None
            for operation in operations:
                started_s = perf_counter()
                if not self._write(store, 0, operation):
                    taken = operation
                durations.append(perf_counter() - started_s)
                if taken is not None:
                    break
            store.execute("COMMIT" if taken is None else "ROLLBACK")
        if taken is not None:
            self._renumbered.add(taken)
        ended_s = perf_counter()
        size, failed = len(operations), int(taken is not None)
        return Attempt(
            began_s=began_s,
            ended_s=ended_s,
            durations_s=tuple(durations),
            waited_s=began_s - asked_s if self._rivals else 0.0,
            succeeded=0 if failed else size,
            failed=failed,
            cancelled=size - 1 if failed else 0,
        )

    def release(self) -> None:
        """End the rivals."""
        for rival in self._rivals:
            rival.kill()
        self._rivals.clear()

    def _connect(self) -> sqlite3.Connection:
        store = sqlite3.connect(
            self._path, timeout=LOCK_TIMEOUT_S, isolation_level=None
        )
        store.execute("PRAGMA synchronous=OFF")
        store.execute(f"PRAGMA cache_size={self.cache_pages}")
        return store

    def _write(self, store: sqlite3.Connection, agent: int, operation: int) -> bool:
        """Write one todo; false where its number is taken."""
        (document,) = store.execute(
            "SELECT document FROM lists WHERE agent = ?", (agent,)
        ).fetchone()
        todos = json.loads(document)
        todos[operation % len(todos)]["version"] += 1
        payload = document.encode().ljust(self.payload_bytes)
        number = f"{'renumbered ' if operation in self._renumbered else ''}change {operation}"
        try:
            store.execute(
                "INSERT INTO changes VALUES (?, ?)",
                (number, payload[: self.payload_bytes]),
            )
        except sqlite3.IntegrityError:
            return False
        store.execute(
            "UPDATE lists SET document = ? WHERE agent = ?", (json.dumps(todos), agent)
        )
        return True

    def _rival(self, agent: int) -> None:
        """Write as another agent does, until ended from outside or orphaned."""
        import os

        parent = os.getppid()
        block = bytes(RIVAL_WORK_BYTES)
        operation = 1_000_000 * agent
        with closing(self._connect()) as store:
            while os.getppid() == parent:
                sha256(block).digest()
                store.execute("BEGIN IMMEDIATE")
                self._write(store, agent, operation)
                store.execute("COMMIT")
                operation += 1
