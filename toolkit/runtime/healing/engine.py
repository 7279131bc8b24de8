"""The engine: runs the checks, admits their findings, advances the sessions.

It works in *turns*: one turn does all that is due and returns when the next thing will
be. No state lives in a coroutine between two turns; every session is in the journal
before and after each step, so an engine that is killed between any two instructions is
continued by the next one. Only a post-condition that was measured, and that lasted, is a
success.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from toolkit.clock import Clock
from toolkit.notifier import Notifier
from toolkit.records import Record
from toolkit.runtime.healing.admission import Admission, Sessions
from toolkit.runtime.healing.check import HealthCheck
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.consistency import MemoryConsistency, ResultIntegrity
from toolkit.runtime.healing.coordination import CoordinationEfficiency
from toolkit.runtime.healing.effectors import Effector
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.ladder import delay_of
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.log import HealingLog, RecordSink
from toolkit.runtime.healing.plan import HealingPlan, HealingStatistics
from toolkit.runtime.healing.prevention import Prevention
from toolkit.runtime.healing.progress import ResourceHeadroom, WorkflowProgress
from toolkit.runtime.healing.requests import RequestedTreatment
from toolkit.runtime.healing.responsiveness import AgentResponsiveness
from toolkit.runtime.healing.session import HealingSession, Phase
from toolkit.runtime.healing.silence import SilenceThresholds
from toolkit.runtime.healing.swarm import Activity, Swarm, SwarmSnapshot
from toolkit.runtime.healing.treatment import Treatment

__all__ = ["HealingEngine", "default_checks"]


class HealingEngine:
    """Heals one swarm.

    Parameters
    ----------
    swarm : Swarm
        Source of snapshots.
    effector : Effector
        Carries actions out.
    journal : Journal
    clock : Clock
    notifier : Notifier
    seed : int
        For the jitter of waits.
    plan : HealingPlan, optional
    checks : sequence of HealthCheck, optional
        `default_checks` when left out.
    silences : SilenceThresholds, optional
        Usual silences; learned from the run where left out, cautiously at first.
    records : RecordSink, optional
        Receives a `Recovery` for every attempt; a `RuntimeLoop` subscribes by itself.
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
        checks: Sequence[HealthCheck] | None = None,
        silences: SilenceThresholds | None = None,
        records: RecordSink | None = None,
    ) -> None:
        self.swarm = swarm
        self.journal = journal
        self.clock = clock
        self.plan = HealingPlan() if plan is None else plan
        self.silences = SilenceThresholds() if silences is None else silences
        self.requested = RequestedTreatment()
        own = default_checks(self.silences, self.plan.tick_s)
        self.checks = (*(own if checks is None else checks), self.requested)
        self.learnings = Learnings()
        self.prevention = Prevention(self.plan.prevention)
        self.results: dict[str, CheckResult] = {}
        self.log = HealingLog(notifier=notifier, records=records, clock=clock)
        self._sessions = Sessions()
        self._admission = Admission(
            self.plan, self._sessions, journal, self.learnings, self.log
        )
        self._treatment = Treatment(
            self.plan,
            {check.plan.name: check for check in self.checks},
            self._sessions,
            journal,
            effector,
            self.learnings,
            self.log,
            clock,
            seed,
            self.prevention.treated,
            self._admission.withdraw,
        )
        self._due_s: dict[str, float] = {}
        self._forecast_s = 0.0
        self._learned_s = -1.0
        self._started = False

    @property
    def history(self) -> tuple[HealingSession, ...]:
        """The latest closed sessions, oldest first."""
        return tuple(self._sessions.closed)

    def attach(self, take: Callable[[Record], object]) -> None:
        """Pass every recovery to a taker of records, unless a sink was given.

        Parameters
        ----------
        take : callable
            For example `RuntimeLoop.observe`, which attaches itself.
        """
        self.log.attach(take)

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
        waiting = [s for s in self._sessions.under_way.values() if s.due_s <= now_s]
        if due or waiting:
            snapshot = self._look()
            if snapshot is not None:
                self._learn(snapshot.activity)
                for check in due:
                    self._measure(check, snapshot)
                self._forecast(snapshot)
                await self._treatment.advance_all(snapshot, self._look)
        for check in due:
            self._due_s[check.plan.name] = now_s + check.plan.interval_s
        if not self.requested.asked:
            self._due_s[self.requested.plan.name] = math.inf
        return self._next_s(now_s)

    def reset_coordination(self, why: str, lasts: Callable[[], bool]) -> None:
        """Have the coordination of the swarm treated at the next turn.

        Ownership is announced again, then orphaned tasks are given to others; where
        what has broken down lasts, a person is called. No agent is restarted.

        Parameters
        ----------
        why : str
            What has broken down.
        lasts : callable
            Whether it still does: the post-condition of the treatment.
        """
        self.requested.ask(why, lasts)
        self._due_s[self.requested.plan.name] = 0.0

    def statistics(self) -> HealingStatistics:
        """Take a snapshot of what was done.

        Returns
        -------
        HealingStatistics
        """
        ended = self._sessions.ended
        return HealingStatistics(
            **self._sessions.counts,
            healed=ended[Phase.SUCCESS],
            handed_over=ended[Phase.HANDED_OVER],
            abandoned=ended[Phase.ABANDONED],
            errors=self.log.errors,
            prevention=self.prevention.count,
        )

    def open_sessions(self) -> tuple[HealingSession, ...]:
        """List the sessions under way.

        Returns
        -------
        tuple of HealingSession
        """
        return tuple(self._sessions.under_way.values())

    def _resume(self, now_s: float) -> None:
        self._started = True
        self._due_s = {check.plan.name: now_s for check in self.checks}
        self._forecast_s = now_s + self.plan.prevention.interval_s
        self._treatment.budget.restore(self.journal.restarts())
        for session in self.journal.sessions():
            delay = delay_of(session.finding, self.plan)
            for rung, worked in session.measured:
                self.learnings.note(session.finding.issue, rung, delay, worked)
            if not session.is_open:
                self._sessions.closed.append(session)

    def _adopt(self, now_s: float) -> None:
        """Renew the leases of our sessions, and take over those that ran out."""
        until_s = now_s + self.plan.lease_s
        under_way = self._sessions.under_way
        for session in self.journal.open_sessions():
            if self.journal.lease(session.cause, now_s=now_s, until_s=until_s):
                under_way.setdefault(session.cause, session)
            else:
                under_way.pop(session.cause, None)
        while len(self._sessions.closed) > self.plan.history:
            self._sessions.closed.popleft()

    def _look(self) -> SwarmSnapshot | None:
        now_s = self.clock.monotonic_s()
        try:
            return self.swarm.snapshot(now_s - self.plan.window_s)
        except Exception as error:  # noqa: BLE001 - a broken view must not end healing
            self.log.broken("looking", error)
            return None

    def _learn(self, activity: Sequence[Activity]) -> None:
        fresh = [act for act in activity if act.at_s > self._learned_s]
        if fresh:
            self.silences.learn_all(fresh)
            self._learned_s = fresh[-1].at_s

    def _measure(self, check: HealthCheck, snapshot: SwarmSnapshot) -> None:
        plan = check.plan
        try:
            result = check.measure(snapshot)
        except Exception as error:  # noqa: BLE001 - a broken check is unknown, not the end
            self.log.broken(plan.name, error)
            return
        self.results[plan.name] = result
        found = {finding.cause for finding in result.findings}
        self._admission.clear(plan.issue, found, snapshot.at_s)
        self._admission.admit_all(result.findings, snapshot)
        if result.value is not None and not result.findings:
            self.prevention.note(plan.name, snapshot.at_s, result.value, plan.threshold)

    def _forecast(self, snapshot: SwarmSnapshot) -> None:
        """Treat checks that will fail; at an interval of prevention's own."""
        prevention = self.plan.prevention
        if not prevention.enabled or snapshot.at_s < self._forecast_s:
            return
        self._forecast_s = snapshot.at_s + prevention.interval_s
        for check in self.checks:
            plan = check.plan
            forecast = self.prevention.forecast(
                plan.name, snapshot.at_s, plan.threshold
            )
            if forecast is None:
                continue
            finding = Finding(
                issue=plan.issue,
                cause=self.results[plan.name].weakest or "swarm",
                value=forecast.value,
                threshold=plan.threshold,
                check=plan.name,
                evidence={"forecast": f"{forecast.probability:.2f}"},
            )
            self._admission.admit(finding, snapshot, preventive=True)

    def _next_s(self, now_s: float) -> float:
        sessions = self._sessions.under_way.values()
        ahead = [*self._due_s.values(), *(session.due_s for session in sessions)]
        return max(0.0, min(ahead) - now_s)


def default_checks(
    silences: SilenceThresholds, tick_s: float | None = None
) -> tuple[HealthCheck, ...]:
    """List the four checks of the specification, and the two of ours.

    Parameters
    ----------
    silences : SilenceThresholds
    tick_s : float, optional
        Longest interval of each; their own where left out.

    Returns
    -------
    tuple of HealthCheck
    """
    checks = (
        AgentResponsiveness(silences),
        MemoryConsistency(),
        CoordinationEfficiency(),
        WorkflowProgress(),
        ResourceHeadroom(),
        ResultIntegrity(),
    )
    if tick_s is None:
        return checks
    return tuple(
        replace(
            check,
            plan=replace(check.plan, interval_s=min(tick_s, check.plan.interval_s)),
        )
        for check in checks
    )
