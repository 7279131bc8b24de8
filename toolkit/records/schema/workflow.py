"""A task and the agents that worked on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.records.schema.base import Observed
from toolkit.records.schema.rules import Outcome, bounded, counted, required

__all__ = ["Workflow"]

MAX_TOKENS = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow(Observed):
    """A wave of agents, or a task that one agent did alone.

    An importer's workflow is a *wave*: runs of one parent that overlap in time
    (review, section 5). `agents` is then the most runs alive at once.
    """

    kind: ClassVar[str] = "workflow"

    agents: int = required(1, 1e6)
    form: str | None = None
    """`foreground`, `background`, `team`, `workflow` or `mixed` for runs that a client
    recorded; `task` for what one agent did alone."""
    turn_id: str | None = None
    """Record id of the turn that began it."""
    components: float | None = bounded(0)
    dependencies: float | None = bounded(0)
    parallelizable: float | None = bounded(0, 1)
    coordination_needs: float | None = bounded(0, 1)
    component_s: float | None = bounded(0)
    """Mean working time of one component, as estimated before the run."""
    component_cv: float | None = bounded(0)
    """Coefficient of variation of the components' working times, estimated before."""
    critical_path_share: float | None = bounded(0, 1)
    """Longest dependency chain / components."""
    context_id: str | None = None
    strategy: str | None = None
    memory_structure: str | None = None
    makespan_s: float | None = bounded(0)
    agent_seconds: float | None = bounded(0)
    """Sum of what the runs took; unknown where one of them is not known."""
    waiting_s: float | None = bounded(0)
    censored: bool | None = None
    """True where a person or a sleeping machine was part of the makespan."""
    runs: int | None = bounded(0, 1e6)
    """Agent runs, whatever became of them: the next four, added."""
    runs_succeeded: int | None = counted()
    runs_failed: int | None = counted()
    runs_refused: int | None = counted()
    """Not allowed by a person, not begun by the client, or given up for a sibling."""
    runs_unfinished: int | None = counted()
    """Begun, and no end is recorded."""
    runs_measured: int | None = counted()
    """Runs whose own replies are in the history: tokens and money below are theirs."""
    calls: int | None = counted()
    """Tool calls of the runs, as far as recorded."""
    turns: int | None = counted()
    """Replies of the measured runs."""
    input_tokens: int | None = bounded(0, MAX_TOKENS)
    cache_read_tokens: int | None = bounded(0, MAX_TOKENS)
    cache_write_tokens: int | None = bounded(0, MAX_TOKENS)
    output_tokens: int | None = bounded(0, MAX_TOKENS)
    declared_tokens: int | None = bounded(0, MAX_TOKENS)
    """What the client itself says the runs used; some clients count the last request."""
    money_usd: float | None = bounded(0)
    """List price of the measured runs' tokens; unknown where a reply is unpriced."""
    price_basis: str | None = None
    memory_bytes: int | None = bounded(0, 2**60)
    """The most memory that its agents held at once; known where who ran them says so."""
    tasks_succeeded: int | None = counted()
    tasks_failed: int | None = counted()
    outcome: Outcome = Outcome.UNKNOWN
    cpu_cores: int | None = bounded(1, 1e6)
    load_cpu: float | None = bounded(0, 1)
    load_memory: float | None = bounded(0, 1)
    load_io: float | None = bounded(0, 1)
    numbers: Mapping[str, float] | None = None
    """Declared context columns that hold numbers, by name."""
    categories: Mapping[str, str] | None = None
    """Declared context columns that hold categories, by name."""
    policy: str | None = None
    policy_version: str | None = None
    propensity: float | None = bounded(0, 1)

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:
        """Rank a copy first that saw more runs end, then one that knows its makespan."""
        ended: int = sum(
            row.get(name) or 0
            for name in ("runs_succeeded", "runs_failed", "runs_refused")
        )
        known = ("makespan_s" in row) * 2
        return ended * 4 + known + (row["outcome"] is not Outcome.UNKNOWN)
