"""Post-conditions: what must be seen after an action before it counts as a success."""

from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.checks import LEAST_WAIT_S
from toolkit.runtime.healing.issues import IssueKind
from toolkit.runtime.healing.swarm import ActivityKind, SwarmSnapshot, TaskStatus

__all__ = ["holds"]

SETTLE_S = 45.0
"""A repaired entry must stay repaired for one interval of its check."""

TOUCHED = frozenset({ActivityKind.START, ActivityKind.FINISH, ActivityKind.STEP})


def holds(finding: Finding, snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    """Measure whether what was found is mended, on evidence from after the action.

    Parameters
    ----------
    finding : Finding
        What was wrong.
    snapshot : SwarmSnapshot
        What is seen now, with the activity since the action.
    acted_s : float
        When the action took effect.

    Returns
    -------
    bool or None
        `None` while it cannot be told yet; an answer of `False` is final.
    """
    kind, _, name = finding.cause.partition(":")
    if kind == "agent":
        return _agent_works(finding, name, snapshot, acted_s)
    if kind == "key":
        return _entry_stays(name, snapshot, acted_s)
    if kind == "task":
        return _task_is_owned(name, snapshot, acted_s)
    if kind == "store":
        return _store_takes_writes(snapshot, acted_s)
    return _swarm_progresses(snapshot, acted_s)


def _agent_works(
    finding: Finding, slot: str, snapshot: SwarmSnapshot, acted_s: float
) -> bool | None:
    agent = snapshot.agent(slot)
    if agent is None or agent.alive is False:
        return False
    spoke = agent.active_s is not None and agent.active_s > acted_s
    waited_for = any(other.waiting_for == slot for other in snapshot.agents)
    if finding.issue is IssueKind.PERFORMANCE_DEGRADATION:
        return _agent_keeps_up(slot, snapshot, acted_s)
    if spoke and not waited_for:
        return True
    idle = agent.operation_type is None and not any(
        task.status is TaskStatus.QUEUED for task in snapshot.tasks or ()
    )
    started_anew = agent.since_s >= acted_s
    return True if idle and started_anew and not waited_for else None


def _agent_keeps_up(slot: str, snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    agent = snapshot.agent(slot)
    if agent is None:
        return False
    if agent.memory_share is not None and agent.memory_share > MEMORY_LEFT:
        return None
    if any(act.slot == slot and act.storage for act in snapshot.since(acted_s)):
        return None
    finished = any(
        act.slot == slot and act.kind is ActivityKind.FINISH
        for act in snapshot.since(acted_s)
    )
    quick = agent.operation_s is None or snapshot.at_s - agent.operation_s <= (
        agent.expected_s or LEAST_WAIT_S
    )
    begun = any(act.slot == slot for act in snapshot.since(acted_s))
    idle = agent.operation_type is None and not any(
        task.status is TaskStatus.QUEUED for task in snapshot.tasks or ()
    )
    renewed = agent.since_s >= acted_s
    return True if quick and (finished or (renewed and (begun or idle))) else None


def _entry_stays(key: str, snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    if snapshot.entries is None:
        return None
    entry = next((e for e in snapshot.entries if e.key == key), None)
    if entry is None or not entry.consistent:
        return None if snapshot.at_s <= acted_s else False
    return True if snapshot.at_s - acted_s >= SETTLE_S else None


def _task_is_owned(
    task_id: str, snapshot: SwarmSnapshot, acted_s: float
) -> bool | None:
    if snapshot.tasks is None:
        return None
    task = next((t for t in snapshot.tasks if t.task_id == task_id), None)
    if task is None:
        return True
    if task.status is TaskStatus.QUEUED and task.since_s >= acted_s:
        # Nobody's again: whoever is free takes it, under a new token.
        return None if task.runners else True
    single = task.status is TaskStatus.RUNNING and task.runners == (task.owner,)
    return True if single else None


def _store_takes_writes(snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    since = snapshot.since(acted_s)
    finished = any(act.kind is ActivityKind.FINISH for act in since)
    if finished and not any(act.storage for act in since):
        return True
    return None


def _swarm_progresses(snapshot: SwarmSnapshot, acted_s: float) -> bool | None:
    done = sum(act.kind is ActivityKind.FINISH for act in snapshot.since(acted_s))
    if snapshot.tasks is not None and not snapshot.tasks:
        return True
    return True if done >= len(snapshot.agents) else None


MEMORY_LEFT = 0.5
