"""The engine: looks, finds, acts through an effector, and measures whether it helped.

It works in *turns*: one turn does all that is due and says when the next thing will be.
Nothing lives in a coroutine from one turn to the next; every session's state is in the
journal before and after each step, so an engine that is killed between any two
instructions is continued by the next one. Only a post-condition that was measured is a
success.

The file is longer than most: the steps of a session share one state, and who changes
one must see the others.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import anyio
import numpy as np

from toolkit.clock import Clock
from toolkit.notifier import Level, Notifier
from toolkit.records import record_id
from toolkit.runtime.healing.backoff import AttemptLimit, CircuitBreaker
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.checks import (
    AgentResponsiveness,
    CheckPlan,
    CoordinationEfficiency,
    MemoryConsistency,
    ResourceHeadroom,
    WorkflowProgress,
)
from toolkit.runtime.healing.conditions import holds
from toolkit.runtime.healing.effectors import (
    Action,
    Effect,
    Effector,
    EffectOutcome,
)
from toolkit.runtime.healing.issues import LADDERS, IssueKind, Rung
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.log import HealingLog, RecordSink
from toolkit.runtime.healing.plan import HealingPlan, HealingStatistics
from toolkit.runtime.healing.prevention import Prevention
from toolkit.runtime.healing.session import HealingSession, Phase
from toolkit.runtime.healing.silence import SilenceThresholds
from toolkit.runtime.healing.swarm import Activity, Swarm, SwarmSnapshot

__all__ = ["HealingEngine"]


class PlannedCheck(Protocol):
    """A health check with its plan."""

    @property
    def plan(self) -> CheckPlan:
        """When it runs and what its failing means."""
        ...

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Measure."""
        ...


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
    plan : HealingPlan, optional
    checks : sequence of checks, optional
        The four of the specification and `ResourceHeadroom` when left out.
    gaps : SilenceThresholds, optional
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
        plan: HealingPlan | None = None,
        checks: Sequence[PlannedCheck] | None = None,
        gaps: SilenceThresholds | None = None,
        records: RecordSink | None = None,
    ) -> None:
        self.swarm = swarm
        self.effector = effector
        self.journal = journal
        self.clock = clock
        self.plan = HealingPlan() if plan is None else plan
        self.gaps = SilenceThresholds() if gaps is None else gaps
        self.checks = default_checks(self.gaps) if checks is None else tuple(checks)
        self.learnings = Learnings()
        self.prevention = Prevention()
        self.breaker = CircuitBreaker()
        self.limit = AttemptLimit()
        self.history: deque[HealingSession] = deque(maxlen=self.plan.history)
        self.results: dict[str, CheckResult] = {}
        self._random = np.random.default_rng(seed)
        self._due_s: dict[str, float] = {}
        self._sessions: dict[str, HealingSession] = {}
        self._learned_s = -1.0
        self._started = False
        self._counts = dict.fromkeys(("opened", "merged", "deferred", "actions"), 0)
        self._ended = dict.fromkeys(Phase, 0)
        self.log = HealingLog(notifier=notifier, records=records, clock=clock)

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
            snapshot = self._look(now_s)
            if snapshot is not None:
                self._learn(snapshot.activity)
                for check in due:
                    self._measure(check, snapshot)
                await self._advance_all(snapshot)
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
            errors=self.log.errors,
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
            delay = self._delay(session.finding)
            for rung, worked in session.measured:
                self.learnings.note(session.finding.issue, rung, delay, worked)
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

    def _look(self, now_s: float) -> SwarmSnapshot | None:
        try:
            return self.swarm.snapshot(now_s - self.plan.window_s)
        except Exception as error:  # noqa: BLE001 - a broken view must not end healing
            self.log.broken("looking", error)
            return None

    def _learn(self, activity: Sequence[Activity]) -> None:
        fresh = [act for act in activity if act.at_s > self._learned_s]
        if fresh:
            self.gaps.learn_all(fresh)
            self._learned_s = fresh[-1].at_s

    def _measure(self, check: PlannedCheck, snapshot: SwarmSnapshot) -> None:
        name = check.plan.name
        try:
            result = check.measure(snapshot)
        except Exception as error:  # noqa: BLE001 - a broken check is unknown, not the end
            self.log.broken(name, error)
            return
        self.results[name] = result
        self._clear(check.plan.issue, result)
        for finding in result.findings:
            self._found(finding, snapshot)
        if result.value is not None and not result.findings:
            self._foresee(check, result, result.value, snapshot)

    def _clear(self, issue: IssueKind, result: CheckResult) -> None:
        """Forget what was handed over once its check no longer finds it."""
        found = {finding.cause for finding in result.findings}
        for cause in self.journal.handed_over(issue.value) - found:
            self.journal.got_well(cause)

    def _foresee(
        self,
        check: PlannedCheck,
        result: CheckResult,
        value: float,
        snapshot: SwarmSnapshot,
    ) -> None:
        plan = check.plan
        forecast = self.prevention.update(
            plan.name, snapshot.at_s, value, plan.threshold, plan.interval_s
        )
        if forecast is None:
            return
        finding = Finding(
            issue=plan.issue,
            cause=result.weakest or "swarm",
            value=forecast.value,
            threshold=plan.threshold,
            evidence={"forecast": f"{forecast.probability:.2f}", "check": plan.name},
        )
        self._found(finding, snapshot, preventive=True)

    def _found(
        self, finding: Finding, snapshot: SwarmSnapshot, *, preventive: bool = False
    ) -> None:
        session = self._sessions.get(finding.cause)
        if session is not None:
            session.merged += 1
            self._counts["merged"] += 1
            return
        if finding.cause == "swarm" and (self._sessions or self._recent(snapshot.at_s)):
            self._counts["merged"] += 1  # what is being healed explains it
            return
        if finding.cause in self.journal.handed_over():
            return
        now_s = snapshot.at_s
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
        self.log.tell(session, "started", Level.WARNING)

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

    async def _advance_all(self, snapshot: SwarmSnapshot) -> None:
        now_s = self.clock.monotonic_s()
        async with anyio.create_task_group() as group:
            for session in list(self._sessions.values()):
                if session.due_s <= now_s:
                    group.start_soon(self._advance, session, snapshot)

    async def _advance(self, session: HealingSession, snapshot: SwarmSnapshot) -> None:
        """Take a session as far as it can go now."""
        while session.is_open and session.due_s <= self.clock.monotonic_s():
            if session.phase is Phase.ACTING:
                await self._act(session)
            else:
                self._verify(session, snapshot)
            self.journal.save(session)
        if not session.is_open:
            self._close(session)

    async def _act(self, session: HealingSession) -> None:
        now_s = self.clock.monotonic_s()
        if not self.breaker.allows(session.rung, now_s):
            self._next_rung(session, "left alone, it keeps failing", escalate=False)
            return
        wait_s = self.limit.wait_s(session.cause, now_s)
        if session.attempt > 1 and wait_s > 0:
            session.due_s = now_s + wait_s
            return
        effect = await self._carry_out(session)
        self.log.record(session, effect.outcome)
        if effect.outcome is EffectOutcome.INAPPLICABLE:
            why = f"nothing to do: {effect.detail}"
            self._next_rung(session, why, escalate=False)
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
            self.log.broken(session.rung, error)
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
        self.log.tell(session, "failed", Level.ERROR, detail=effect.detail)
        if session.attempt >= self.plan.attempts_per_rung:
            self._next_rung(session, f"failed: {effect.detail}")
            return
        session.due_s = now_s + self.plan.backoff.wait_s(session.attempt, self._random)
        session.attempt += 1

    def _verify(self, session: HealingSession, snapshot: SwarmSnapshot) -> None:
        now_s = self.clock.monotonic_s()
        acted_s = session.opened_s if session.acted_s is None else session.acted_s
        # What was seen before the action says nothing about it.
        fresh = snapshot if snapshot.at_s > acted_s else self._look(now_s)
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
        issue, delay = session.finding.issue, self._delay(session.finding)
        self.learnings.note(issue, session.rung, delay, worked)
        session.measured.append((session.rung, worked))
        self.log.record(
            session,
            EffectOutcome.ACTED,
            worked=worked,
            learning=self.learnings.sentence(issue, session.rung, delay)
            if worked
            else None,
        )

    def _next_rung(
        self, session: HealingSession, why: str, *, escalate: bool = True
    ) -> None:
        session.tried.append(f"{session.rung}: {why}")
        if len(session.rungs) == 1:
            session.phase = Phase.ABANDONED
            if not session.preventive:
                session.phase = Phase.HANDED_OVER
                issue = session.finding.issue.value
                self.journal.hand_over(session.cause, issue)
            return
        session.rungs = session.rungs[1:]
        session.attempt = 1
        session.phase = Phase.ACTING
        session.due_s = self.clock.monotonic_s()
        if escalate:
            self.log.tell(session, "escalated", Level.ERROR)

    def _close(self, session: HealingSession) -> None:
        session.closed_s = self.clock.monotonic_s()
        self.journal.save(session)
        self.journal.release(session.cause)
        self.journal.prune()
        self._sessions.pop(session.cause, None)
        self._ended[session.phase] += 1
        self.history.append(session)
        if session.phase is Phase.SUCCESS:
            self.log.tell(session, "success", Level.SUCCESS)
        elif session.phase is Phase.HANDED_OVER:
            self.log.tell(session, "escalated", Level.ERROR, detail="to a person")

    def _next_s(self, now_s: float) -> float:
        ahead = [*self._due_s.values(), *(s.due_s for s in self._sessions.values())]
        return max(0.0, min(ahead) - now_s)


def default_checks(gaps: SilenceThresholds) -> tuple[PlannedCheck, ...]:
    """List the four checks of the specification, and the memory check of ours."""
    return (
        AgentResponsiveness(gaps),
        MemoryConsistency(),
        CoordinationEfficiency(),
        WorkflowProgress(),
        ResourceHeadroom(),
    )
