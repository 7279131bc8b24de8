"""Snapshots of a swarm: agents, activity, tasks and memory at one moment.

The pool of local processes, a live record spool and a test all answer with a
`SwarmSnapshot`; what a source cannot see is `None`, never empty. Times are seconds of a
monotonic clock, so that a jump of the wall clock makes no agent look silent.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = [
    "Activity",
    "ActivityKind",
    "AgentState",
    "EntryState",
    "MissingResult",
    "Swarm",
    "SwarmSnapshot",
    "TaskState",
    "TaskStatus",
    "WaitsOn",
]


class ActivityKind(StrEnum):
    """Kinds of activity; each is written by the agent itself."""

    START = "start"
    STEP = "step"
    FINISH = "finish"
    REFUSED = "refused"
    """A result that was refused: its fencing token was no longer current."""
    WAIT = "wait"
    FAIL = "fail"
    DROP = "drop"
    ANSWER = "answer"
    RETURN = "return"
    """A task given back to the queue without a result."""


class WaitsOn(StrEnum):
    """Whom or what an agent waits for; while it does, it owes no sign of life."""

    PERSON = "person"
    CHILD = "child"
    BACKGROUND = "background"


class TaskStatus(StrEnum):
    """State of an unfinished task."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    RUNNING = "running"
    SET_ASIDE = "set_aside"
    """Kept from every agent until a person has looked at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """State of one agent.

    Attributes
    ----------
    agent_id : str
    slot : str
        Place in the swarm: a replacement has another id and the same slot.
    alive : bool or None
        Whether its process runs; `None` where that cannot be seen.
    since_s : float
        When it was started.
    active_s : float or None
        Its last own activity; `None` before the first.
    operation_type : str or None
        What it has in hand; `None` when idle.
    operation_s : float or None
        When it took that in hand.
    expected_s : float or None
        How long that was planned to take.
    task_id : str or None
        The task that it has in hand.
    waits_on : WaitsOn or None
    owned : int
        Unfinished tasks that are its own.
    waiting_for : str or None
        Slot of the agent whose lock it waits for.
    waiting_s : float or None
        Since when it has waited for that one without a break.
    memory_share : float or None
        Resident memory beyond its start / what it may have, 0 to 1 and above.
    """

    agent_id: str
    slot: str
    alive: bool | None
    since_s: float
    active_s: float | None
    operation_type: str | None = None
    operation_s: float | None = None
    expected_s: float | None = None
    task_id: str | None = None
    waits_on: WaitsOn | None = None
    owned: int = 0
    waiting_for: str | None = None
    waiting_s: float | None = None
    memory_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One sign of life that an agent gave itself.

    Attributes
    ----------
    slot, agent_id : str
    at_s : float
    kind : ActivityKind
    operation_type : str or None
        What the agent had in hand.
    gap_s : float or None
        Silence before it; `None` where the agent had nothing to do.
    gap_of : str or None
        What the agent had in hand during that silence; `start` before its first sign.
    task_id : str or None
    storage : bool
        Whether it failed because the store could not be written.
    """

    slot: str
    agent_id: str
    at_s: float
    kind: ActivityKind
    operation_type: str | None = None
    gap_s: float | None = None
    gap_of: str | None = None
    task_id: str | None = None
    storage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """One unfinished task.

    Attributes
    ----------
    task_id : str
    status : TaskStatus
    owner : str or None
        Slot of its owner.
    since_s : float
        When it reached this status.
    by_message : bool
        Whether it reached its owner by a message, not from the queue.
    runners : tuple of str
        Slots seen at work on it and not yet done, its owner or not.
    """

    task_id: str
    status: TaskStatus
    owner: str | None
    since_s: float
    by_message: bool = False
    runners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryState:
    """One entry of the shared memory.

    Attributes
    ----------
    key : str
    consistent : bool
        Whether its value is the newest committed version, unharmed.
    writer : str or None
        Slot that wrote the value found there.
    """

    key: str
    consistent: bool
    writer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingResult:
    """A result that was reported as finished and is not where it should be.

    Attributes
    ----------
    task_id : str
    slot : str
        Agent that reported it.
    at_s : float
        When it did.
    """

    task_id: str
    slot: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSnapshot:
    """State of a swarm at one moment.

    Attributes
    ----------
    at_s : float
    agents : tuple of AgentState
        Those that are meant to work; retired ones are gone.
    activity : tuple of Activity
        In the order of time, since the moment asked for.
    tasks : tuple of TaskState or None
        The unfinished ones; `None` where tasks cannot be seen.
    entries : tuple of EntryState or None
        `None` where the shared memory cannot be seen.
    completed, planned : int or None
        Tasks completed, and tasks that the plan has completed by now.
    missing : tuple of MissingResult or None
        Reported results that cannot be found; `None` where that cannot be compared.
    """

    at_s: float
    agents: tuple[AgentState, ...]
    activity: tuple[Activity, ...] = ()
    tasks: tuple[TaskState, ...] | None = None
    entries: tuple[EntryState, ...] | None = None
    completed: int | None = None
    planned: int | None = None
    missing: tuple[MissingResult, ...] | None = None

    def agent(self, slot: str) -> AgentState | None:
        """Find the agent in a slot.

        Parameters
        ----------
        slot : str

        Returns
        -------
        AgentState or None

        Examples
        --------
        >>> agent = AgentState(
        ...     agent_id="a1", slot="a1", alive=True, since_s=0.0, active_s=None
        ... )
        >>> SwarmSnapshot(at_s=1.0, agents=(agent,)).agent("a1").alive
        True
        """
        return next((agent for agent in self.agents if agent.slot == slot), None)

    def since(self, start_s: float) -> tuple[Activity, ...]:
        """List the activity after a moment.

        Parameters
        ----------
        start_s : float
            Seconds on the swarm's clock, not included.

        Returns
        -------
        tuple of Activity
        """
        return tuple(act for act in self.activity if act.at_s > start_s)


class Swarm(Protocol):
    """A source of snapshots."""

    def snapshot(self, since_s: float) -> SwarmSnapshot:
        """Take a snapshot, with the activity after `since_s`.

        Parameters
        ----------
        since_s : float
            Seconds on the swarm's monotonic clock.

        Returns
        -------
        SwarmSnapshot
            What cannot be seen is `None` or empty, never a default.
        """
        ...
