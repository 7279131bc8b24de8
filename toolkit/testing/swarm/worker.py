"""One worker of the swarm: a turn, a batch of edits, a note in the memory, again."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

from toolkit.notifier import SilentNotifier
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    record_id,
)
from toolkit.runtime.batching import RunningBatch
from toolkit.testing.swarm.embedding import CLOCK, embed_in_worker, follow_others
from toolkit.testing.swarm.settings import SwarmSettings
from toolkit.testing.swarm.work import OrdinaryError, Workplace

__all__ = ["warm_up", "work"]

OPERATION_TYPE = "fileOperations"


def work(
    settings: SwarmSettings, directory: Path, number: int, ready: Barrier | None
) -> None:
    """Work for the swarm's time once all are ready, and write what was achieved."""
    agent_id, seed = f"w{number}", settings.seed * 1000 + number
    place = Workplace(directory, agent_id, failures=settings.failures, seed=seed)
    embedded = None if settings.size else _Embedded(settings, directory, agent_id, seed)
    done: list[tuple[float, int, int]] = []
    if ready is not None:
        ready.wait()
    until_s = time.monotonic() + settings.duration_s
    while time.monotonic() < until_s:
        time.sleep(settings.turn_s)
        if embedded is None:
            size = settings.size
            achieved = size if _edits(place, size) else 0
        else:
            size, achieved = embedded.batch(place)
        done.append((time.monotonic(), size, achieved))
    if embedded is not None:
        embedded.loop.close()
    (directory / f"{agent_id}.json").write_text(json.dumps(done))


def warm_up(settings: SwarmSettings, directory: Path) -> None:
    """Load what a worker needs, so that forked ones begin with it."""
    place = Workplace(directory, "warm", failures=0.0, seed=0)
    embedded = _Embedded(settings, directory, "warm", 0)
    for _ in range(3):
        embedded.batch(place)
    embedded.loop.close()


def _edits(place: Workplace, size: int) -> bool:
    """Do a batch without the toolkit; whether it succeeded."""
    try:
        for number in range(size):
            place.edit(number)
    except OrdinaryError:
        place.roll_back()
        return False
    place.commit(size)
    return True


class _Embedded:
    """A worker's side of the embedding."""

    def __init__(
        self, settings: SwarmSettings, directory: Path, agent_id: str, seed: int
    ) -> None:
        self.agent_id = agent_id
        self.loop, self.sizes = embed_in_worker(
            directory, SilentNotifier(), settings.explore, seed
        )
        self._others: Callable[[], Iterator[Record]] = follow_others(directory, "batch")
        self._events = 0

    def batch(self, place: Workplace) -> tuple[int, int]:
        """Ask for a size, do the batch, announce it; size and successes."""
        for record in self._others():
            if isinstance(record, Batch):
                self.sizes.learn(record)
        with (
            self._task(),
            self.sizes.batch(OPERATION_TYPE, agent_id=self.agent_id) as batch,
        ):
            succeeded = self._run(batch, place)
        return batch.size, batch.size if succeeded else 0

    def _run(self, batch: RunningBatch, place: Workplace) -> bool:
        edits = [partial(place.edit, number) for number in range(batch.size)]
        ran = batch.run(edits, atomic=True)
        succeeded = all(each.outcome == "succeeded" for each in ran)
        if succeeded:
            place.commit(batch.size)
        else:
            place.roll_back()
            batch.void()
        self._announce(place, succeeded=succeeded)
        return succeeded

    @contextmanager
    def _task(self) -> Iterator[None]:
        with self.loop.task(self.agent_id):
            yield

    def _announce(self, place: Workplace, *, succeeded: bool) -> None:
        self._events += 1
        at = CLOCK.now()
        self.loop.observe(
            CoordinationEvent(
                record_id=record_id("swarm", self.agent_id, str(self._events)),
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
