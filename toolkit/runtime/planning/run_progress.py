"""What the records of a run say of its progress: waits, spawns, coordination, speed."""

from collections import defaultdict, deque
from datetime import datetime, timedelta
from statistics import median

from toolkit.metrics import ObjectiveCounter
from toolkit.records import CoordinationEvent, Outcome, Record, Workflow
from toolkit.runtime.planning.observation import Observation

__all__ = ["RunProgress"]

WINDOW = 50
"""Coordination events that a rate or a median looks back on."""

EVERY = 10
"""Events between two looks: a rate over fifty changes little with each."""

LEAST_EVENTS = 10
"""Ended events below which a share of successes is not given."""


class RunProgress:
    """Turns coordination events and finished tasks into observations; bounded.

    Coordination efficiency and memory consistency are the objectives of these names, as
    `toolkit.metrics.ObjectiveCounter` counts them. A finished task is a `Workflow`
    record of the form `task`. Time runs from the first record that was seen, by the
    records' own clock.
    """

    def __init__(self) -> None:
        self.tasks_completed = 0
        self._waits_s: deque[float] = deque(maxlen=WINDOW)
        self._counter = ObjectiveCounter()
        self._counts: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._began: datetime | None = None
        self._events = 0

    def observe(self, record: Record) -> Observation | None:
        """Read a record; `None` where it has nothing new to say."""
        if isinstance(record, Workflow):
            return self._task(record)
        began = record.at
        self._began = began if self._began is None else min(self._began, began)
        return self._event(record) if isinstance(record, CoordinationEvent) else None

    def _task(self, record: Workflow) -> Observation | None:
        if record.form != "task":
            return None
        self._began = record.at if self._began is None else min(self._began, record.at)
        if record.outcome not in (Outcome.SUCCEEDED, Outcome.UNKNOWN):
            return None
        self.tasks_completed += 1
        ended = record.at + timedelta(seconds=record.makespan_s or 0.0)
        elapsed_s = max((ended - self._began).total_seconds(), 0.0)
        return Observation(tasks_completed=self.tasks_completed, elapsed_s=elapsed_s)

    def _event(self, event: CoordinationEvent) -> Observation | None:
        self._events += 1
        if event.waited_s is not None:
            self._waits_s.append(event.waited_s)
        for count in self._counter.add(event):
            self._counts[count.objective].append(count.successes)
        spawned = event.action == "spawn" and event.outcome is not Outcome.UNKNOWN
        if not spawned and self._events % EVERY:
            return None
        ready = event.outcome is Outcome.SUCCEEDED
        return Observation(
            spawn_s=(event.duration_s if ready else None,) if spawned else (),
            median_wait_s=median(self._waits_s) if self._waits_s else None,
            coordination_efficiency=self._share("coordination_efficiency"),
            memory_consistency=self._share("memory_consistency"),
        )

    def _share(self, objective: str) -> float | None:
        ended = self._counts[objective]
        return sum(ended) / len(ended) if len(ended) >= LEAST_EVENTS else None
