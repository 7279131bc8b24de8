"""Composes the organs: one record goes to each, and none can take another along.

The organs do not know each other. This file gives each what it is for, keeps what one
raises from the rest, and counts it. What the runtime observes is a record again: the
sinks come first, so that a record is kept whatever an organ makes of it.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from toolkit.clock import Clock
from toolkit.errors import UsageError
from toolkit.notifier import Level, Notification, Notifier
from toolkit.policies import Decision, Reason, Value
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    Workflow,
    record_id,
)
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.advice.advisor import FALLBACKS
from toolkit.runtime.sinks import LiveFigures, QueuedSink, Sink
from toolkit.runtime.sinks.base import FigureSink

if TYPE_CHECKING:
    from toolkit.runtime.coordination.report import OverallCoordination

__all__ = [
    "BatchOrgan",
    "CoordinationOrgan",
    "HealingOrgan",
    "LoopStatistics",
    "OrganFailure",
    "RecordSource",
    "RunOrgan",
    "RuntimeLoop",
    "WorkflowOrgan",
]

SOURCE = "toolkit.runtime"

HEALING_RETRY_S = 15.0
"""After a healing turn that raised: as often as healing looks at a post-condition."""

T = TypeVar("T")


class BatchOrgan(Protocol):
    """Learns from batches: adaptive batching."""

    def observe(self, record: Batch, /) -> object:
        """Take in a batch that ended."""
        ...


class CoordinationOrgan(Protocol):
    """Watches what agents do to each other: the coordination monitor."""

    def observe(self, event: CoordinationEvent, /) -> object:
        """Take in one operation of one agent."""
        ...


@runtime_checkable
class RecordSource(Protocol):
    """Writes records of what ran in it: the batching optimizer."""

    def attach(self, emit: Callable[[Record], object], /) -> None:
        """Keep every record that it writes through a callable."""
        ...


@runtime_checkable
class ResetSource(Protocol):
    """Finds that the coordination has broken down: the plan follower."""

    def attach_reset(
        self, reset: Callable[[str, Callable[[], bool]], object], /
    ) -> None:
        """Call for a reset, with what has broken down and whether it lasts."""
        ...


@runtime_checkable
class Resetter(Protocol):
    """Carries `emergency_coordination_reset` out: the healing engine."""

    def reset_coordination(self, why: str, lasts: Callable[[], bool], /) -> object:
        """Treat the coordination of the swarm until what has broken down does not last."""
        ...


@runtime_checkable
class OverallSource(Protocol):
    """Knows how well the whole swarm works together: the coordination monitor."""

    def overall(self) -> "OverallCoordination":
        """Report on the swarm."""
        ...


class WorkflowOrgan(Protocol):
    """Learns from runs that ended: the planner."""

    def observe(self, record: Workflow, /) -> object:
        """Observe a run that ended."""
        ...


class RunOrgan(Protocol):
    """Compares a run with its plan: the plan follower."""

    def observe_record(self, record: Record, /) -> object:
        """Take in a record of the run."""
        ...


class HealingOrgan(Protocol):
    """Heals in turns: the healing engine."""

    async def turn(self) -> float:
        """Do all that is due; give the seconds until something else is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganFailure:
    """Something that an organ raised.

    Attributes
    ----------
    organ : str
    error : str
        Type of the error; never its text, which may quote what failed.
    at_s : float
        On the clock that is never set.
    """

    organ: str
    error: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStatistics:
    """A snapshot of the loop.

    Attributes
    ----------
    organs : tuple of str
        Those that are composed.
    records : mapping of str to int
        Observed, by kind.
    healing_turns : int
    failures : mapping of str to int
        What each organ raised; an organ that never did is absent.
    latest_failures : tuple of OrganFailure
        The latest, oldest first.
    """

    organs: tuple[str, ...]
    records: Mapping[str, int]
    healing_turns: int
    failures: Mapping[str, int]
    latest_failures: tuple[OrganFailure, ...]


class RuntimeLoop:
    """What a swarm embeds: organs side by side, each of them optional.

    An organ that raises does not stop the others: its failure is counted and kept, and
    notified once until the organ works again. Thread-safe: one record at a time. The
    batching optimizer writes records of what ran in it; the loop attaches itself, so
    that they reach the sinks and the other organs. A breakdown of the coordination that
    the follower finds is treated by the healing organ.

    Parameters
    ----------
    clock : Clock
    notifier : Notifier
    advisors : sequence of LadderAdvisor
        One for each decision that `advise` may be asked.
    batching : BatchOrgan, optional
    coordination : CoordinationOrgan, optional
    follower : RunOrgan, optional
    planner : WorkflowOrgan, optional
    healing : HealingOrgan, optional
    sinks : sequence of Sink
        The record spool first.
    keep : int
        Failures kept for the snapshot.

    Raises
    ------
    UsageError
        Two advisors of one decision.

    Examples
    --------
    >>> from toolkit.clock import SystemClock
    >>> from toolkit.notifier import SilentNotifier
    >>> clock = SystemClock()
    >>> loop = RuntimeLoop(
    ...     clock=clock,
    ...     notifier=SilentNotifier(),
    ...     advisors=[LadderAdvisor("agent_count", bundle=None, clock=clock)],
    ... )
    >>> loop.advise("agent_count", {"components": 10, "parallelizable": 0.8}).label
    '8'
    """

    def __init__(
        self,
        *,
        clock: Clock,
        notifier: Notifier,
        advisors: Sequence[LadderAdvisor] = (),
        batching: BatchOrgan | None = None,
        coordination: CoordinationOrgan | None = None,
        follower: RunOrgan | None = None,
        planner: WorkflowOrgan | None = None,
        healing: HealingOrgan | None = None,
        sinks: Sequence[Sink] = (),
        keep: int = 100,
    ) -> None:
        self.clock = clock
        self.notifier = notifier
        self.advisors = {advisor.decision: advisor for advisor in advisors}
        if len(self.advisors) < len(advisors):
            raise UsageError(
                "give one advisor for each decision; got "
                f"{[advisor.decision for advisor in advisors]}"
            )
        self.batching = batching
        self.coordination = coordination
        self.follower = follower
        self.planner = planner
        self.healing = healing
        self.sinks = tuple(sinks)
        self._records: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._fallbacks: Counter[str] = Counter()
        self._latest: deque[OrganFailure] = deque(maxlen=keep)
        self._broken: set[str] = set()
        self._healing_turns = 0
        self._closed = False
        self._tasks = 0
        self._lock = threading.RLock()
        self._passing: set[str] = set()
        """Ids of the records on their way: an organ may hand one back."""
        for organ in (batching, healing):
            if isinstance(organ, RecordSource):
                organ.attach(self.observe)
        if isinstance(follower, ResetSource) and isinstance(healing, Resetter):
            follower.attach_reset(healing.reset_coordination)
        for sink in self.sinks:
            if isinstance(sink, FigureSink):
                sink.watch(self.figures)

    def observe(self, record: Record) -> None:
        """Give a record to the sinks, then to every organ that it is for.

        Parameters
        ----------
        record : Record
            Passed on once, however often an organ emits it meanwhile.

        Raises
        ------
        UsageError
            The loop is closed.
        """
        with self._lock:
            if self._closed:
                raise UsageError("the loop is closed; nothing would keep this record")
            if record.record_id in self._passing:
                return
            self._passing.add(record.record_id)
            try:
                self._pass_on(record)
            finally:
                self._passing.discard(record.record_id)

    def _pass_on(self, record: Record) -> None:
        self._records[record.kind] += 1
        for index, sink in enumerate(self.sinks):
            self._ask(_sink_name(index, sink), partial(sink.emit, record))
        if isinstance(record, Batch) and (batching := self.batching) is not None:
            self._ask("batching", partial(batching.observe, record))
        if (
            isinstance(record, CoordinationEvent)
            and (coordination := self.coordination) is not None
        ):
            self._ask("coordination", partial(coordination.observe, record))
        if isinstance(record, Workflow) and (planner := self.planner) is not None:
            self._ask("planner", partial(planner.observe, record))
        if (follower := self.follower) is not None:
            self._ask("follower", partial(follower.observe_record, record))

    @contextmanager
    def task(self, agent_id: str = "main") -> Iterator[None]:
        """Time one task of one agent: ``with loop.task("worker-1"): ...``.

        Its end becomes a workflow record of the form `task`, which is what the
        velocity of a plan is computed from; an exception makes it a failed one and is
        raised again.

        Parameters
        ----------
        agent_id : str

        Yields
        ------
        None
        """
        at, began_s = self.clock.now(), self.clock.monotonic_s()
        outcome = Outcome.FAILED
        try:
            yield
            outcome = Outcome.SUCCEEDED
        finally:
            self._tasks += 1
            taken_s = max(self.clock.monotonic_s() - began_s, 0.0)
            self.observe(
                Workflow(
                    record_id=record_id(
                        SOURCE, agent_id, at.isoformat(), str(self._tasks)
                    ),
                    at=at,
                    source=SOURCE,
                    provenance=Provenance.MEASURED,
                    agents=1,
                    form="task",
                    makespan_s=taken_s,
                    agent_seconds=taken_s,
                    outcome=outcome,
                )
            )

    def advise(
        self,
        decision: str,
        context: Mapping[str, Value],
        actions: Sequence[float] | None = None,
    ) -> Decision:
        """Take a decision; an advisor whose model raises leaves the rule, and says so.

        Parameters
        ----------
        decision : str
            A key of `advisors`, such as `batch_size`.
        context : mapping
            What is known, by column.
        actions : sequence of float, optional
            Offered instead of the bundle's own.

        Returns
        -------
        Decision
            Its reason says whether the model or the rule answered.

        Raises
        ------
        UsageError
            There is no advisor of that decision.
        """
        advisor = self.advisors.get(decision)
        if advisor is None:
            raise UsageError.unknown("decision", decision, sorted(self.advisors))
        organ = f"advisor {decision}"
        answer = self._ask(organ, partial(advisor.decide, context, actions))
        if answer is not None:
            if answer.reason.code in FALLBACKS:
                self._fallbacks[answer.reason.code] += 1
            return answer
        self._fallbacks["model_failed"] += 1
        ruled = advisor.rule.decide(advisor.problem(context, actions))
        reason = Reason(code="model_failed", facts={"advisor": decision})
        return replace(ruled, baseline=ruled.label, reason=reason)

    async def run(self) -> None:
        """Heal until cancelled; without a healing organ there is nothing to run."""
        while (healing := self.healing) is not None:
            await self.clock.sleep(await self._heal(healing))

    async def _heal(self, healing: HealingOrgan) -> float:
        """Take one turn; give the seconds until the next."""
        self._healing_turns += 1
        try:
            wait_s = await healing.turn()
        except Exception as error:  # noqa: BLE001 - a turn that raises is recorded; the next one may work
            self._failed("healing", error)
            return HEALING_RETRY_S
        self._broken.discard("healing")
        return wait_s

    def figures(self) -> LiveFigures:
        """Read what the loop knows beside its records.

        Returns
        -------
        LiveFigures
        """
        with self._lock:
            coordination: object = self.coordination
            now = self.clock.now()
            made = {
                decision: advisor.bundle.manifest.created_at
                for decision, advisor in self.advisors.items()
                if advisor.bundle is not None
            }
            return LiveFigures(
                overall=coordination.overall()
                if isinstance(coordination, OverallSource)
                else None,
                model_ages_s={
                    decision: (now - at).total_seconds()
                    for decision, at in made.items()
                },
                fallbacks=dict(self._fallbacks),
                sinks={
                    _sink_name(index, sink): sink.statistics()
                    for index, sink in enumerate(self.sinks)
                    if isinstance(sink, QueuedSink)
                },
            )

    def statistics(self) -> LoopStatistics:
        """Take a snapshot.

        Returns
        -------
        LoopStatistics
        """
        return LoopStatistics(
            organs=self.organs(),
            records=MappingProxyType(dict(self._records)),
            healing_turns=self._healing_turns,
            failures=MappingProxyType(dict(self._failures)),
            latest_failures=tuple(self._latest),
        )

    def organs(self) -> tuple[str, ...]:
        """Name what is composed.

        Returns
        -------
        tuple of str
            Advisors, then organs, then sinks; what is absent is left out.
        """
        named = {
            "batching": self.batching,
            "coordination": self.coordination,
            "follower": self.follower,
            "planner": self.planner,
            "healing": self.healing,
        }
        return (
            *(f"advisor {decision}" for decision in self.advisors),
            *(name for name, organ in named.items() if organ is not None),
            *(_sink_name(index, sink) for index, sink in enumerate(self.sinks)),
        )

    def close(self) -> None:
        """Close every sink, whatever the others do; twice is once."""
        if self._closed:
            return
        self._closed = True
        for index, sink in enumerate(self.sinks):
            self._ask(_sink_name(index, sink), sink.close)

    def _ask(self, organ: str, call: Callable[[], T]) -> T | None:
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001 - one organ must not take the others along; it is recorded
            self._failed(organ, error)
            return None
        self._broken.discard(organ)
        return answer

    def _failed(self, organ: str, error: Exception) -> None:
        name = type(error).__name__
        self._failures[organ] += 1
        failure = OrganFailure(organ=organ, error=name, at_s=self.clock.monotonic_s())
        self._latest.append(failure)
        if organ in self._broken:
            return
        self._broken.add(organ)
        self._tell(organ, name)

    def _tell(self, organ: str, name: str) -> None:
        message = Notification(
            message=f"{organ} raised {name}; the rest goes on without it",
            level=Level.ERROR,
            metadata={"organ": organ, "error": name},
        )
        try:
            self.notifier.notify(message)
        except Exception as error:  # noqa: BLE001 - there is no one to notify; it is counted
            self._failures["notifier"] += 1
            self._latest.append(
                OrganFailure(
                    organ="notifier",
                    error=type(error).__name__,
                    at_s=self.clock.monotonic_s(),
                )
            )


def _sink_name(index: int, sink: Sink) -> str:
    return f"sink {index} {type(sink).__name__}"
