"""Starts the workers of a swarm, stands beside them with every organ, and counts."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import anyio
from prometheus_client import CollectorRegistry

from toolkit.notifier import MemoryNotifier
from toolkit.records import KINDS, Spool, SpoolFollower
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.healing import HealingPlan
from toolkit.runtime.planning import TaskComplexity
from toolkit.testing.swarm.embedding import embed_in_supervisor
from toolkit.testing.swarm.processes import WorkerProcesses
from toolkit.testing.swarm.settings import SwarmSettings
from toolkit.testing.swarm.tasks import TaskCounts, TaskQueue, open_memory
from toolkit.testing.swarm.worker import warm_up

__all__ = ["ArmResult", "run_swarm"]

LOOK_S = 0.2
KILLED = 1
"""Number of the worker that is killed where the settings say so."""

TASKS = 100_000
"""Components of the swarm's task: more than it ever finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What one run of a swarm achieved.

    Attributes
    ----------
    whole, second_half : float
        Operations that succeeded, a second and worker.
    expected_whole, expected_second_half : float
        The same, of batches of the sizes that were taken, without the luck of which
        operations failed: a batch of n succeeds with the n-th power of the share that
        does not fail.
    batches : int
    mean_size : float
    organs : tuple of str
        What stood beside it.
    records : mapping of str to int
        What passed the supervisor's loop, by kind.
    failures : mapping of str to int
        What its organs raised.
    notifications : int
    tasks : TaskCounts or None
        When all workers had ended.
    metrics : frozenset of str
        Prometheus metrics that had a value at the end.
    """

    whole: float
    second_half: float
    expected_whole: float
    expected_second_half: float
    batches: int
    mean_size: float
    organs: tuple[str, ...] = ()
    records: dict[str, int] | None = None
    failures: dict[str, int] | None = None
    notifications: int = 0
    tasks: TaskCounts | None = None
    metrics: frozenset[str] = frozenset()


def run_swarm(settings: SwarmSettings, directory: Path) -> ArmResult:
    """Run a swarm; with the toolkit embedded where it decides the sizes.

    Parameters
    ----------
    settings : SwarmSettings
    directory : path
        An empty one: store, files and memory of the swarm.

    Returns
    -------
    ArmResult
    """
    directory.mkdir(parents=True, exist_ok=True)
    loop, notifier, registry = None, MemoryNotifier(), CollectorRegistry()
    memory = open_memory(directory)
    TaskQueue(memory).fill(TASKS)
    memory.close()
    workers = WorkerProcesses(settings, directory)
    if not settings.size:
        warm_up(settings, directory / "warm")
    for number in range(settings.workers):
        workers.start(number)
    if not settings.size:
        task = TaskComplexity(components=TASKS, operations={"fileOperations": TASKS})
        plan = HealingPlan(tick_s=settings.look_s, poll_s=settings.look_s)
        loop = embed_in_supervisor(directory, notifier, task, workers, plan, registry)
    began_s = workers.begin()
    if loop is not None:
        anyio.run(_stand_by, loop, workers, began_s)
    workers.join(settings.duration_s + 30.0)
    metrics = frozenset(each.name for each in registry.collect() if each.samples)
    return _counted(settings, directory, began_s, loop, notifier, metrics)


async def _stand_by(
    loop: RuntimeLoop, workers: WorkerProcesses, began_s: float
) -> None:
    """Pass on what the workers write, and heal, until they end."""
    settings = workers.settings
    spool = SpoolFollower(Spool(workers.directory / "spool"))
    kill_s = math.inf if settings.kill_s is None else began_s + settings.kill_s
    async with anyio.create_task_group() as group:
        group.start_soon(loop.run)
        while (now_s := time.monotonic()) < began_s + settings.duration_s:
            if now_s >= kill_s:
                workers.kill(KILLED)
                kill_s = math.inf
            for record in spool.records(*KINDS.values()):
                loop.observe(record)
            await anyio.sleep(min(LOOK_S, settings.look_s))
        group.cancel_scope.cancel()


def _counted(
    settings: SwarmSettings,
    directory: Path,
    began_s: float,
    loop: RuntimeLoop | None,
    notifier: MemoryNotifier,
    metrics: frozenset[str],
) -> ArmResult:
    rows = [
        row
        for path in sorted(directory.glob("w*.jsonl"))
        for row in map(json.loads, path.read_text().splitlines())
    ]
    memory = open_memory(directory)
    tasks = TaskQueue(memory).counts()
    memory.close()
    late = [row for row in rows if row[0] >= began_s + settings.duration_s / 2]
    seconds = settings.duration_s * settings.workers
    statistics = None if loop is None else loop.statistics()
    if loop is not None:
        loop.close()
    return ArmResult(
        whole=sum(done for _, _, done in rows) / seconds,
        second_half=sum(done for _, _, done in late) / (seconds / 2),
        expected_whole=_expected(settings, rows) / seconds,
        expected_second_half=_expected(settings, late) / (seconds / 2),
        batches=len(rows),
        mean_size=sum(size for _, size, _ in rows) / max(len(rows), 1),
        organs=() if statistics is None else statistics.organs,
        records=None if statistics is None else dict(statistics.records),
        failures=None if statistics is None else dict(statistics.failures),
        notifications=notifier.count,
        tasks=tasks,
        metrics=metrics,
    )


def _expected(settings: SwarmSettings, rows: list[tuple[float, int, int]]) -> float:
    """Operations that succeed on average in batches of these sizes."""
    return sum(size * (1 - settings.failures) ** size for _, size, _ in rows)
