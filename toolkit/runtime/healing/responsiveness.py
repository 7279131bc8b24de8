"""The check of responsiveness: dead, silent and halting agents."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.check_plans import AGENT_RESPONSIVENESS
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.silence import SilenceThresholds
from toolkit.runtime.healing.swarm import (
    ActivityKind,
    AgentState,
    SwarmSnapshot,
    TaskStatus,
)

__all__ = ["AgentResponsiveness", "has_progressed", "is_free_to_idle", "silence_s"]

LEAST_WAIT_S = 60.0
"""A task that has waited in the queue for less is no agent's debt."""

LEAST_HALTS = 3
LEAST_RETURNS = 3

PROGRESS = frozenset({ActivityKind.START, ActivityKind.STEP, ActivityKind.FINISH})
"""Activity that shows work; an answer to a reminder or a wait for a lock does not."""


@dataclass(frozen=True, slots=True)
class AgentResponsiveness:
    """Share of agents with work that were active within the usual silence of that work.

    An agent without work owes no sign of life, and neither does one that waits for a
    person, a child or a background job. An agent whose process is gone is found
    whatever its silence; so is one that halts again and again for longer than its work
    explains, and one that takes tasks and gives them back.

    Parameters
    ----------
    silences : SilenceThresholds
    """

    silences: SilenceThresholds
    plan: CheckPlan = AGENT_RESPONSIVENESS

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Judge each agent by its own activity."""
        judged = [agent for agent in snapshot.agents if _owes_a_sign(agent, snapshot)]
        halted = self._halted_shares(snapshot)
        findings, active = [], 0
        for agent in judged:
            silent_s = silence_s(agent, snapshot.at_s)
            allowance_s = self._allowance_s(agent)
            active += agent.alive is not False and silent_s <= allowance_s
            finding = self._gone_or_silent(agent, silent_s, allowance_s)
            finding = finding or self._halting(agent, halted.get(agent.slot, 0.0))
            if finding is not None:
                findings.append(finding)
        found = {finding.cause for finding in findings}
        findings += [f for f in self._returning(snapshot) if f.cause not in found]
        return self.plan.result(
            snapshot,
            active / len(judged) if judged else None,
            f"{active} of {len(judged)} agents with work active in their time",
            findings,
        )

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether the agent lives and has worked since the action, or may be idle."""
        agent = snapshot.agent(finding.slot or "")
        if agent is None or agent.alive is False:
            return False
        if any(other.waiting_for == agent.slot for other in snapshot.agents):
            return None
        if has_progressed(agent, snapshot, acted_s):
            return True
        renewed = agent.since_s >= acted_s
        return True if renewed and is_free_to_idle(agent, snapshot) else None

    def _allowance_s(self, agent: AgentState) -> float:
        operation = agent.operation_type
        if agent.active_s is None:
            operation = "start"
        return self.silences.allowance_s(operation, expected_s=agent.expected_s)

    def _gone_or_silent(
        self, agent: AgentState, silent_s: float, allowance_s: float
    ) -> Finding | None:
        gone = agent.alive is False
        value = 0.0 if gone else min(1.0, allowance_s / max(silent_s, 1e-9))
        if value >= self.plan.threshold:
            return None
        return self.plan.finding(
            f"agent:{agent.slot}",
            value,
            {
                "process": "gone" if gone else "silent",
                "operation": agent.operation_type or "none",
            },
            silent_s=silent_s,
            allowance_s=allowance_s,
            agent_id=agent.agent_id,
            task_id=agent.task_id,
            first_rung="spawn_replacement" if gone else None,
        )

    def _halted_shares(self, snapshot: SwarmSnapshot) -> dict[str, float]:
        """Share of each agent's working time spent in silences its work does not explain."""
        halted: dict[str, list[float]] = defaultdict(list)
        worked: dict[str, float] = defaultdict(float)
        living = {agent.agent_id for agent in snapshot.agents}
        for act in snapshot.activity:
            if act.gap_s is None or act.gap_of in (None, "start"):
                continue
            if act.agent_id not in living or not self.silences.is_known(act.gap_of):
                continue
            worked[act.slot] += act.gap_s
            if act.gap_s > self.silences.allowance_s(act.gap_of):
                halted[act.slot].append(act.gap_s)
        return {
            slot: sum(gaps) / worked[slot]
            for slot, gaps in halted.items()
            if len(gaps) >= LEAST_HALTS
        }

    def _halting(self, agent: AgentState, share: float) -> Finding | None:
        if 1.0 - share >= self.plan.threshold:
            return None
        return self.plan.finding(
            f"agent:{agent.slot}",
            1.0 - share,
            {"why": "halts", "operation": agent.operation_type or "none"},
            agent_id=agent.agent_id,
            task_id=agent.task_id,
            first_rung="spawn_replacement",
        )

    def _returning(self, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        """Find agents that give back what they take and finish little."""
        returns: dict[str, int] = defaultdict(int)
        finished: dict[str, int] = defaultdict(int)
        for act in snapshot.activity:
            returns[act.agent_id] += act.kind is ActivityKind.RETURN
            finished[act.agent_id] += act.kind is ActivityKind.FINISH
        for agent in snapshot.agents:
            given_back, done = returns[agent.agent_id], finished[agent.agent_id]
            if given_back < LEAST_RETURNS:
                continue
            value = done / (done + given_back)
            if value < self.plan.threshold:
                yield self.plan.finding(
                    f"agent:{agent.slot}",
                    value,
                    {"why": "gives tasks back"},
                    agent_id=agent.agent_id,
                    first_rung="spawn_replacement",
                )


def silence_s(agent: AgentState, now_s: float) -> float:
    """Seconds since an agent's own last activity, or since it was started."""
    last_s = agent.since_s if agent.active_s is None else agent.active_s
    return max(0.0, now_s - last_s)


def has_progressed(agent: AgentState, snapshot: SwarmSnapshot, since_s: float) -> bool:
    """Whether an agent has shown work after a moment.

    A source without activity is judged by the agent's last sign.
    """
    if not snapshot.activity:
        return agent.active_s is not None and agent.active_s > since_s
    return any(
        act.slot == agent.slot and act.kind in PROGRESS
        for act in snapshot.since(since_s)
    )


def is_free_to_idle(agent: AgentState, snapshot: SwarmSnapshot) -> bool:
    """Whether an agent has nothing in hand and nothing waits in the queue."""
    return agent.operation_type is None and not any(
        task.status is TaskStatus.QUEUED for task in snapshot.tasks or ()
    )


def _owes_a_sign(agent: AgentState, snapshot: SwarmSnapshot) -> bool:
    """Whether an agent has work: in hand, or left waiting in the queue."""
    if agent.alive is False:
        return True
    if agent.waits_on is not None:
        return False
    if agent.operation_type is not None:
        return True
    queued = [t for t in snapshot.tasks or () if t.status is TaskStatus.QUEUED]
    return any(snapshot.at_s - task.since_s > LEAST_WAIT_S for task in queued)
