"""Treatment of sessions: act once for each key, then measure whether it helped.

The file is longer than most: the steps of a session share one state, and a change to
one must be read beside the others.
"""

from collections.abc import Callable, Mapping

import anyio
import numpy as np

from toolkit.clock import Clock
from toolkit.notifier import Level
from toolkit.runtime.healing.admission import Sessions
from toolkit.runtime.healing.backoff import AttemptLimit, CircuitBreaker
from toolkit.runtime.healing.check import HealthCheck
from toolkit.runtime.healing.effectors import Action, Effect, Effector, EffectOutcome
from toolkit.runtime.healing.issues import IssueKind, Reach
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.ladder import delay_of
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.log import HealingLog
from toolkit.runtime.healing.plan import HealingPlan
from toolkit.runtime.healing.restart_limits import RestartBudget
from toolkit.runtime.healing.session import HealingSession, Phase
from toolkit.runtime.healing.swarm import SwarmSnapshot, TaskStatus

__all__ = ["Treatment"]

STAND_DOWN = "stand_down"
"""Takes an agent that cannot be healed out of the swarm; its tasks go to the others."""


class Treatment:
    """Carries sessions as far as they can go.

    Parameters
    ----------
    plan : HealingPlan
    checks : mapping of str to HealthCheck
        By name: the check that found an issue judges its recovery.
    sessions : Sessions
    journal : Journal
    effector : Effector
    learnings : Learnings
    log : HealingLog
    clock : Clock
    seed : int
        For the jitter of waits.
    treated : callable
        Receives the name of a check whose forecast was acted on.
    handed_over : callable
        Receives a cause that a person is called for, and the time in seconds.
    """

    def __init__(
        self,
        plan: HealingPlan,
        checks: Mapping[str, HealthCheck],
        sessions: Sessions,
        journal: Journal,
        effector: Effector,
        learnings: Learnings,
        log: HealingLog,
        clock: Clock,
        seed: int,
        treated: Callable[[str], None],
        handed_over: Callable[[str, float], None],
    ) -> None:
        self._plan = plan
        self._checks = checks
        self._sessions = sessions
        self._journal = journal
        self._effector = effector
        self._learnings = learnings
        self._log = log
        self._clock = clock
        self._random = np.random.default_rng(seed)
        self._treated = treated
        self._handed_over = handed_over
        self.budget = RestartBudget(plan.restarts)
        self.breaker = CircuitBreaker()
        self.limit = AttemptLimit()

    async def advance_all(
        self, snapshot: SwarmSnapshot, look: Callable[[], SwarmSnapshot | None]
    ) -> None:
        """Advance every session that is due.

        Parameters
        ----------
        snapshot : SwarmSnapshot
        look : callable
            Takes a newer snapshot, `None` where that fails.
        """
        now_s = self._clock.monotonic_s()
        due = [s for s in self._sessions.under_way.values() if s.due_s <= now_s]
        # A poisoned task is set aside before any other agent is started.
        due.sort(key=lambda s: s.finding.issue != IssueKind.POISONED_TASK)
        first = [s for s in due if s.finding.issue == IssueKind.POISONED_TASK]
        for group in (first, due[len(first) :]):
            async with anyio.create_task_group() as tasks:
                for session in group:
                    tasks.start_soon(self._advance, session, snapshot, look)

    async def _advance(
        self,
        session: HealingSession,
        snapshot: SwarmSnapshot,
        look: Callable[[], SwarmSnapshot | None],
    ) -> None:
        while session.is_open and session.due_s <= self._clock.monotonic_s():
            if session.phase is Phase.ACTING:
                await self._act(session, snapshot)
            else:
                # What was seen before the action says nothing about it.
                seen = snapshot if snapshot.at_s > (session.acted_s or 0.0) else look()
                self._verify(session, seen)
            self._journal.save(session)
        if not session.is_open:
            await self._close(session, snapshot)

    # Acting.

    async def _act(self, session: HealingSession, snapshot: SwarmSnapshot) -> None:
        now_s = self._clock.monotonic_s()
        if not self.breaker.allows(session.rung, now_s):
            self._next_rung(session, "left alone, it keeps failing", escalate=False)
            return
        total, healthy = self._restarts_of(session, snapshot)
        if total and not self.budget.allows(now_s, total=total, healthy=healthy):
            self._next_rung(session, "passed over, too many restarts", escalate=False)
            return
        wait_s = self.limit.wait_s(session.cause, now_s)
        if session.attempt > 1 and wait_s > 0:
            session.due_s = now_s + wait_s
            return
        effect = await self._carry_out(session, session.action_key, session.rung)
        self._log.record(session, effect.outcome)
        if effect.outcome is EffectOutcome.INAPPLICABLE:
            why = f"nothing to do: {effect.detail}"
            self._next_rung(session, why, escalate=False)
        elif effect.outcome is EffectOutcome.FAILED:
            self._failed(session, effect)
        else:
            self._acted(session, total, healthy)

    def _restarts_of(
        self, session: HealingSession, snapshot: SwarmSnapshot
    ) -> tuple[int, int]:
        """Count the agents that a rung would restart, and those without a finding."""
        reach, cause = session.rungs[0].reach, session.cause
        if reach is Reach.NONE or (
            reach is Reach.AGENT and session.finding.slot is None
        ):
            return 0, 0
        if reach is Reach.AGENT:
            return 1, int(session.finding.evidence.get("why") == "waited for")
        ill = {s.finding.slot for s in self._sessions.under_way.values()}
        slots = {agent.slot for agent in snapshot.agents}
        return len(slots), len(slots - ill) if cause == "swarm" else len(slots) - 1

    async def _carry_out(self, session: HealingSession, key: str, verb: str) -> Effect:
        """Act once: intent first, then the effect, unless it took effect before."""
        now_s = self._clock.monotonic_s()
        known = self._journal.effect_of(key)
        if known is not None:
            return known
        try:
            if not self._journal.intend(key, now_s=now_s):
                known = await self._effector.effect_of(key)
            effect = known or await self._within_limit(session, key, verb)
        except Exception as error:  # noqa: BLE001 - a broken effector is a failed action
            self._log.broken(verb, error)
            effect = Effect(outcome=EffectOutcome.FAILED, detail=str(error)[:200])
        self._journal.took_effect(key, effect, now_s=now_s)
        return effect

    async def _within_limit(
        self, session: HealingSession, key: str, verb: str
    ) -> Effect:
        finding = session.finding
        kind, _, name = finding.cause.partition(":")
        evidence = dict(finding.evidence)
        if finding.agent_id is not None:
            evidence["agent"] = finding.agent_id
        action = Action(
            key=key,
            verb=verb,
            cause=finding.cause,
            keys=(name,) if kind == "key" else (),
            evidence=evidence,
        )
        with anyio.move_on_after(self._plan.action_limit_s):
            return await self._effector.act(action)
        return Effect(
            outcome=EffectOutcome.FAILED,
            detail=f"no answer within {self._plan.action_limit_s:g} s",
        )

    def _acted(self, session: HealingSession, total: int, healthy: int) -> None:
        now_s = self._clock.monotonic_s()
        if total:
            session.restarts += 1
            self.budget.note(now_s, total=total, healthy=healthy)
            self._journal.note_restarts(now_s, total=total, healthy=healthy)
        self._sessions.counts["actions"] += 1
        self.breaker.acted(session.rung)
        session.phase = Phase.VERIFYING
        session.acted_s = now_s
        session.held_s = None
        session.deadline_s = now_s + session.rungs[0].within_s
        session.due_s = now_s
        if session.preventive:
            self._treated(session.finding.check)

    def _failed(self, session: HealingSession, effect: Effect) -> None:
        now_s = self._clock.monotonic_s()
        self.breaker.failed(session.rung, now_s)
        self.limit.note(session.cause, now_s)
        self._log.report(session, "failed", Level.ERROR, detail=effect.detail)
        if session.attempt >= self._plan.attempts_per_rung:
            self._next_rung(session, f"failed: {effect.detail}")
            return
        wait_s = self._plan.backoff.wait_s(session.attempt, self._random)
        session.due_s = now_s + wait_s
        session.attempt += 1

    # Verifying.

    def _verify(self, session: HealingSession, snapshot: SwarmSnapshot | None) -> None:
        now_s = self._clock.monotonic_s()
        held = None if snapshot is None else self._holds(session, snapshot)
        if held:
            session.held_s = now_s if session.held_s is None else session.held_s
            if now_s - session.held_s >= self._lasting_s(session):
                self._worked(session)
                return
        else:
            session.held_s = None
            if held is False or now_s >= (session.deadline_s or now_s):
                self._measured(session, worked=False)
                self._next_rung(session, "acted, post-condition does not hold")
                return
        session.due_s = now_s + self._plan.poll_s

    def _holds(self, session: HealingSession, snapshot: SwarmSnapshot) -> bool | None:
        """Ask the check that found the issue, on evidence from after the action."""
        finding = session.finding
        acted_s = session.opened_s if session.acted_s is None else session.acted_s
        if finding.issue == IssueKind.POISONED_TASK:
            return _is_set_aside(finding.cause, snapshot)
        check = self._checks.get(finding.check)
        if check is None:
            return None
        try:
            recovered = check.recovered(finding, snapshot, acted_s)
            if not recovered:
                return recovered
            result = check.measure(snapshot)
        except Exception as error:  # noqa: BLE001 - a broken check proves no recovery
            self._log.broken(finding.check, error)
            return None
        return None if result.finds(finding.cause) else True

    def _lasting_s(self, session: HealingSession) -> float:
        """Seconds for which a post-condition must hold: one interval of its check."""
        if session.finding.issue == IssueKind.POISONED_TASK:
            return 0.0
        check = self._checks.get(session.finding.check)
        return 0.0 if check is None else check.plan.interval_s

    def _worked(self, session: HealingSession) -> None:
        self._measured(session, worked=True)
        session.worked = session.rung
        session.tried.append(f"{session.rung}: worked")
        session.phase = Phase.SUCCESS
        if session.finding.issue == IssueKind.POISONED_TASK:
            session.phase = Phase.HANDED_OVER  # a person decides what becomes of it

    def _measured(self, session: HealingSession, *, worked: bool) -> None:
        issue, delay = session.finding.issue, delay_of(session.finding, self._plan)
        self._learnings.note(issue, session.rung, delay, worked)
        session.measured.append((session.rung, worked))
        learning = self._learnings.sentence(issue, session.rung, delay)
        self._log.record(
            session,
            EffectOutcome.ACTED,
            worked=worked,
            learning=learning if worked else None,
        )

    def _next_rung(
        self, session: HealingSession, why: str, *, escalate: bool = True
    ) -> None:
        session.tried.append(f"{session.rung}: {why}")
        rest = session.rungs[1:]
        if session.restarts and not session.finding.is_gone:
            # The agent was restarted already: that is not done again.
            rest = tuple(rung for rung in rest if rung.reach is not Reach.AGENT)
        if not rest:
            session.phase = Phase.HANDED_OVER
            if session.preventive:
                session.phase = Phase.ABANDONED
            return
        session.rungs = rest
        session.attempt = 1
        session.phase = Phase.ACTING
        session.due_s = self._clock.monotonic_s()
        if escalate:
            self._log.report(session, "escalated", Level.ERROR)

    # Closing.

    async def _close(self, session: HealingSession, snapshot: SwarmSnapshot) -> None:
        session.closed_s = self._clock.monotonic_s()
        if session.phase is Phase.HANDED_OVER:
            await self._stand_down(session, snapshot)
            self._journal.hand_over(session.cause, session.finding.issue)
            self._handed_over(session.cause, session.closed_s)
        self._journal.save(session)
        self._journal.release(session.cause)
        self._journal.prune()
        self._sessions.under_way.pop(session.cause, None)
        self._sessions.ended[session.phase] += 1
        self._sessions.closed.append(session)
        if session.phase is Phase.SUCCESS:
            self._log.report(session, "success", Level.SUCCESS)
        elif session.phase is Phase.HANDED_OVER:
            self._log.report(session, "escalated", Level.ERROR, detail="to a person")

    async def _stand_down(
        self, session: HealingSession, snapshot: SwarmSnapshot
    ) -> None:
        """Take an agent that restarts did not heal out of the swarm.

        Its tasks go back to the queue. At least half of the agents keep working: where
        so many cannot be healed, the fault is not theirs.
        """
        recurred = session.finding.is_gone and not session.preventive
        if session.finding.slot is None or not (session.restarts or recurred):
            return
        if session.finding.evidence.get("why") == "waited for":
            return
        stood_down = self._journal.stood_down()
        if 2 * (len(stood_down) + 1) > len(snapshot.agents) + len(stood_down):
            return
        key = f"{session.session_id}:{STAND_DOWN}"
        effect = await self._carry_out(session, key, STAND_DOWN)
        session.tried.append(f"{STAND_DOWN}: {effect.detail}")


def _is_set_aside(cause: str, snapshot: SwarmSnapshot) -> bool | None:
    """Whether a task is kept from every agent, or no longer there."""
    if snapshot.tasks is None:
        return None
    name = cause.partition(":")[2]
    task = next((t for t in snapshot.tasks if t.task_id == name), None)
    if task is None:
        return True
    return True if task.status is TaskStatus.SET_ASIDE else None
