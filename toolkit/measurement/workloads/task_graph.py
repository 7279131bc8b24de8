"""Small task graphs run by real worker processes."""

import fcntl
import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from time import perf_counter

from toolkit.measurement.child import Child
from toolkit.measurement.workloads.graph_shape import GraphShape

__all__ = ["GraphRun", "GraphVariant", "TaskGraph"]

STOP = 255
"""Byte that ends a worker; components have smaller numbers."""
TIMINGS = 3
"""Of so many timings of a component the shortest is taken: what disturbs only adds."""
WORKER = struct.Struct("ddd")
"""What a worker leaves: end, waited and ran, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphVariant:
    """What is known of a task graph before workers are chosen.

    Attributes
    ----------
    name : str
        Unique; becomes the group that evaluation holds out together.
    shape : GraphShape
        Components and what each waits for.
    compute_bytes : int
        What a component computes on, on average; sizes vary from half to twice.
    syncs : int
        Synchronised writes of a component: time in which its core is free.
    shared_bytes : int
        What a component computes on while it holds the lock that all share.
    message_bytes : int
        What a component tells the others; every worker reads what every other wrote.
    briefing_bytes : int
        What a worker reads and parses before its first component.
    """

    name: str
    shape: GraphShape
    compute_bytes: int
    syncs: int = 0
    shared_bytes: int = 0
    message_bytes: int = 0
    briefing_bytes: int = 100_000

    @property
    def coordination_needs(self) -> float:
        """Share of a component's bytes that concern the others too, 0 to 1."""
        shared = self.shared_bytes + 4 * self.message_bytes
        return round(shared / (shared + self.compute_bytes), 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRun:
    """One run of a task graph by a number of workers.

    Attributes
    ----------
    makespan_s : float
        From the first fork to the last worker's end.
    agent_seconds : float
        Sum over the workers of the time from their fork to their end.
    waited_s : float
        Sum over the workers of the time without a component to work on, or waiting for
        the lock.
    succeeded, failed : int
        Components.
    """

    makespan_s: float
    agent_seconds: float
    waited_s: float
    succeeded: int
    failed: int


class TaskGraph:
    """Workers that take components as they become ready, until none is left.

    Ready components travel through a pipe from which idle workers read; what each
    component still waits for is counted in shared memory under a lock. A worker forks,
    reads its briefing, and for every component reads the messages written since its
    last one, computes, synchronises its writes, and changes the shared state under the
    lock. So adding a worker costs a start, a briefing and one more reader of all
    messages, and the lock is handed over more often.

    Parameters
    ----------
    variant : GraphVariant
    """

    def __init__(self, variant: GraphVariant) -> None:
        self.variant = variant
        self._directory = Path()

    def prepare(self, directory: Path, *, seed: int) -> None:
        """Make the files, draw the components' sizes, and time each alone.

        Parameters
        ----------
        directory : path
            Is made.
        seed : int
            Of the components' sizes.
        """
        directory.mkdir(parents=True)
        self._directory = directory
        lines = self.variant.briefing_bytes // 40
        (directory / "briefing.json").write_text(
            json.dumps([f"a line of the briefing {n:08d}" for n in range(lines)])
        )
        random = Random(seed)  # noqa: S311 - sizes of work, nothing secret
        self._sizes = [
            round(self.variant.compute_bytes * 2 ** random.uniform(-1, 1))
            for _ in range(self.variant.shape.components)
        ]
        self._lines_up()
        durations = [
            min(self._timed(component) for _ in range(TIMINGS))
            for component in range(len(self._sizes))
        ]
        self.component_s = fmean(durations)
        self.component_cv = pstdev(durations) / self.component_s

    def run(self, workers: int) -> GraphRun:
        """Run the whole graph once.

        Parameters
        ----------
        workers : int
            Processes, at least 1.

        Returns
        -------
        GraphRun
        """
        self._lines_up()
        shape = self.variant.shape
        board = mmap.mmap(-1, shape.components + 1 + WORKER.size * workers)
        board[: shape.components] = bytes(map(len, shape.waits_for))
        board[shape.components] = shape.components
        reader, writer = os.pipe()
        try:
            os.write(writer, bytes(shape.first()))
            return self._measure(workers, board, reader, writer)
        finally:
            os.close(reader)
            os.close(writer)
            board.close()

    def _measure(
        self, workers: int, board: mmap.mmap, reader: int, writer: int
    ) -> GraphRun:
        started, children = [], []
        try:
            for number in range(workers):
                started.append(perf_counter())
                slot = self.variant.shape.components + 1 + WORKER.size * number
                worker = _Worker(self, board, slot, workers, reader, writer)
                children.append(Child.start(worker.work))
            codes = [child.wait() for child in children]
        finally:
            for child in children:
                child.kill()
        ended_s = perf_counter()
        first = self.variant.shape.components + 1
        rows = list(WORKER.iter_unpack(board[first:]))
        lived = [row[0] - begun for row, begun in zip(rows, started, strict=True)]
        left = board[self.variant.shape.components]
        return GraphRun(
            makespan_s=ended_s - started[0],
            agent_seconds=sum(lived),
            waited_s=sum(row[1] for row in rows),
            succeeded=self.variant.shape.components - left,
            failed=sum(code != 0 for code in codes),
        )

    def _lines_up(self) -> None:
        """Return the shared files to their first state."""
        (self._directory / "messages").write_bytes(b"")
        (self._directory / "lock").touch()

    def _timed(self, component: int) -> float:
        started_s = perf_counter()
        self.compute(component)
        return perf_counter() - started_s

    def read_briefing(self) -> int:
        """Read and parse what a worker must know; returns the number of lines.

        Returns
        -------
        int
        """
        return len(json.loads((self._directory / "briefing.json").read_text()))

    def compute(self, component: int) -> None:
        """Do the part of a component that concerns no other.

        Parameters
        ----------
        component : int
            From 0.
        """
        digest = sha256(bytes(self._sizes[component])).digest()
        if self.variant.syncs:
            path = self._directory / f"component-{component}"
            with path.open("wb") as stream:
                for _ in range(self.variant.syncs):
                    stream.write(digest)
                    stream.flush()
                    os.fsync(stream.fileno())

    def read_messages(self, offset: int) -> int:
        """Read and digest what was written since; returns the new offset.

        Parameters
        ----------
        offset : int
            Bytes read before.

        Returns
        -------
        int
            Bytes.
        """
        with (self._directory / "messages").open("rb") as stream:
            stream.seek(offset)
            news = stream.read()
        sha256(news).digest()
        return offset + len(news)

    def share(self) -> None:
        """Tell the others, and work on what all share; the lock must be held."""
        sha256(bytes(self.variant.shared_bytes)).digest()
        if self.variant.message_bytes:
            with (self._directory / "messages").open("ab") as stream:
                stream.write(bytes(self.variant.message_bytes))

    @property
    def lock(self) -> Path:
        """File whose lock guards the shared state."""
        return self._directory / "lock"


@dataclass(slots=True)
class _Worker:
    """One process's part in a run."""

    graph: TaskGraph
    board: mmap.mmap
    slot: int
    workers: int
    reader: int
    writer: int
    waited_s: float = 0.0
    ran_s: float = 0.0
    read_to: int = 0

    def work(self) -> None:
        """Take components until none is left; one that fails stops them all."""
        whole = False
        try:
            self.graph.read_briefing()
            with self.graph.lock.open("rb") as lock:
                while (component := self._next()) != STOP:
                    self._run(component, lock.fileno())
            whole = True
        finally:
            if not whole:
                os.write(self.writer, bytes([STOP]) * self.workers)
            WORKER.pack_into(
                self.board, self.slot, perf_counter(), self.waited_s, self.ran_s
            )

    def _next(self) -> int:
        asked_s = perf_counter()
        component = os.read(self.reader, 1)[0]
        self.waited_s += perf_counter() - asked_s
        return component

    def _run(self, component: int, lock: int) -> None:
        started_s = perf_counter()
        self.read_to = self.graph.read_messages(self.read_to)
        self.graph.compute(component)
        self.ran_s += perf_counter() - started_s
        self._finish(component, lock)

    def _finish(self, component: int, lock: int) -> None:
        asked_s = perf_counter()
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.waited_s += perf_counter() - asked_s
        self.graph.share()
        ready = self._count_down(component)
        left = self.board[self.graph.variant.shape.components]
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.write(self.writer, bytes(ready) if left else bytes([STOP]) * self.workers)

    def _count_down(self, component: int) -> Sequence[int]:
        shape = self.graph.variant.shape
        self.board[shape.components] -= 1
        ready = []
        for other in shape.waiting_on(component):
            self.board[other] -= 1
            if not self.board[other]:
                ready.append(other)
        return ready
