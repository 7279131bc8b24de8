"""The checks of performance: progress against the plan, and memory headroom."""

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.check_plans import RESOURCE_HEADROOM, WORKFLOW_PROGRESS
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.responsiveness import (
    LEAST_WAIT_S,
    is_free_to_idle,
    silence_s,
)
from toolkit.runtime.healing.swarm import ActivityKind, AgentState, SwarmSnapshot

__all__ = ["ResourceHeadroom", "WorkflowProgress"]

LEAST_PLANNED = 10
"""A share of fewer planned tasks than this says more about chance than about progress."""

LEAST_FAILURES = 3
"""Failed writes before the store is found."""

FREED_SHARE = 0.5
"""Memory that an agent must have left again after a treatment."""


@dataclass(frozen=True, slots=True)
class WorkflowProgress:
    """Tasks completed / tasks that the plan has completed by now.

    A single agent is judged by the work in its hand: planned time / time spent, where
    it says that the work goes on; a wait for a lock is not its own time. A store whose
    writes fail explains every delay.
    """

    plan: CheckPlan = WORKFLOW_PROGRESS

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Compare what is done with what was planned."""
        findings = list(self._store(snapshot)) or list(self._slow(snapshot))
        planned = snapshot.planned or 0
        if snapshot.completed is None or planned < LEAST_PLANNED:
            value, evidence = None, "not enough of a plan to compare with"
        else:
            value = min(1.0, snapshot.completed / planned)
            evidence = f"{snapshot.completed} of {planned} planned tasks completed"
        # A wait for a lock is its holder's delay, which another check finds.
        explained = findings or any(agent.waiting_for for agent in snapshot.agents)
        if value is not None and value < self.plan.threshold and not explained:
            why = {"why": "behind the plan"}
            findings.append(self.plan.finding("swarm", value, why))
        return self.plan.result(snapshot, value, evidence, findings)

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether work is finished again since the action."""
        if finding.cause == "store":
            return _store_takes_writes(snapshot, acted_s)
        if finding.slot is not None:
            return _keeps_up(finding.slot, snapshot, acted_s)
        done = sum(act.kind is ActivityKind.FINISH for act in snapshot.since(acted_s))
        if snapshot.tasks is not None and not snapshot.tasks:
            return True
        return True if done >= max(1, len(snapshot.agents)) else None

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
            spent_s = _worked_s(agent, agent.operation_s, snapshot)
            value = agent.expected_s / max(spent_s, agent.expected_s)
            fresh = silence_s(agent, snapshot.at_s) <= LEAST_WAIT_S
            if value < self.plan.threshold and fresh and spent_s > LEAST_WAIT_S:
                yield self.plan.finding(
                    f"agent:{agent.slot}",
                    value,
                    {"why": "slow"},
                    agent_id=agent.agent_id,
                    task_id=agent.task_id,
                )


@dataclass(frozen=True, slots=True)
class ResourceHeadroom:
    """Share of its memory that the fullest agent has left.

    Ours: an agent that grows is killed by the kernel in the end, and its trend says so
    before.
    """

    plan: CheckPlan = RESOURCE_HEADROOM

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Find the agent with the least memory left."""
        left = {
            agent.slot: max(0.0, 1 - agent.memory_share)
            for agent in snapshot.agents
            if agent.memory_share is not None
        }
        if not left:
            return self.plan.result(snapshot, None, "no agent's memory can be seen")
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

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether the agent has memory again; one that is gone is refuted."""
        agent = snapshot.agent(finding.slot or "")
        if agent is None or agent.alive is False:
            return False
        if snapshot.at_s <= acted_s or agent.memory_share is None:
            return None
        return True if agent.memory_share <= FREED_SHARE else None


def _keeps_up(slot: str, snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    agent = snapshot.agent(slot)
    if agent is None or agent.alive is False:
        return False
    since = [act for act in snapshot.since(acted_s) if act.slot == slot]
    if any(act.storage for act in since):
        return None
    finished = any(act.kind is ActivityKind.FINISH for act in since)
    quick = agent.operation_s is None or _worked_s(
        agent, agent.operation_s, snapshot
    ) <= (agent.expected_s or LEAST_WAIT_S)
    renewed = agent.since_s >= acted_s
    begun = renewed and (bool(since) or is_free_to_idle(agent, snapshot))
    return True if quick and (finished or begun) else None


def _worked_s(agent: AgentState, begun_s: float, snapshot: SwarmSnapshot) -> float:
    """Seconds since it took up its work, without those in which it waited for a lock."""
    acts = [act for act in snapshot.since(begun_s) if act.slot == agent.slot]
    ends_s = [act.at_s for act in acts[1:]] + [snapshot.at_s]
    waited_s = sum(
        end_s - act.at_s
        for act, end_s in zip(acts, ends_s, strict=False)
        if act.kind is ActivityKind.WAIT
    )
    return snapshot.at_s - begun_s - waited_s


def _store_takes_writes(snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    since = snapshot.since(acted_s)
    finished = any(act.kind is ActivityKind.FINISH for act in since)
    failing = any(act.storage for act in since)
    return True if finished and not failing else None
