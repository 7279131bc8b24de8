"""The engine: looks, finds, acts through an effector, and measures whether it helped.

It works in *turns*: one turn does all that is due and says when the next thing will be.
Nothing lives in a coroutine from one turn to the next; every session's state is in the
journal before and after each step, so an engine that is killed between any two
instructions is continued by the next one. Only a post-condition that was measured is a
success.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import anyio
import numpy as np

from toolkit.records.identity import record_id
from toolkit.records.schema import Outcome, Provenance, Recovery
from toolkit.runtime.clock import Clock
from toolkit.runtime.effectors.base import Action, Effect, Effector, EffectOutcome
from toolkit.runtime.healing.backoff import AttemptLimit, Backoff, CircuitBreaker
from toolkit.runtime.healing.checks import (
    AgentResponsiveness,
    CheckPlan,
    CoordinationEfficiency,
    MemoryConsistency,
    ResourceHeadroom,
    WorkflowProgress,
)
from toolkit.runtime.healing.conditions import holds
from toolkit.runtime.healing.gaps import GapBook
from toolkit.runtime.healing.issues import LADDERS, IssueKind, Rung, SilenceBands
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.prevention import Prevention, PreventionCount
from toolkit.runtime.healing.readings import Finding, Reading
from toolkit.runtime.healing.session import HealingSession, Phase
from toolkit.runtime.notifier import Level, Notification, Notifier
from toolkit.runtime.swarm import Activity, Sight, Swarm

__all__ = ["HealingEngine", "HealingPlan", "HealingStatistics"]

SOURCE = "toolkit.healing"


class PlannedCheck(Protocol):
    """A health check with its plan."""

    @property
    def plan(self) -> CheckPlan:
        """When it runs and what its failing means."""
        ...

    def measure(self, sight: Sight) -> Reading:
        """Measure."""
        ...


class RecordSink(Protocol):
    """Where recoveries are written, a record spool for one."""

    def append(self, row: Mapping[str, object]) -> None:
        """Append one row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingPlan:
    """How an engine heals.

    Attributes
    ----------
    bands : SilenceBands
    backoff : Backoff
    attempts_per_rung : int
        Attempts whose action failed before the next rung is taken.
    poll_s : float
        How often a post-condition is looked at.
    lease_s : float
        How long a cause stays this healer's without a sign of it.
    action_limit_s : float
        Real seconds an action may take.
    relapse_s : float
        A cause that is back within this time goes on behind the rung that "worked".
    history : int
        Sessions kept in memory.
    window_s : float
        How far back activity is looked at.
    """

    bands: SilenceBands = field(default_factory=SilenceBands)
    backoff: Backoff = field(default_factory=Backoff)
    attempts_per_rung: int = 3
    poll_s: float = 15.0
    lease_s: float = 120.0
    action_limit_s: float = 30.0
    relapse_s: float = 300.0
    history: int = 1000
    window_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealingStatistics:
    """A snapshot of what an engine has done.

    Attributes
    ----------
    opened, healed, handed_over, abandoned : int
    merged : int
        Detections that joined a session under way.
    deferred : int
        Detections left to another healer.
    actions : int
        Actions that took effect.
    errors : int
        Looks or effectors that broke, caught and told.
    prevention : PreventionCount
    """

    opened: int
    healed: int
    handed_over: int
    abandoned: int
    merged: int
    deferred: int
    actions: int
    errors: int
    prevention: PreventionCount


class HealingEngine:
    """Heals one swarm.

    Parameters
    ----------
    swarm : Swarm
        What is looked at.
    effector : Effector
        What acts.
    journal : Journal
    clock : Clock
    notifier : Notifier
    seed : int
        For the jitter of waits.
    plan : HealingPlan
    checks : sequence of checks, optional
        The four of the specification and `ResourceHeadroom` when left out.
    gaps : GapBook, optional
        Known silences.
    records : RecordSink, optional
        Gets a `Recovery` for every attempt.
    """

    def __init__(
        self,
        *,
        swarm: Swarm,
        effector: Effector,
        journal: Journal,
        clock: Clock,
        notifier: Notifier,
        seed: int,
        plan: HealingPlan = HealingPlan(),
        checks: Sequence[PlannedCheck] | None = None,
        gaps: GapBook | None = None,
        records: RecordSink | None = None,
    ) -> None:
        self.swarm = swarm
        self.effector = effector
        self.journal = journal
        self.clock = clock
        self.notifier = notifier
        self.plan = plan
        self.gaps = GapBook() if gaps is None else gaps
        self.checks = default_checks(self.gaps) if checks is None else tuple(checks)
        self.records = records
        self.learnings = Learnings()
        self.prevention = Prevention()
        self.breaker = CircuitBreaker()
        self.limit = AttemptLimit()
        self.history: deque[HealingSession] = deque(maxlen=plan.history)
        self.readings: dict[str, Reading] = {}
        self._random = np.random.default_rng(seed)
        self._due_s: dict[str, float] = {}
        self._sessions: dict[str, HealingSession] = {}
        self._learned_s = -1.0
        self._started = False
        self._counts = dict.fromkeys(("opened", "merged", "deferred", "actions"), 0)
        self._ended = dict.fromkeys(Phase, 0)
        self._errors = 0

    async def run(self) -> None:
        """Heal until cancelled."""
        while True:
            await self.clock.sleep(await self.turn())

    async def turn(self) -> float:
        """Do all that is due.

        Returns
        -------
        float
            Seconds until something else is due.
        """
        now_s = self.clock.monotonic_s()
        if not self._started:
            self._resume(now_s)
        self._adopt(now_s)
        due = [c for c in self.checks if self._due_s[c.plan.name] <= now_s]
        waiting = [s for s in self._sessions.values() if s.due_s <= now_s]
        if due or waiting:
            sight = self._look(now_s)
            if sight is not None:
                self._learn(sight.activity)
                for check in due:
                    self._measure(check, sight)
                await self._advance_all(sight)
        for check in due:
            self._due_s[check.plan.name] = now_s + check.plan.interval_s
        return self._next_s(now_s)

    def statistics(self) -> HealingStatistics:
        """Take a snapshot."""
        return HealingStatistics(
            **self._counts,
            healed=self._ended[Phase.SUCCESS],
            handed_over=self._ended[Phase.HANDED_OVER],
            abandoned=self._ended[Phase.ABANDONED],
            errors=self._errors,
            prevention=self.prevention.count,
        )

    def open_sessions(self) -> tuple[HealingSession, ...]:
        """Sessions under way."""
        return tuple(self._sessions.values())

    # Looking.

    def _resume(self, now_s: float) -> None:
        self._started = True
        self._due_s = {check.plan.name: now_s for check in self.checks}
        for session in self.journal.sessions():
            if not session.is_open:
                self.history.append(session)

    def _adopt(self, now_s: float) -> None:
        """Keep the leases of our sessions, and take over those that ran out."""
        until_s = now_s + self.plan.lease_s
        for session in self.journal.open_sessions():
            if self.journal.lease(session.cause, now_s=now_s, until_s=until_s):
                self._sessions.setdefault(session.cause, session)
            else:
                self._sessions.pop(session.cause, None)

    def _look(self, now_s: float) -> Sight | None:
        try:
            return self.swarm.observe(now_s - self.plan.window_s)
        except Exception as error:  # noqa: BLE001 - a broken view must not end healing
            self._broken("looking", error)
            return None

    def _learn(self, activity: Sequence[Activity]) -> None:
        fresh = [act for act in activity if act.at_s > self._learned_s]
        if fresh:
            self.gaps.learn_all(fresh)
            self._learned_s = fresh[-1].at_s

    def _measure(self, check: PlannedCheck, sight: Sight) -> None:
        name = check.plan.name
        try:
            reading = check.measure(sight)
        except Exception as error:  # noqa: BLE001 - a broken check is unknown, not the end
            self._broken(name, error)
            return
        self.readings[name] = reading
        self._clear(check.plan.issue, reading)
        for finding in reading.findings:
            self._found(finding, sight)
        if reading.value is not None and not reading.findings:
            self._foresee(check, reading, reading.value, sight)

    def _clear(self, issue: IssueKind, reading: Reading) -> None:
        """Forget what was handed over once its check no longer finds it."""
        found = {finding.cause for finding in reading.findings}
        for cause in self.journal.handed_over(issue.value) - found:
            self.journal.got_well(cause)

    def _foresee(
        self, check: PlannedCheck, reading: Reading, value: float, sight: Sight
    ) -> None:
        plan = check.plan
        forecast = self.prevention.update(
            plan.name, sight.at_s, value, plan.threshold, plan.interval_s
        )
        if forecast is None:
            return
        finding = Finding(
            issue=plan.issue,
            cause=reading.weakest or "swarm",
            value=forecast.value,
            threshold=plan.threshold,
            evidence={"forecast": f"{forecast.probability:.2f}", "check": plan.name},
        )
        self._found(finding, sight, preventive=True)

    def _found(
        self, finding: Finding, sight: Sight, *, preventive: bool = False
    ) -> None:
        session = self._sessions.get(finding.cause)
        if session is not None:
            session.merged += 1
            self._counts["merged"] += 1
            return
        if finding.cause == "swarm" and (self._sessions or self._recent(sight.at_s)):
            self._counts["merged"] += 1  # what is being healed explains it
            return
        if finding.cause in self.journal.handed_over():
            return
        now_s = sight.at_s
        if not self.journal.lease(
            finding.cause, now_s=now_s, until_s=now_s + self.plan.lease_s
        ):
            self._counts["deferred"] += 1
            return
        self._open(finding, now_s, preventive=preventive)

    def _recent(self, now_s: float) -> bool:
        last = self.history[-1] if self.history else None
        return (
            last is not None
            and last.closed_s is not None
            and now_s - last.closed_s < self.plan.relapse_s
        )

    def _open(self, finding: Finding, now_s: float, *, preventive: bool) -> None:
        session = HealingSession(
            session_id=record_id(self.journal.owner, finding.cause, repr(now_s)),
            finding=finding,
            opened_s=now_s,
            rungs=tuple((r.name, r.within_s) for r in self._rungs(finding, preventive)),
            due_s=now_s,
            preventive=preventive,
        )
        self._counts["opened"] += 1
        self._sessions[finding.cause] = session
        self.journal.save(session)
        self._tell(session, "started", Level.WARNING)

    def _rungs(self, finding: Finding, preventive: bool) -> Sequence[Rung]:  # noqa: FBT001 - passed on
        ladder = self.learnings.order(
            finding.issue, LADDERS[finding.issue], self._delay(finding)
        )
        if preventive:
            return ladder[:2]
        names = [rung.name for rung in ladder]
        start = 0
        if finding.silent_s is not None:
            first = self.plan.bands.first(finding.silent_s, finding.allowance_s or 0.0)
            start = names.index(first)
        last = self.journal.last_session(finding.cause)
        if (
            last is not None
            and last.worked in names
            and last.closed_s is not None
            and self.clock.monotonic_s() - last.closed_s < self.plan.relapse_s
        ):
            # It is back: what helped for a moment is not done again.
            start = max(start, min(names.index(last.worked) + 1, len(names) - 1))
        return ladder[start:]

    def _delay(self, finding: Finding) -> str:
        if finding.silent_s is None:
            return "any"
        return self.plan.bands.delay_name(finding.silent_s, finding.allowance_s or 0.0)

    # Acting.

    async def _advance_all(self, sight: Sight) -> None:
        now_s = self.clock.monotonic_s()
        async with anyio.create_task_group() as group:
            for session in list(self._sessions.values()):
                if session.due_s <= now_s:
                    group.start_soon(self._advance, session, sight)

    async def _advance(self, session: HealingSession, sight: Sight) -> None:
        """Take a session as far as it can go now."""
        while session.is_open and session.due_s <= self.clock.monotonic_s():
            if session.phase is Phase.ACTING:
                await self._act(session)
            else:
                self._verify(session, sight)
            self.journal.save(session)
        if not session.is_open:
            self._close(session)

    async def _act(self, session: HealingSession) -> None:
        now_s = self.clock.monotonic_s()
        if not self.breaker.allows(session.rung, now_s):
            self._next_rung(session, "left alone, it keeps failing")
            return
        wait_s = self.limit.wait_s(session.cause, now_s)
        if session.attempt > 1 and wait_s > 0:
            session.due_s = now_s + wait_s
            return
        effect = await self._carry_out(session)
        self._record(session, effect, None)
        if effect.outcome is EffectOutcome.INAPPLICABLE:
            self._next_rung(session, f"nothing to do: {effect.detail}")
        elif effect.outcome is EffectOutcome.FAILED:
            self._failed(session, effect)
        else:
            self._acted(session)

    async def _carry_out(self, session: HealingSession) -> Effect:
        """Act once: intent first, then the effect, unless it took effect before."""
        key, now_s = session.action_key, self.clock.monotonic_s()
        known = self.journal.effect_of(key)
        if known is not None:
            return known
        try:
            if not self.journal.intend(key, now_s=now_s):
                known = await self.effector.effect_of(key)
            effect = known or await self._within_limit(session)
        except Exception as error:  # noqa: BLE001 - a broken effector is a failed action
            self._broken(session.rung, error)
            effect = Effect(outcome=EffectOutcome.FAILED, detail=str(error)[:200])
        self.journal.took_effect(key, effect, now_s=now_s)
        return effect

    async def _within_limit(self, session: HealingSession) -> Effect:
        finding = session.finding
        kind, _, name = finding.cause.partition(":")
        action = Action(
            key=session.action_key,
            verb=session.rung,
            cause=finding.cause,
            keys=(name,) if kind == "key" else (),
            evidence=finding.evidence,
        )
        with anyio.move_on_after(self.plan.action_limit_s):
            return await self.effector.act(action)
        return Effect(
            outcome=EffectOutcome.FAILED,
            detail=f"no answer within {self.plan.action_limit_s:g} s",
        )

    def _acted(self, session: HealingSession) -> None:
        now_s = self.clock.monotonic_s()
        self._counts["actions"] += 1
        self.breaker.acted(session.rung)
        session.phase = Phase.VERIFYING
        session.acted_s = now_s
        session.deadline_s = now_s + session.rungs[0][1]
        session.due_s = now_s
        check = session.finding.evidence.get("check")
        if session.preventive and check is not None:
            self.prevention.treated(check)

    def _failed(self, session: HealingSession, effect: Effect) -> None:
        now_s = self.clock.monotonic_s()
        self.breaker.failed(session.rung, now_s)
        self.limit.note(session.cause, now_s)
        self._tell(session, "failed", Level.ERROR, detail=effect.detail)
        if session.attempt >= self.plan.attempts_per_rung:
            self._next_rung(session, f"failed: {effect.detail}")
            return
        session.due_s = now_s + self.plan.backoff.wait_s(session.attempt, self._random)
        session.attempt += 1

    def _verify(self, session: HealingSession, sight: Sight) -> None:
        now_s = self.clock.monotonic_s()
        acted_s = session.opened_s if session.acted_s is None else session.acted_s
        # What was seen before the action says nothing about it.
        fresh = sight if sight.at_s > acted_s else self._look(now_s)
        held = None if fresh is None else holds(session.finding, fresh, acted_s)
        if held is None and now_s < (session.deadline_s or now_s):
            session.due_s = now_s + self.plan.poll_s
            return
        self._measured(session, worked=bool(held))
        if held:
            session.worked = session.rung
            session.tried.append(f"{session.rung}: worked")
            session.phase = Phase.SUCCESS
        else:
            self._next_rung(session, "acted, post-condition does not hold")

    def _measured(self, session: HealingSession, *, worked: bool) -> None:
        delay = self._delay(session.finding)
        self.learnings.note(session.finding.issue, session.rung, delay, worked)
        effect = Effect(outcome=EffectOutcome.ACTED, detail="")
        self._record(session, effect, worked)

    def _next_rung(self, session: HealingSession, why: str) -> None:
        session.tried.append(f"{session.rung}: {why}")
        if len(session.rungs) == 1:
            session.phase = Phase.ABANDONED
            if not session.preventive:
                session.phase = Phase.HANDED_OVER
                issue = session.finding.issue.value
                self.journal.hand_over(session.cause, issue)
            return
        moved = "acted" in why or "failed" in why
        session.rungs = session.rungs[1:]
        session.attempt = 1
        session.phase = Phase.ACTING
        session.due_s = self.clock.monotonic_s()
        if moved:
            self._tell(session, "escalated", Level.ERROR)

    def _close(self, session: HealingSession) -> None:
        session.closed_s = self.clock.monotonic_s()
        self.journal.save(session)
        self.journal.release(session.cause)
        self.journal.prune()
        self._sessions.pop(session.cause, None)
        self._ended[session.phase] += 1
        self.history.append(session)
        if session.phase is Phase.SUCCESS:
            self._tell(session, "success", Level.SUCCESS)
        elif session.phase is Phase.HANDED_OVER:
            self._tell(session, "escalated", Level.ERROR, detail="to a person")

    # Telling.

    def _tell(
        self, session: HealingSession, outcome: str, level: Level, *, detail: str = ""
    ) -> None:
        finding = session.finding
        self.notifier.notify(
            Notification(
                message=f"self-healing {outcome}: {finding.issue} ({finding.cause})",
                level=level,
                metadata={
                    "issue": finding.issue.value,
                    "cause": finding.cause,
                    "severity": finding.severity_name,
                    "strategy": session.tried[0].partition(":")[0]
                    if session.tried
                    else session.rung,
                    "rung": session.rung,
                    "outcome": outcome,
                    "tried": list(session.tried),
                    **({"detail": detail} if detail else {}),
                },
            )
        )

    def _record(
        self,
        session: HealingSession,
        effect: Effect,
        worked: bool | None,  # noqa: FBT001 - it is what is recorded
    ) -> None:
        if self.records is None:
            return
        finding, now_s = session.finding, self.clock.monotonic_s()
        begun_s = now_s
        if session.phase is Phase.VERIFYING and session.acted_s is not None:
            begun_s = session.acted_s
        delay = self._delay(finding)
        record = Recovery(
            record_id=record_id(SOURCE, session.action_key),
            at=self.clock.now() - timedelta(seconds=now_s - begun_s),
            source=SOURCE,
            provenance=Provenance.MEASURED,
            issue=finding.issue.value,
            rung=session.rung,
            action=session.rung,
            severity=finding.severity_name,
            healing_id=session.session_id,
            agent_id=finding.slot,
            operation_type=finding.evidence.get("operation"),
            attempt=session.attempt,
            silent_s=finding.silent_s,
            duration_s=now_s - begun_s,
            outcome=RECORD_OUTCOMES[effect.outcome],
            post_condition=worked,
            learning=self.learnings.sentence(finding.issue, session.rung, delay)
            if worked
            else None,
        )
        try:
            self.records.append(record.to_json())
        except OSError as error:
            self._broken("recording", error)

    def _broken(self, what: str, error: Exception) -> None:
        self._errors += 1
        self.notifier.notify(
            Notification(
                message=f"self-healing: {what} broke: {type(error).__name__}",
                level=Level.ERROR,
                metadata={"error": str(error)[:200]},
            )
        )

    def _next_s(self, now_s: float) -> float:
        ahead = [*self._due_s.values(), *(s.due_s for s in self._sessions.values())]
        return max(0.0, min(ahead) - now_s)


RECORD_OUTCOMES = {
    EffectOutcome.ACTED: Outcome.SUCCEEDED,
    EffectOutcome.FAILED: Outcome.FAILED,
    EffectOutcome.INAPPLICABLE: Outcome.CANCELLED,
}


def default_checks(gaps: GapBook) -> tuple[PlannedCheck, ...]:
    """List the four checks of the specification, and the memory check of ours."""
    return (
        AgentResponsiveness(gaps),
        MemoryConsistency(),
        CoordinationEfficiency(),
        WorkflowProgress(),
        ResourceHeadroom(),
    )
