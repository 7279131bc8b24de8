"""Counts of the five objectives, one definition for reports and live metrics alike.

`ObjectiveCounter` takes records in order of time. What a record says of an earlier one,
that it overlapped or that an issue came back, is a separate count, dated as the
earlier one.
"""

from collections import OrderedDict, defaultdict, deque
from datetime import datetime, timedelta
from typing import NamedTuple

from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Record,
    Recovery,
    Workflow,
)

__all__ = ["ObjectiveCount", "ObjectiveCounter"]

KEPT_INTERVALS = 256
"""Batches of a session that a later one may still be found to overlap."""

KEPT_ISSUES = 10_000
KEPT_KEYS = 100_000
HORIZON = timedelta(seconds=300)
"""Definitions, section 2: older accesses are no cross-agent question."""

SPAWNING = "taskSpawning"
"""A call that waits for a child is not parallel to that child's own work."""


class ObjectiveCount(NamedTuple):
    """One change of one objective's counts.

    Attributes
    ----------
    objective : str
    at : datetime
        Of the record that it counts.
    session : str
        Session of that record: counts of one session are not independent.
    successes, trials : int
        Added trials and successes; a success that did not last is -1 of no trial.
    """

    objective: str
    at: datetime
    session: str
    successes: int
    trials: int


class _Interval:
    __slots__ = ("agent", "at", "end", "marked", "operations", "waits")

    def __init__(self, batch: Batch, end: datetime, *, marked: bool) -> None:
        self.agent = batch.agent_id
        self.at = batch.at
        self.end = end
        self.operations = batch.size
        self.waits = batch.operation_type == SPAWNING
        self.marked = marked

    def overlaps(self, other: "_Interval") -> bool:
        """Whether two agents worked at one time, neither waiting for the other."""
        return (
            self.agent != other.agent
            and not (self.waits or other.waits)
            and self.at < other.end
            and other.at < self.end
        )


class ObjectiveCounter:
    """Counts the objectives from records, in order of time.

    * coordination efficiency: coordination events that succeeded / with a known outcome.
    * parallel execution rate: operations of batches whose calls overlapped each other,
      or another agent's batch in the session / operations of timed batches.
    * workflow reliability: agent runs that succeeded / runs that succeeded, failed or
      have no end; of a workflow without runs its own outcome.
    * memory consistency: accesses that had the newest version / accesses of which both
      versions are known.
    * self-healing effectiveness: issues whose latest post-condition held / issues.

    Examples
    --------
    >>> counter = ObjectiveCounter()
    >>> from datetime import UTC
    >>> from toolkit.records import Provenance
    >>> run = Workflow(
    ...     record_id="w",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.MEASURED,
    ...     agents=3,
    ...     runs=3,
    ...     runs_succeeded=2,
    ...     runs_failed=1,
    ... )
    >>> [(each.successes, each.trials) for each in counter.add(run)]
    [(2, 3)]
    """

    def __init__(self) -> None:
        self._intervals: dict[str, deque[_Interval]] = defaultdict(
            lambda: deque(maxlen=KEPT_INTERVALS)
        )
        self._issues: OrderedDict[str, tuple[datetime, str, bool]] = OrderedDict()
        self._versions: OrderedDict[str, tuple[datetime, str, int]] = OrderedDict()

    def add(self, record: Record) -> list[ObjectiveCount]:
        """Count one record.

        Parameters
        ----------
        record : Record

        Returns
        -------
        list of ObjectiveCount
        """
        if isinstance(record, Batch):
            return self._add_batch(record)
        if isinstance(record, CoordinationEvent):
            return self._add_event(record)
        if isinstance(record, Workflow):
            return _of_workflow(record)
        if isinstance(record, Recovery):
            return self._add_recovery(record)
        return []

    def _add_batch(self, batch: Batch) -> list[ObjectiveCount]:
        if batch.execution_s is None:
            return []
        session = batch.session_id or ""
        together = (
            batch.size > 1
            and batch.operations_s is not None
            and batch.operations_s > batch.execution_s
        )
        end = batch.at + timedelta(seconds=batch.execution_s)
        mine = _Interval(batch, end, marked=together)
        counts = []
        for other in self._intervals[session]:
            if mine.overlaps(other):
                mine.marked = True
                if not other.marked:
                    other.marked = True
                    counts.append(_parallel(other, session, other.operations, 0))
        self._intervals[session].append(mine)
        overlapped = mine.operations if mine.marked else 0
        return [*counts, _parallel(mine, session, overlapped, mine.operations)]

    def _add_event(self, event: CoordinationEvent) -> list[ObjectiveCount]:
        counts = []
        session = event.session_id or ""
        if event.outcome is not Outcome.UNKNOWN:
            success = int(event.outcome is Outcome.SUCCEEDED)
            counts.append(
                ObjectiveCount("coordination_efficiency", event.at, session, success, 1)
            )
        consistent = self._is_consistent(event)
        if consistent is not None:
            counts.append(
                ObjectiveCount(
                    "memory_consistency", event.at, session, int(consistent), 1
                )
            )
        return counts

    def _is_consistent(self, event: CoordinationEvent) -> bool | None:
        """Whether an access had the newest version; `None` where that is not known."""
        key = event.memory_key
        if key is None or event.action not in ("read", "write"):
            return None
        agent = f"{event.session_id}/{event.agent_id}"
        consistent = None
        known = self._versions.get(key)
        if known is not None and event.version_seen is not None:
            at, writer, version = known
            if at < event.at <= at + HORIZON:
                own = event.action == "write" and writer == agent
                consistent = own or event.version_seen >= version
        if event.action == "write" and event.version is not None:
            self._versions.pop(key, None)
            self._versions[key] = (event.at, agent, event.version)
            if len(self._versions) > KEPT_KEYS:
                self._versions.popitem(last=False)
        return consistent

    def _add_recovery(self, recovery: Recovery) -> list[ObjectiveCount]:
        issue = recovery.healing_id or recovery.record_id
        session = recovery.session_id or issue
        held = recovery.post_condition is True
        known = self._issues.get(issue)
        if known is None:
            self._issues[issue] = (recovery.at, session, held)
            if len(self._issues) > KEPT_ISSUES:
                self._issues.popitem(last=False)
            return [_healing(recovery.at, session, int(held), 1)]
        at, session, before = known
        if recovery.post_condition is None or held == before:
            return []
        self._issues[issue] = (at, session, held)
        return [_healing(at, session, 1 if held else -1, 0)]


def _parallel(
    interval: _Interval, session: str, successes: int, count: int
) -> ObjectiveCount:
    name = "parallel_execution_rate"
    return ObjectiveCount(name, interval.at, session, successes, count)


def _healing(at: datetime, session: str, successes: int, count: int) -> ObjectiveCount:
    name = "self_healing_effectiveness"
    return ObjectiveCount(name, at, session, successes, count)


def _of_workflow(workflow: Workflow) -> list[ObjectiveCount]:
    name, session = "workflow_reliability", workflow.session_id or workflow.record_id
    if workflow.runs_succeeded is not None:
        succeeded = workflow.runs_succeeded
        count = (
            succeeded + (workflow.runs_failed or 0) + (workflow.runs_unfinished or 0)
        )
        if not count:
            return []
        return [ObjectiveCount(name, workflow.at, session, succeeded, count)]
    if workflow.outcome is Outcome.UNKNOWN:
        return []
    success = int(workflow.outcome is Outcome.SUCCEEDED)
    return [ObjectiveCount(name, workflow.at, session, success, 1)]
