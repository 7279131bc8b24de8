"""Reads, writes and edits of real files, applied together or not at all."""

import fcntl
import json
import os
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from toolkit.measurement.workloads.batch_workload import (
    Attempt,
    BatchVariant,
    read_context,
)

__all__ = ["FileOperations"]

FILES = 32
"""More than the operations of one cell, so that none meets its own work."""
PATTERN = (0, 5, 2, 7, 4, 9, 1, 6, 3, 8)
"""Order in which ten successive operations draw their place below `read_share`."""


class FileOperations:
    """A write set over files whose content the agent has seen before.

    *Turn*: read the whole context again, take the lock of the working tree, read the
    manifest of what every file looked like, and write the intent to a journal.
    *Operation*: read the file and compare it with what was seen; an edit also changes it
    and stages the new content. *Commit*: rename what is staged, write the manifest,
    close the journal. A file that was changed meanwhile fails its operation, as an edit
    of a stale file does, and everything staged is thrown away.

    Parameters
    ----------
    variant : BatchVariant
    """

    def __init__(self, variant: BatchVariant) -> None:
        self.variant = variant
        self._directory = Path()

    def prepare(self, directory: Path) -> None:
        """Make the files."""
        self._directory = directory
        # One content for all: a process that holds little is quickly forked.
        self._content = os.urandom(self.variant.operation_bytes)
        self._seen = dict.fromkeys(
            map(str, range(FILES)), sha256(self._content).hexdigest()
        )
        self._changed = set(range(FILES))
        directory.mkdir(parents=True)
        (directory / "lock").touch()

    def reset(self, disturbed: Collection[int]) -> None:
        """Write the files as they were, and behind the agent's back change some."""
        for number in self._changed:
            self._path(number).write_bytes(self._content)
        self._changed = {operation % FILES for operation in disturbed}
        self._manifest.write_text(json.dumps(self._seen))
        for operation in disturbed:
            with self._path(operation).open("r+b") as stream:
                stream.write(b"another agent")

    def attempt(self, operations: Sequence[int]) -> Attempt:
        """Apply the operations as one write set."""
        read_context(self._directory / "context")
        asked_s = perf_counter()
        with (self._directory / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waited_s = perf_counter() - asked_s
            seen = json.loads(self._manifest.read_text())
            self._journal(f"intend {list(operations)}")
            began_s = perf_counter()
            durations, stale = self._stage(operations, seen)
            if stale is None:
                self._commit(operations, seen)
            else:
                self._take_back(operations, stale, seen)
            ended_s = perf_counter()
        size, failed = len(operations), int(stale is not None)
        return Attempt(
            began_s=began_s,
            ended_s=ended_s,
            durations_s=tuple(durations),
            waited_s=waited_s,
            succeeded=0 if failed else size,
            failed=failed,
            cancelled=size - 1 if failed else 0,
        )

    def release(self) -> None:
        """Nothing works beside it."""

    def _stage(
        self, operations: Sequence[int], seen: dict[str, str]
    ) -> tuple[list[float], int | None]:
        durations: list[float] = []
        for operation in operations:
            started_s = perf_counter()
            content = self._path(operation).read_bytes()
            fresh = sha256(content).hexdigest() == seen[str(operation % FILES)]
            if fresh and not self._only_reads(operation):
                self._staged(operation).write_bytes(content[::-1])
                seen[str(operation % FILES)] = sha256(content[::-1]).hexdigest()
            durations.append(perf_counter() - started_s)
            if not fresh:
                return durations, operation
        return durations, None

    def _commit(self, operations: Sequence[int], seen: dict[str, str]) -> None:
        for operation in operations:
            if not self._only_reads(operation):
                self._staged(operation).rename(self._path(operation))
                self._changed.add(operation % FILES)
        self._manifest.write_text(json.dumps(seen))
        self._journal("done")

    def _take_back(
        self, operations: Sequence[int], stale: int, seen: dict[str, str]
    ) -> None:
        for operation in operations:
            self._staged(operation).unlink(missing_ok=True)
        seen = json.loads(self._manifest.read_text())
        content = self._path(stale).read_bytes()
        seen[str(stale % FILES)] = sha256(content).hexdigest()
        self._manifest.write_text(json.dumps(seen))

    def _journal(self, line: str) -> None:
        (self._directory / "journal").write_text(line)

    def _only_reads(self, operation: int) -> bool:
        return PATTERN[operation % 10] < 10 * self.variant.read_share

    @property
    def _manifest(self) -> Path:
        return self._directory / "manifest.json"

    def _path(self, operation: int) -> Path:
        return self._directory / f"file-{operation % FILES}"

    def _staged(self, operation: int) -> Path:
        return self._directory / f"file-{operation % FILES}.staged"
