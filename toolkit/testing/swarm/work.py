"""The work of a swarm: real files, a real subprocess, a real memory, all undone on failure."""

import random
import re
import subprocess
import weakref
from pathlib import Path

from toolkit.testing.swarm.tasks import TaskQueue, open_memory

__all__ = ["OrdinaryError", "Workplace"]

FILES = 20
FILE_BYTES = 2000
CHECK = ("true",)
"""The check that a batch runs over its edits, as a linter would: a process each."""

DRAFT = ".new"


class OrdinaryError(OSError):
    """An operation failed, as a share of them does."""


class Workplace:
    """Where one worker takes tasks, edits files and shares a memory with the others.

    Edits are drafts until the tasks behind them are done in the database; what a killed
    worker left is kept when its place is taken again if it had done those tasks, and
    dropped if not: then they were given back, and another may have done them since.

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
        self._memory = open_memory(directory)
        # Python 3.13 warns of connections that nothing closes.
        weakref.finalize(self, self._memory.close).atexit = False
        self._memory.execute(
            "CREATE TABLE IF NOT EXISTS memory(key TEXT PRIMARY KEY, value TEXT, "
            "version INTEGER NOT NULL, writer TEXT)"
        )
        self.tasks = TaskQueue(self._memory)
        for draft in self.files.glob(f"*{DRAFT}"):
            self._settle(draft, keep=self._is_committed(draft))

    def random(self) -> float:
        """Draw a number, 0 to 1."""
        return self._random.random()

    def take(self, count: int) -> list[int]:
        """Take tasks from the queue."""
        return self.tasks.take(self.agent_id, count)

    def edit(self, task: int) -> None:
        """Edit one file and note it; a share of the edits fails.

        Raises
        ------
        OrdinaryError
            For that share.
        """
        path = self.files / f"{task % FILES}.txt"
        draft = path.with_suffix(DRAFT)
        before = next((each for each in (draft, path) if each.exists()), None)
        text = "" if before is None else before.read_text()
        draft.write_text((text + f"edit {task} by {self.agent_id}\n")[-FILE_BYTES:])
        if self.random() < self.failures:
            raise OrdinaryError(f"edit {task}")

    def commit(self, tasks: list[int]) -> None:
        """Run the check over a batch's edits and note them in the shared memory."""
        subprocess.run(CHECK, check=True)  # noqa: S603 - a fixed command of ours
        with self._memory:
            self._memory.execute("BEGIN IMMEDIATE")
            self.tasks.finish(self.agent_id)
            row = self._memory.execute(
                "INSERT INTO memory VALUES (?1, ?2, 1, ?1) ON CONFLICT(key) DO UPDATE "
                "SET value=?2, version=version+1 RETURNING version",
                (self.agent_id, f"{len(tasks)} edits"),
            ).fetchone()
        self.version = int(row[0])
        self._settle_all(keep=True)

    def roll_back(self) -> None:
        """Undo the edits since the last commit, and give their tasks back."""
        self._settle_all(keep=False)
        self.tasks.give_back(self.agent_id)

    def _is_committed(self, draft: Path) -> bool:
        # A worker killed between opening and writing leaves an empty draft.
        edited = re.findall(r"^edit (\d+) ", draft.read_text(), re.MULTILINE)
        return bool(edited) and self.tasks.was_done_by(self.agent_id, int(edited[-1]))

    def _settle_all(self, *, keep: bool) -> None:
        for draft in self.files.glob(f"*{DRAFT}"):
            self._settle(draft, keep=keep)

    def _settle(self, draft: Path, *, keep: bool) -> None:
        if keep:
            draft.replace(draft.with_suffix(".txt"))
        else:
            draft.unlink()
