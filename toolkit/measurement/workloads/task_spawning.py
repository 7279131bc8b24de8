"""Real processes, spawned together, that coordinate through a real store."""

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

__all__ = ["TaskSpawning"]

LOCK_TIMEOUT_S = 60.0


class TaskSpawning:
    """Tasks handed to processes of their own, accepted when all of them succeed.

    *Turn*: read the whole context again and write the plan to the store; at the end
    collect and commit the results. *Operation*: fork a process that reads its briefing, claims
    its task in the store, works, and writes its result to the store; the claims and
    results of one batch queue for the store's write lock. A process that finds its
    briefing damaged fails; the results of its siblings are then discarded, the briefing
    is written again and the batch is spawned again.

    Parameters
    ----------
    variant : BatchVariant
        `operation_bytes` is the size of a briefing.
    work_bytes : int
        What a task computes on.
    result_bytes : int
        What a task writes to the store.
    """

    def __init__(
        self, variant: BatchVariant, *, work_bytes: int, result_bytes: int
    ) -> None:
        self.variant = variant
        self.work_bytes = work_bytes
        self.result_bytes = result_bytes
        self._directory = Path()

    def prepare(self, directory: Path) -> None:
        """Make the store."""
        directory.mkdir(parents=True)
        self._directory = directory
        items = max(1, self.variant.operation_bytes // 40)
        self._briefing = json.dumps(
            [f"a line of the briefing {n:08d}" for n in range(items)]
        )
        self._block = bytes(self.work_bytes)
        with closing(self._connect()) as store:
            store.execute("PRAGMA journal_mode=WAL")
            store.execute(
                "CREATE TABLE tasks (task INTEGER PRIMARY KEY, state TEXT, result BLOB)"
            )

    def reset(self, disturbed: Collection[int]) -> None:
        """Empty the store, write the briefings and damage some."""
        with closing(self._connect()) as store:
            store.execute("DELETE FROM tasks")
        for operation in disturbed:
            self._path(operation).write_text(self._briefing[:-1])

    def attempt(self, operations: Sequence[int]) -> Attempt:
        """Spawn the tasks together and accept or discard all of their results."""
        for operation in operations:
            if not self._path(operation).exists():
                self._path(operation).write_text(self._briefing)
        read_context(self._directory / "context")
        self._plan(operations)
        began_s = perf_counter()
        children = [
            Child.start(lambda operation=operation: self._task(operation))  # type: ignore[misc]  # a default binds the loop's value
            for operation in operations
        ]
        durations, failing = [], []
        for operation, child in zip(operations, children, strict=True):
            if child.wait() != 0:
                failing.append(operation)
            durations.append(perf_counter() - began_s)
        self._accept(operations, failing)
        ended_s = perf_counter()
        size = len(operations)
        return Attempt(
            began_s=began_s,
            ended_s=ended_s,
            durations_s=tuple(durations),
            waited_s=0.0,
            succeeded=0 if failing else size,
            failed=len(failing),
            cancelled=size - len(failing) if failing else 0,
        )

    def release(self) -> None:
        """Every process has been waited for."""

    def _plan(self, operations: Sequence[int]) -> None:
        with closing(self._connect()) as store:
            store.execute("BEGIN IMMEDIATE")
            store.executemany(
                "INSERT OR REPLACE INTO tasks VALUES (?, 'planned', NULL)",
                [(operation,) for operation in operations],
            )
            store.execute("COMMIT")

    def _accept(self, operations: Sequence[int], failing: Sequence[int]) -> None:
        if failing:
            for operation in failing:
                self._path(operation).write_text(self._briefing)
            return
        with closing(self._connect()) as store:
            store.execute("BEGIN IMMEDIATE")
            store.executemany(
                "UPDATE tasks SET state = 'accepted' WHERE task = ?",
                [(operation,) for operation in operations],
            )
            store.execute("COMMIT")

    def _task(self, operation: int) -> None:
        briefing = json.loads(self._path(operation).read_text())
        with closing(self._connect()) as store:
            store.execute(
                "UPDATE tasks SET state = 'claimed' WHERE task = ?", (operation,)
            )
            digest = sha256(self._block).digest()
            result = digest * (self.result_bytes // len(digest)) + briefing[0].encode()
            store.execute(
                "UPDATE tasks SET state = 'done', result = ? WHERE task = ?",
                (result, operation),
            )

    def _connect(self) -> sqlite3.Connection:
        store = sqlite3.connect(
            self._directory / "tasks.sqlite",
            timeout=LOCK_TIMEOUT_S,
            isolation_level=None,
        )
        store.execute("PRAGMA synchronous=OFF")
        return store

    def _path(self, operation: int) -> Path:
        return self._directory / f"briefing-{operation}.json"
