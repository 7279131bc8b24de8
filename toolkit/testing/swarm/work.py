"""The work of a swarm: real files, a real subprocess, a real memory, all undone on failure."""

import random
import sqlite3
import subprocess
from pathlib import Path

__all__ = ["OrdinaryError", "Workplace"]

FILE_BYTES = 2000
CHECK = ("true",)
"""The check that a batch runs over its edits, as a linter would: a process each."""


class OrdinaryError(OSError):
    """An operation failed, as a share of them does."""


class Workplace:
    """Where one worker edits files and shares a memory with the others.

    Parameters
    ----------
    directory : path
        Of the whole swarm.
    agent_id : str
    failures : float
        Share of the operations that fail.
    seed : int
    """

    def __init__(
        self, directory: Path, agent_id: str, *, failures: float, seed: int
    ) -> None:
        self.files = directory / "files" / agent_id
        self.files.mkdir(parents=True, exist_ok=True)
        self.agent_id = agent_id
        self.failures = failures
        self.version = 0
        self._random = random.Random(seed)  # noqa: S311 - which operation fails, not a secret
        self._memory = sqlite3.connect(
            directory / "memory.sqlite",
            timeout=30.0,
            isolation_level=None,
            check_same_thread=False,
        )
        self._memory.execute("PRAGMA journal_mode=WAL")
        self._memory.execute("PRAGMA synchronous=NORMAL")
        self._memory.execute(
            "CREATE TABLE IF NOT EXISTS memory(key TEXT PRIMARY KEY, value TEXT, "
            "version INTEGER NOT NULL, writer TEXT)"
        )
        self._before: dict[Path, str] = {}

    def edit(self, number: int) -> None:
        """Edit one file and note it; a share of the edits fails.

        Raises
        ------
        OrdinaryError
            For that share.
        """
        path = self.files / f"{number}.txt"
        text = path.read_text() if path.exists() else ""
        self._before.setdefault(path, text)
        path.write_text((text + f"edit {number} by {self.agent_id}\n")[-FILE_BYTES:])
        if self._random.random() < self.failures:
            raise OrdinaryError(f"edit {number}")

    def commit(self, edits: int) -> None:
        """Run the check over a batch's edits and note them in the shared memory."""
        subprocess.run(CHECK, check=True)  # noqa: S603 - a fixed command of ours
        row = self._memory.execute(
            "INSERT INTO memory VALUES (?1, ?2, 1, ?1) ON CONFLICT(key) DO UPDATE "
            "SET value=?2, version=version+1 RETURNING version",
            (self.agent_id, f"{edits} edits"),
        ).fetchone()
        self.version = int(row[0])
        self._before.clear()

    def roll_back(self) -> None:
        """Undo the edits since the last commit."""
        for path, text in self._before.items():
            path.write_text(text)
        self._before.clear()
