"""The worker processes of a swarm, and the effector that starts one again."""

import multiprocessing
import time
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome
from toolkit.testing.swarm.settings import SwarmSettings
from toolkit.testing.swarm.tasks import TaskQueue, open_memory
from toolkit.testing.swarm.worker import run_worker

__all__ = ["WorkerProcesses"]

READY_S = 60.0
"""How long the workers may take to come up."""

RESTARTS = frozenset({"spawn_replacement", "agent_restart", "agent_respawn"})
RESETS = frozenset({"reannounce_ownership", "task_redistribution", "reassign_task"})


class WorkerProcesses:
    """The processes of a swarm.

    As an effector it restarts a worker, and gives the tasks of workers that have ended
    back to the queue; other actions do not apply here.

    Parameters
    ----------
    settings : SwarmSettings
    directory : path
    """

    def __init__(self, settings: SwarmSettings, directory: Path) -> None:
        self.settings = settings
        self.directory = directory
        self.processes: dict[str, BaseProcess] = {}
        self.until_s: float | None = None
        self._context = multiprocessing.get_context("fork")
        self._ready: Barrier | None = self._context.Barrier(settings.workers + 1)
        self._effects: dict[str, Effect] = {}

    def start(self, number: int) -> None:
        """Start a worker in a slot."""
        process = self._context.Process(
            target=run_worker,
            args=(self.settings, self.directory, number, self._ready, self.until_s),
            daemon=True,
        )
        process.start()
        self.processes[f"w{number}"] = process

    def begin(self) -> float:
        """Have all workers begin; the moment on the monotonic clock."""
        if self._ready is not None:
            self._ready.wait(READY_S)
            self._ready = None
        began_s = time.monotonic()
        self.until_s = began_s + self.settings.duration_s
        return began_s

    def alive(self, slot: str) -> bool | None:
        """Whether the worker in a slot runs or has ended its work; `None`: no such one.

        Slots are named `session/agent`.
        """
        process = self.processes.get(slot.rpartition("/")[2])
        return None if process is None else process.exitcode in (None, 0)

    def kill(self, number: int) -> None:
        """Kill a worker in the middle of whatever it does."""
        process = self.processes[f"w{number}"]
        process.kill()
        process.join()

    async def act(self, action: Action) -> Effect:
        """Carry out an action, once a key."""
        if action.key not in self._effects:
            self._effects[action.key] = self._act(action)
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

    def _act(self, action: Action) -> Effect:
        if action.verb in RESTARTS:
            return self._restart((action.slot or "").rpartition("/")[2])
        if action.verb in RESETS:
            ended = [name for name in self.processes if not self.alive(name)]
            count = sum(self._give_back(name) for name in ended)
            detail = f"{count} tasks of {len(ended)} ended workers given back"
            return Effect(outcome=EffectOutcome.ACTED, detail=detail, affected=count)
        return Effect(outcome=EffectOutcome.INAPPLICABLE, detail="not done here")

    def _restart(self, name: str) -> Effect:
        if name not in self.processes:
            return Effect(outcome=EffectOutcome.INAPPLICABLE, detail="no such worker")
        number = int(name[1:])
        self.kill(number)
        count = self._give_back(name)
        self.start(number)
        detail = f"restarted, {count} tasks given back"
        return Effect(outcome=EffectOutcome.ACTED, detail=detail, affected=1)

    def _give_back(self, name: str) -> int:
        memory = open_memory(self.directory)
        try:
            return TaskQueue(memory).give_back(name)
        finally:
            memory.close()
