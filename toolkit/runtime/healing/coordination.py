"""The check of coordination: lost and doubled tasks, long waits, deadlocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.check_plans import COORDINATION_EFFICIENCY
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.responsiveness import LEAST_WAIT_S
from toolkit.runtime.healing.swarm import (
    AgentState,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
)

__all__ = ["CoordinationEfficiency", "wait_cycles"]

CLAIM_LIMIT_S = 60.0
"""An assigned task that was not begun in this time has not reached its owner."""


@dataclass(frozen=True, slots=True)
class CoordinationEfficiency:
    """Whether every task has one owner that works on it, and no wait lasts.

    Of agents that wait for each other in a circle, one is found: the one that began its
    work last, so that least work is lost.

    Parameters
    ----------
    score : callable, optional
        The coordination monitor's overall score, 0 to 1 or `None`; without a monitor
        the value is the share of well-coordinated tasks.
    """

    score: Callable[[], float | None] | None = None
    plan: CheckPlan = COORDINATION_EFFICIENCY

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Look for lost and doubled ownership, long waits and wait cycles."""
        findings = tuple({f.cause: f for f in self._findings(snapshot)}.values())
        value = self.score() if self.score is not None else None
        if value is None and snapshot.tasks:
            held = [t for t in snapshot.tasks if t.owner is not None]
            value = max(0.0, 1 - len(findings) / len(held)) if held else None
        if value is None and not findings:
            return self.plan.result(snapshot, None, "no coordination can be seen")
        return self.plan.result(
            snapshot, value, f"{len(findings)} causes of lost or doubled work", findings
        )

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether the task has one owner, or no agent waits for this one any more."""
        kind, _, name = finding.cause.partition(":")
        if kind == "task":
            return _is_owned(name, snapshot, acted_s)
        if kind != "agent":
            return True if snapshot.at_s > acted_s else None
        agent = snapshot.agent(name)
        if agent is None or agent.alive is False:
            return False
        waited_for = any(other.waiting_for == name for other in snapshot.agents)
        waits = agent.waiting_for is not None
        return None if waited_for or waits or snapshot.at_s <= acted_s else True

    def _findings(self, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        for task in snapshot.tasks or ():
            yield from self._of_task(task, snapshot)
        cycles = wait_cycles(snapshot)
        circular = {agent.slot for cycle in cycles for agent in cycle}
        for cycle in cycles:
            yield from self._of_cycle(cycle)
        for agent in snapshot.agents:
            if agent.slot not in circular:
                yield from self._of_wait(agent, circular)

    def _of_task(self, task: TaskState, snapshot: SwarmSnapshot) -> Iterator[Finding]:
        age_s = snapshot.at_s - task.since_s
        if task.status is TaskStatus.ASSIGNED and _is_overdue(task, snapshot):
            value = min(1.0, CLAIM_LIMIT_S / max(age_s, 1.0))
            yield from self._if_low(f"task:{task.task_id}", value, "not begun")
        if len(task.runners) > 1:
            value = 1 / len(task.runners)
            yield from self._if_low(f"task:{task.task_id}", value, "done twice")

    def _of_cycle(self, cycle: tuple[AgentState, ...]) -> Iterator[Finding]:
        waits_s = min(_waits_s(agent) for agent in cycle)
        value = LEAST_WAIT_S / max(waits_s, LEAST_WAIT_S)
        victim = max(cycle, key=lambda agent: (agent.operation_s or 0.0, agent.slot))
        if value < self.plan.threshold:
            yield self.plan.finding(
                f"agent:{victim.slot}",
                value,
                {"why": "deadlock", "cycle": ",".join(a.slot for a in cycle)},
                agent_id=victim.agent_id,
                task_id=victim.task_id,
                first_rung="task_redistribution",
            )

    def _of_wait(self, agent: AgentState, circular: set[str]) -> Iterator[Finding]:
        holder = agent.waiting_for
        if holder is None or holder == agent.slot or holder in circular:
            return  # a circle explains what queues behind it
        value = LEAST_WAIT_S / max(_waits_s(agent), LEAST_WAIT_S)
        yield from self._if_low(f"agent:{holder}", value, "waited for")

    def _if_low(self, cause: str, value: float, why: str) -> Iterator[Finding]:
        if value < self.plan.threshold:
            yield self.plan.finding(cause, value, {"why": why})


def wait_cycles(snapshot: SwarmSnapshot) -> tuple[tuple[AgentState, ...], ...]:
    """List the circles of agents that wait for each other, each once.

    Examples
    --------
    >>> def waiter(slot, holder):
    ...     return AgentState(
    ...         agent_id=slot,
    ...         slot=slot,
    ...         alive=True,
    ...         since_s=0.0,
    ...         active_s=1.0,
    ...         waiting_for=holder,
    ...         waiting_s=0.0,
    ...     )
    >>> agents = (waiter("a1", "a2"), waiter("a2", "a1"), waiter("a3", "a1"))
    >>> snapshot = SwarmSnapshot(at_s=1.0, agents=agents)
    >>> [[agent.slot for agent in cycle] for cycle in wait_cycles(snapshot)]
    [['a1', 'a2']]
    """
    ahead = {
        a.slot: a for a in snapshot.agents if a.waiting_for and a.alive is not False
    }
    cycles: dict[frozenset[str], tuple[AgentState, ...]] = {}
    for slot in ahead:
        path = [slot]
        while (following := ahead[path[-1]].waiting_for) in ahead:
            if following in path:
                circle = sorted(path[path.index(following) :])
                cycles[frozenset(circle)] = tuple(ahead[name] for name in circle)
                break
            path.append(str(following))
    return tuple(cycle for circle, cycle in cycles.items() if len(circle) > 1)


def _waits_s(agent: AgentState) -> float:
    """Seconds of a wait up to the agent's own last sign: a stopped process waits no more."""
    if agent.waiting_s is None:
        return 0.0
    return (agent.active_s or agent.waiting_s) - agent.waiting_s


def _is_overdue(task: TaskState, snapshot: SwarmSnapshot) -> bool:
    """Whether the owner had a chance to begin a task, and did not.

    Agents read their messages before they take from the queue: the message is lost
    where its owner is idle, or has taken something from the queue since.
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


def _is_owned(task_id: str, snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    if snapshot.tasks is None:
        return None
    task = next((t for t in snapshot.tasks if t.task_id == task_id), None)
    if task is None or task.status is TaskStatus.SET_ASIDE:
        return True
    if task.status is TaskStatus.QUEUED and task.since_s >= acted_s:
        return None if task.runners else True
    single = task.status is TaskStatus.RUNNING and task.runners == (task.owner,)
    return True if single else None
