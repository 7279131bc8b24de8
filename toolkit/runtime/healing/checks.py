"""The health checks: four of the specification, and one of ours for memory that grows.

Each looks at a `SwarmSnapshot` and answers with a `CheckResult`. The value is the specification's
share over the whole swarm; beside it each single cause has its own value on the same
scale, since one dead agent of ten would never bring the share below its threshold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.issues import IssueKind
from toolkit.runtime.healing.silence import SilenceThresholds
from toolkit.runtime.healing.swarm import (
    ActivityKind,
    AgentState,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
)

__all__ = [
    "AgentResponsiveness",
    "CheckPlan",
    "CoordinationEfficiency",
    "HealthCheck",
    "MemoryConsistency",
    "ResourceHeadroom",
    "WorkflowProgress",
]

CLAIM_LIMIT_S = 60.0
"""An assigned task that was not begun in this time has not reached its owner."""

LEAST_PLANNED = 10
"""A share of fewer planned tasks than this says more about chance than about progress."""

LEAST_FAILURES = 3
"""Failures of the store before it, and not one write, is called ill."""


class HealthCheck(Protocol):
    """Measures one thing; raises nothing for what it cannot see, but says unknown."""

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Measure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """When a check runs and what it is called.

    Attributes
    ----------
    name : str
    interval_s : float
    threshold : float
        Critical below it.
    issue : IssueKind
        What is wrong when it fails.
    """

    name: str
    interval_s: float
    threshold: float
    issue: IssueKind

    def result(
        self,
        snapshot: SwarmSnapshot,
        value: float | None,
        evidence: str,
        findings: Iterable[Finding] = (),
        *,
        weakest: str | None = None,
    ) -> CheckResult:
        """Answer for the moment of a snapshot; a value of `None` is *unknown*."""
        return CheckResult(
            check=self.name,
            at_s=snapshot.at_s,
            value=value,
            evidence=evidence,
            findings=tuple(findings),
            weakest=weakest,
        )

    def finding(
        self,
        cause: str,
        value: float,
        evidence: Mapping[str, str],
        *,
        silent_s: float | None = None,
        allowance_s: float | None = None,
    ) -> Finding:
        """Name a cause, with its value on the scale of this plan's threshold."""
        return Finding(
            issue=self.issue,
            cause=cause,
            value=value,
            threshold=self.threshold,
            silent_s=silent_s,
            allowance_s=allowance_s,
            evidence=evidence,
        )


@dataclass(frozen=True, slots=True)
class AgentResponsiveness:
    """Share of live agents that were active within their own usual silence.

    An agent with nothing to do owes no sign of life. One whose process is gone is ill
    whatever its silence.

    Parameters
    ----------
    gaps : SilenceThresholds
    """

    gaps: SilenceThresholds
    plan: CheckPlan = CheckPlan(
        name="agent_responsiveness",
        interval_s=30.0,
        threshold=0.5,
        issue=IssueKind.STUCK_AGENT,
    )

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Judge each agent by its own activity."""
        judged = [agent for agent in snapshot.agents if _owes_a_sign(agent, snapshot)]
        findings, active = [], 0
        for agent in judged:
            silent_s = silence_s(agent, snapshot.at_s)
            allowance_s = self._allowance_s(agent)
            active += agent.alive is not False and silent_s <= allowance_s
            value = _responsiveness(agent, silent_s, allowance_s)
            if value < self.plan.threshold:
                findings.append(self._finding(agent, value, silent_s, allowance_s))
        return self.plan.result(
            snapshot,
            active / len(judged) if judged else None,
            f"{active} of {len(judged)} agents with work active in their time",
            findings,
        )

    def _allowance_s(self, agent: AgentState) -> float:
        operation = agent.operation_type
        if agent.active_s is None:
            operation = "start"
        return self.gaps.allowance_s(operation, agent.slot)

    def _finding(
        self, agent: AgentState, value: float, silent_s: float, allowance_s: float
    ) -> Finding:
        # Who waits for another's lock says so, and is not silent: the holder is.
        state = "gone" if agent.alive is False else "silent"
        return self.plan.finding(
            f"agent:{agent.slot}",
            value,
            {"process": state, "operation": agent.operation_type or "none"},
            silent_s=silent_s,
            allowance_s=allowance_s,
        )


@dataclass(frozen=True, slots=True)
class MemoryConsistency:
    """Share of memory entries that are their newest committed version, unharmed."""

    plan: CheckPlan = CheckPlan(
        name="memory_consistency",
        interval_s=45.0,
        threshold=0.8,
        issue=IssueKind.MEMORY_INCONSISTENCY,
    )

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Compare every entry with its committed versions."""
        entries = snapshot.entries
        if not entries:
            return self.plan.result(
                snapshot, None, "no entry of the memory can be seen"
            )
        wrong = [entry for entry in entries if not entry.consistent]
        return self.plan.result(
            snapshot,
            1 - len(wrong) / len(entries),
            f"{len(entries) - len(wrong)} of {len(entries)} entries consistent",
            (
                self.plan.finding(
                    f"key:{entry.key}",
                    0.0,
                    {"slot": entry.writer} if entry.writer else {},
                )
                for entry in wrong
            ),
        )


@dataclass(frozen=True, slots=True)
class CoordinationEfficiency:
    """Whether tasks have one owner that works on them, and nobody waits for a lock.

    Parameters
    ----------
    score : callable, optional
        The coordination monitor's overall score, 0 to 1 or `None`; without a monitor
        the value is the share of well-coordinated tasks.
    """

    score: Callable[[], float | None] | None = None
    plan: CheckPlan = CheckPlan(
        name="coordination_efficiency",
        interval_s=60.0,
        threshold=0.6,
        issue=IssueKind.COORDINATION_BREAKDOWN,
    )

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Look for lost and doubled ownership and for long waits."""
        findings = tuple({f.cause: f for f in self._findings(snapshot)}.values())
        value = self.score() if self.score is not None else None
        if value is None and snapshot.tasks:
            held = [t for t in snapshot.tasks if t.status is not TaskStatus.QUEUED]
            value = max(0.0, 1 - len(findings) / len(held)) if held else None
        if value is None and not findings:
            return self.plan.result(snapshot, None, "no coordination can be seen")
        return self.plan.result(
            snapshot, value, f"{len(findings)} causes of lost or doubled work", findings
        )

    def _findings(self, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        for task in snapshot.tasks or ():
            age_s = snapshot.at_s - task.since_s
            if task.status is TaskStatus.ASSIGNED and self._overdue(task, snapshot):
                value = min(1.0, CLAIM_LIMIT_S / max(age_s, 1.0))
                yield from self._if_ill(f"task:{task.task_id}", value, "not begun")
            if len(task.runners) > 1:
                value = 1 / len(task.runners)
                yield from self._if_ill(f"task:{task.task_id}", value, "done twice")
        for agent in snapshot.agents:
            if agent.waiting_s is not None and agent.waiting_for != agent.slot:
                # Up to its own last word: who is stopped while waiting waits no more.
                waits_s = (agent.active_s or agent.waiting_s) - agent.waiting_s
                value = LEAST_WAIT_S / max(waits_s, LEAST_WAIT_S)
                yield from self._if_ill(
                    f"agent:{agent.waiting_for}", value, "waited for"
                )

    def _overdue(self, task: TaskState, snapshot: SwarmSnapshot) -> bool:
        """Whether the owner had a chance to begin it, and did not.

        Agents see to their messages before they take from the queue: the message is
        lost where its owner is idle, or has taken something from the queue since.
        """
        agent = None if task.owner is None else snapshot.agent(task.owner)
        if agent is None or agent.operation_s is None:
            return True
        return any(
            other.owner == task.owner
            and other.status is TaskStatus.RUNNING
            and not other.by_message
            and other.since_s - task.since_s > CLAIM_LIMIT_S / 2
            for other in snapshot.tasks or ()
        )

    def _if_ill(self, cause: str, value: float, why: str) -> Iterator[Finding]:
        if value < self.plan.threshold:
            yield self.plan.finding(cause, value, {"why": why})


@dataclass(frozen=True, slots=True)
class WorkflowProgress:
    """Tasks completed / tasks that the plan has completed by now.

    A single agent is judged by the work in its hand: planned time / time spent, where
    the work says that it is going on. A store whose writes fail holds everybody up.
    """

    plan: CheckPlan = CheckPlan(
        name="workflow_progress",
        interval_s=120.0,
        threshold=0.4,
        issue=IssueKind.PERFORMANCE_DEGRADATION,
    )

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Compare what is done with what was planned."""
        findings = list(self._store(snapshot)) or list(self._slow(snapshot))
        planned = snapshot.planned or 0
        if snapshot.completed is None or planned < LEAST_PLANNED:
            value, evidence = None, "not enough of a plan to compare with"
        else:
            value = min(1.0, snapshot.completed / planned)
            evidence = f"{snapshot.completed} of {planned} planned tasks completed"
        # Who waits for a lock is behind because of its holder, which another check names.
        explained = findings or any(agent.waiting_for for agent in snapshot.agents)
        if value is not None and value < self.plan.threshold and not explained:
            findings.append(
                self.plan.finding("swarm", value, {"why": "behind the plan"})
            )
        return self.plan.result(snapshot, value, evidence, findings)

    def _store(self, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        recent = snapshot.since(snapshot.at_s - self.plan.interval_s)
        failed = [act for act in recent if act.storage]
        done = sum(act.kind is ActivityKind.FINISH for act in recent)
        slots = {act.slot for act in failed}
        if len(failed) < LEAST_FAILURES:
            return
        value = done / (done + len(failed))
        if value < self.plan.threshold:
            busy = {act.slot for act in recent}
            alone = len(slots) == 1 and len(busy) > 1 and done > 0
            cause = f"agent:{slots.pop()}" if alone else "store"
            yield self.plan.finding(cause, value, {"why": "writes fail"})

    def _slow(self, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        recent = snapshot.since(snapshot.at_s - self.plan.interval_s)
        held_up = {act.slot for act in recent if act.storage}
        for agent in snapshot.agents:
            if agent.operation_s is None or not agent.expected_s:
                continue
            if agent.waiting_for or agent.slot in held_up:
                continue
            spent_s = snapshot.at_s - agent.operation_s
            value = agent.expected_s / max(spent_s, agent.expected_s)
            fresh = silence_s(agent, snapshot.at_s) <= LEAST_WAIT_S
            if value < self.plan.threshold and fresh and spent_s > LEAST_WAIT_S:
                yield self.plan.finding(f"agent:{agent.slot}", value, {"why": "slow"})


@dataclass(frozen=True, slots=True)
class ResourceHeadroom:
    """Share of its memory that the fullest agent has left.

    Ours: an agent that grows dies of it in the end, and its trend says so before.
    """

    plan: CheckPlan = CheckPlan(
        name="resource_headroom",
        interval_s=30.0,
        threshold=0.15,
        issue=IssueKind.PERFORMANCE_DEGRADATION,
    )

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Find the agent with the least memory left."""
        left = {
            agent.slot: max(0.0, 1 - agent.memory_share)
            for agent in snapshot.agents
            if agent.memory_share is not None
        }
        if not left:
            return self.plan.result(snapshot, None, "nobody's memory can be seen")
        fullest = min(left, key=lambda slot: left[slot])
        return self.plan.result(
            snapshot,
            left[fullest],
            f"{fullest} has the least memory left of {len(left)} agents",
            (
                self.plan.finding(f"agent:{slot}", share, {"why": "memory"})
                for slot, share in left.items()
                if share < self.plan.threshold
            ),
            weakest=f"agent:{fullest}",
        )


LEAST_WAIT_S = 60.0


def silence_s(agent: AgentState, now_s: float) -> float:
    """Seconds since an agent's own last sign of life, or since it was started."""
    last_s = agent.since_s if agent.active_s is None else agent.active_s
    return max(0.0, now_s - last_s)


def _owes_a_sign(agent: AgentState, snapshot: SwarmSnapshot) -> bool:
    """Whether an agent has work: in hand, or waiting for anybody to take it."""
    if agent.alive is False or agent.operation_type is not None:
        return True
    waiting = [t for t in snapshot.tasks or () if t.status is TaskStatus.QUEUED]
    return any(snapshot.at_s - task.since_s > CLAIM_LIMIT_S for task in waiting)


def _responsiveness(agent: AgentState, silent_s: float, allowance_s: float) -> float:
    if agent.alive is False:
        return 0.0
    return min(1.0, allowance_s / max(silent_s, 1e-9))
