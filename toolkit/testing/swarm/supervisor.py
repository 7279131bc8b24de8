"""Starts the workers of a swarm, stands beside them with every organ, and counts."""

import json
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import anyio

from toolkit.notifier import MemoryNotifier
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome
from toolkit.runtime.planning import TaskComplexity
from toolkit.testing.swarm.embedding import (
    embed_in_supervisor,
    follow_others,
)
from toolkit.testing.swarm.settings import SwarmSettings
from toolkit.testing.swarm.worker import warm_up, work

__all__ = ["ArmResult", "run_swarm"]

LOOK_S = 0.2
READY_S = 60.0
"""How long the workers may take to come up."""
TASKS = 100_000
"""Components of the swarm's task: more than it ever finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What one run of a swarm achieved.

    Attributes
    ----------
    whole, second_half : float
        Operations that succeeded, a second and worker.
    batches : int
    mean_size : float
    organs : tuple of str
        What stood beside it.
    records : mapping of str to int
        What passed the supervisor's loop, by kind.
    failures : mapping of str to int
        What its organs raised.
    notifications : int
    """

    whole: float
    second_half: float
    batches: int
    mean_size: float
    organs: tuple[str, ...] = ()
    records: dict[str, int] | None = None
    failures: dict[str, int] | None = None
    notifications: int = 0


class WorkerProcesses:
    """The processes, and the effector that starts one again."""

    def __init__(
        self,
        settings: SwarmSettings,
        directory: Path,
        context: BaseContext,
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.ready: Barrier | None = context.Barrier(settings.workers + 1)
        self.processes: dict[str, BaseProcess] = {}
        self._context = context
        self._effects: dict[str, Effect] = {}

    def start(self, number: int) -> None:
        """Start a worker in a slot."""
        process = self._context.Process(  # type: ignore[attr-defined] # BaseContext has it, the stub of the base does not
            target=work,
            args=(self.settings, self.directory, number, self.ready),
            daemon=True,
        )
        process.start()
        self.processes[f"w{number}"] = process

    def begin(self) -> float:
        """Have all workers begin; the moment on the monotonic clock."""
        if self.ready is not None:
            self.ready.wait(READY_S)
            self.ready = None
        return time.monotonic()

    async def act(self, action: Action) -> Effect:
        """End the worker that an action is about and start it again, once a key."""
        if action.key not in self._effects:
            self._effects[action.key] = self._restart(action.slot)
        return self._effects[action.key]

    async def effect_of(self, key: str) -> Effect | None:
        """Give what the action with this key did."""
        return self._effects.get(key)

    def join(self, timeout_s: float) -> None:
        """Wait for all of them, and end those that do not end."""
        for process in self.processes.values():
            process.join(timeout_s)
            if process.is_alive():
                process.kill()
                process.join()

    def _restart(self, slot: str | None) -> Effect:
        name = (slot or "").rpartition("/")[2]
        process = self.processes.get(name)
        if process is None:
            return Effect(outcome=EffectOutcome.INAPPLICABLE, detail="no such worker")
        process.kill()
        process.join()
        self.start(int(name[1:]))
        return Effect(outcome=EffectOutcome.ACTED, detail="restarted", affected=1)


def run_swarm(settings: SwarmSettings, directory: Path) -> ArmResult:
    """Run a swarm; with the toolkit embedded where it decides the sizes.

    Parameters
    ----------
    settings : SwarmSettings
    directory : path
        An empty one: store, files and memory of the swarm.
    """
    directory.mkdir(parents=True, exist_ok=True)
    loop, notifier = None, MemoryNotifier()
    workers = WorkerProcesses(settings, directory, multiprocessing.get_context("fork"))
    if not settings.size:
        warm_up(settings, directory / "warm")
    for number in range(settings.workers):
        workers.start(number)
    if not settings.size:
        task = TaskComplexity(components=TASKS, operations={"fileOperations": TASKS})
        loop = embed_in_supervisor(directory, notifier, task, workers)
    began_s = workers.begin()
    if loop is not None:
        anyio.run(_stand_by, loop, directory, began_s + settings.duration_s)
    workers.join(settings.duration_s + 30.0)
    return _counted(settings, directory, began_s, loop, notifier)


async def _stand_by(loop: RuntimeLoop, directory: Path, until_s: float) -> None:
    """Pass on what the workers write, and heal, until they end."""
    written = follow_others(directory, "batch", "coordination", "workflow")
    async with anyio.create_task_group() as group:
        group.start_soon(loop.run)
        while time.monotonic() < until_s:
            for record in written():
                loop.observe(record)
            await anyio.sleep(LOOK_S)
        group.cancel_scope.cancel()


def _counted(
    settings: SwarmSettings,
    directory: Path,
    began_s: float,
    loop: RuntimeLoop | None,
    notifier: MemoryNotifier,
) -> ArmResult:
    rows = [
        row
        for path in sorted(directory.glob("w*.json"))
        for row in json.loads(path.read_text())
    ]
    half_s = began_s + settings.duration_s / 2
    seconds = settings.duration_s * settings.workers
    late = sum(done for at_s, _, done in rows if at_s >= half_s)
    statistics = None if loop is None else loop.statistics()
    if loop is not None:
        loop.close()
    return ArmResult(
        whole=sum(done for _, _, done in rows) / seconds,
        second_half=late / (seconds / 2),
        batches=len(rows),
        mean_size=sum(size for _, size, _ in rows) / max(len(rows), 1),
        organs=() if statistics is None else statistics.organs,
        records=None if statistics is None else dict(statistics.records),
        failures=None if statistics is None else dict(statistics.failures),
        notifications=notifier.count,
    )
