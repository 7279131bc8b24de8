"""The queue of a swarm: tasks that one worker at a time has, and that none can lose."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TaskCounts", "TaskQueue", "open_memory"]


def open_memory(directory: Path) -> sqlite3.Connection:
    """Open the database that a swarm shares: its memory and its tasks."""
    database = sqlite3.connect(
        directory / "memory.sqlite",
        timeout=30.0,
        isolation_level=None,
        check_same_thread=False,
    )
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    return database


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts:
    """Tasks by state.

    Attributes
    ----------
    done, held, waiting : int
    """

    done: int
    held: int
    waiting: int


class TaskQueue:
    """Hands tasks out and takes them back.

    Parameters
    ----------
    memory : sqlite3.Connection
        `open_memory`.
    """

    def __init__(self, memory: sqlite3.Connection) -> None:
        self.memory = memory

    def fill(self, count: int) -> None:
        """Create the queue, with tasks numbered from 1."""
        self.memory.execute(
            "CREATE TABLE tasks(id INTEGER PRIMARY KEY, owner TEXT, "
            "done INTEGER NOT NULL DEFAULT 0)"
        )
        self.memory.execute("CREATE INDEX waiting ON tasks(id) WHERE owner IS NULL")
        self.memory.execute(
            "CREATE INDEX held ON tasks(owner) WHERE owner NOT NULL AND NOT done"
        )
        self.memory.execute(
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id+1 FROM n "
            "WHERE id < ?) INSERT INTO tasks(id) SELECT id FROM n",
            (count,),
        )

    def take(self, owner: str, count: int) -> list[int]:
        """Take the next tasks."""
        rows = self.memory.execute(
            "UPDATE tasks SET owner=? WHERE id IN (SELECT id FROM tasks "
            "WHERE owner IS NULL ORDER BY id LIMIT ?) RETURNING id",
            (owner, count),
        ).fetchall()
        return sorted(int(row[0]) for row in rows)

    def finish(self, owner: str) -> None:
        """Mark what an owner holds as done."""
        self.memory.execute(
            "UPDATE tasks SET done=1 WHERE owner=? AND NOT done", (owner,)
        )

    def give_back(self, owner: str) -> int:
        """Let the others have what an owner holds; how many tasks that were."""
        return self.memory.execute(
            "UPDATE tasks SET owner=NULL WHERE owner=? AND NOT done", (owner,)
        ).rowcount

    def was_done_by(self, owner: str, task: int) -> bool:
        """Whether this owner has done a task, and no other after it was given back."""
        row = self.memory.execute(
            "SELECT done FROM tasks WHERE id=? AND owner=?", (task, owner)
        ).fetchone()
        return bool(row and row[0])

    def counts(self) -> TaskCounts:
        """Count the tasks by state."""
        done, held, waiting = self.memory.execute(
            "SELECT sum(done), sum(owner NOT NULL AND NOT done), sum(owner IS NULL) "
            "FROM tasks"
        ).fetchone()
        return TaskCounts(done=done, held=held, waiting=waiting)
