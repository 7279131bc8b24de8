"""One worker of the swarm: a turn, a batch of edits, a note in the memory, again."""

import json
import math
import os
import time
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import NormalDist

from toolkit.notifier import SilentNotifier
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Spool,
    SpoolFollower,
    record_id,
)
from toolkit.runtime.batching import RunningBatch
from toolkit.testing.swarm.embedding import CLOCK, embed_in_worker
from toolkit.testing.swarm.settings import SwarmSettings
from toolkit.testing.swarm.work import OrdinaryError, Workplace

__all__ = ["run_worker", "warm_up"]

OPERATION_TYPE = "fileOperations"


def run_worker(
    settings: SwarmSettings,
    directory: Path,
    number: int,
    ready: Barrier | None,
    until_s: float | None,
) -> None:
    """Work until the swarm's time is over, and write what each batch achieved.

    Parameters
    ----------
    settings : SwarmSettings
    directory : path
    number : int
        Of the worker.
    ready : Barrier, optional
        Its time begins when all are ready.
    until_s : float, optional
        End of its time on the monotonic clock, where the swarm is at work already.
    """
    agent_id, seed = f"w{number}", settings.seed * 1000 + number
    place = Workplace(directory, agent_id, failures=settings.failures, seed=seed)
    place.tasks.give_back(agent_id)
    embedded = None if settings.size else _Embedded(settings, directory, agent_id, seed)
    if ready is not None:
        ready.wait()
    if until_s is None:
        until_s = time.monotonic() + settings.duration_s
    # Workers that took their turns in step would all wait for one core.
    time.sleep(settings.turn_s * place.random())
    with (directory / f"{agent_id}.jsonl").open("a", buffering=1) as achieved:
        while (now_s := time.monotonic()) < until_s:
            place.failures = _failures(settings, now_s - until_s + settings.duration_s)
            size, done = (
                _batch(settings, place)
                if embedded is None
                else embedded.batch(place, _turn_s(settings, place))
            )
            achieved.write(json.dumps([time.monotonic(), size, done]) + "\n")
    if embedded is not None:
        embedded.loop.close()


def warm_up(settings: SwarmSettings, directory: Path) -> None:
    """Load what a worker needs, so that forked ones begin with it."""
    directory.mkdir(parents=True)
    place = Workplace(directory, "warm", failures=0.0, seed=0)
    place.tasks.fill(100)
    embedded = _Embedded(settings, directory, "warm", 0)
    for _ in range(3):
        embedded.batch(place, 0.0)
    embedded.loop.close()


def _failures(settings: SwarmSettings, passed_s: float) -> float:
    """Share of operations that fail now."""
    outage_s = settings.outage_s
    if outage_s is not None and outage_s[0] <= passed_s < outage_s[1]:
        return 1.0
    return settings.failures


def _turn_s(settings: SwarmSettings, place: Workplace) -> float:
    """Draw the wait of one turn; log-normal where turns are not alike."""
    if not settings.turn_spread:
        return settings.turn_s
    drawn = NormalDist().inv_cdf(min(max(place.random(), 1e-6), 1 - 1e-6))
    return settings.turn_s * math.exp(settings.turn_spread * drawn)


def _batch(settings: SwarmSettings, place: Workplace) -> tuple[int, int]:
    """Do a turn and its batch without the toolkit; size and successes."""
    tasks = place.take(settings.size)
    time.sleep(_turn_s(settings, place))
    try:
        for task in tasks:
            place.edit(task)
    except OrdinaryError:
        place.roll_back()
        return len(tasks), 0
    place.commit(tasks)
    return len(tasks), len(tasks)


class _Embedded:
    """A worker's side of the embedding."""

    def __init__(
        self, settings: SwarmSettings, directory: Path, agent_id: str, seed: int
    ) -> None:
        self.agent_id = agent_id
        self.loop, self.sizes = embed_in_worker(
            directory, SilentNotifier(), settings.explore, seed
        )
        self._waiting = settings.waiting or None
        self._others = SpoolFollower(Spool(directory / "spool"))
        self._events = 0

    def batch(self, place: Workplace, turn_s: float) -> tuple[int, int]:
        """Ask for a size, do a turn and the batch, announce it; size and successes."""
        for record in self._others.records(Batch):
            self.sizes.learn(record)
        with (
            self.loop.task(self.agent_id),
            self.sizes.batch(
                OPERATION_TYPE, agent_id=self.agent_id, operations=self._waiting
            ) as batch,
        ):
            tasks = place.take(batch.size)
            time.sleep(turn_s)
            succeeded = self._run(batch, place, tasks)
        return len(tasks), len(tasks) if succeeded else 0

    def _run(self, batch: RunningBatch, place: Workplace, tasks: list[int]) -> bool:
        ran = batch.run([partial(place.edit, task) for task in tasks], atomic=True)
        succeeded = all(each.outcome == "succeeded" for each in ran)
        if succeeded:
            place.commit(tasks)
        else:
            place.roll_back()
            batch.void()
        self._announce(place, succeeded=succeeded)
        return succeeded

    def _announce(self, place: Workplace, *, succeeded: bool) -> None:
        self._events += 1
        at = CLOCK.now()
        self.loop.observe(
            CoordinationEvent(
                record_id=record_id("swarm", str(os.getpid()), str(self._events)),
                at=at,
                source="toolkit.testing.swarm",
                provenance=Provenance.MEASURED,
                agent_id=self.agent_id,
                operation="commit",
                action="write",
                memory_key=self.agent_id,
                version=place.version if succeeded else None,
                version_seen=place.version - 1 if succeeded else None,
                outcome=Outcome.SUCCEEDED if succeeded else Outcome.FAILED,
                has_pre_event=True,
                has_post_event=True,
            )
        )
