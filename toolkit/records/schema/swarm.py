"""What agents do to each other, how busy a host is, and how issues are healed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.records.schema.base import Record
from toolkit.records.schema.rules import Outcome, Provenance, bounded, counted

__all__ = ["CoordinationEvent", "LoadSample", "Recovery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationEvent(Record):
    """One operation of one agent, as the others could see it."""

    kind: ClassVar[str] = "coordination"

    agent_id: str
    operation: str
    action: str
    """`read`, `write`, `spawn` or `message`."""
    session_id: str | None = None
    memory_key: str | None = None
    """Keyed hash of the key or path; never the name itself."""
    duration_s: float | None = bounded(0)
    waited_s: float | None = bounded(0)
    outcome: Outcome = Outcome.UNKNOWN
    version_seen: int | None = counted()
    """Version of the key that a read returned, or that a write's author had seen."""
    version: int | None = counted()
    """Version of the key after the event."""
    has_pre_event: bool | None = None
    has_post_event: bool | None = None
    batch_id: str | None = None
    workflow_id: str | None = None
    """Record id of the wave that a spawn belongs to."""
    spawned_id: str | None = None
    """The agent that a spawn began, as its turns and batches name it."""

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:
        """Rank a copy that saw the end first, then a clocked one, then one with a wave."""
        ended = row["outcome"] is not Outcome.UNKNOWN
        clocked = row["provenance"] is Provenance.MEASURED
        return ended * 4 + clocked * 2 + ("workflow_id" in row)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample(Record):
    """How busy a host was."""

    kind: ClassVar[str] = "load"

    host: str
    cpu: float | None = bounded(0)
    """Load average / cores, or utilisation; exceeds 1 on an overloaded machine."""
    memory: float | None = bounded(0, 1)
    io: float | None = bounded(0, 1)
    memory_total_bytes: int | None = bounded(0, 2**60)
    memory_used_bytes: int | None = bounded(0, 2**60)
    cpu_cores: int | None = bounded(1, 1e6)
    uptime_s: float | None = bounded(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery(Record):
    """One attempt to heal one issue."""

    kind: ClassVar[str] = "recovery"

    issue: str
    rung: str
    action: str
    severity: str | None = None
    healing_id: str | None = None
    """The healing session that this attempt belongs to."""
    agent_id: str | None = None
    session_id: str | None = None
    operation_type: str | None = None
    attempt: int | None = bounded(1, 1e6)
    silent_s: float | None = bounded(0)
    detect_s: float | None = bounded(0)
    duration_s: float | None = bounded(0)
    outcome: Outcome = Outcome.UNKNOWN
    """How the action itself ended."""
    post_condition: bool | None = None
    """Whether what the action was for was then observed; `None` is not known."""
    learning: str | None = None

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:
        """Rank an attempt whose post-condition was measured before one begun."""
        ended = row["outcome"] is not Outcome.UNKNOWN
        return ("post_condition" in row) * 2 + ended
