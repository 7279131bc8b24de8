"""The operations that one agent issued together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.records.schema.base import Observed
from toolkit.records.schema.rules import (
    Provenance,
    Served,
    Timing,
    bounded,
    counted,
    required,
)

__all__ = ["MEASURED_MARK", "Batch"]

MEASURED_MARK = 8 << 3
"""The bit of a batch's completeness that says it was clocked."""

_BEFORE_SERVED = {"shadow:": Served.SHADOW, "declined:": Served.DECLINED}
"""What version 1 wrote before a policy's name, and what it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Observed):
    """The operations one agent issued together.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> batch = Batch(
    ...     record_id="b1",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.MEASURED,
    ...     operation_type="fileOperations",
    ...     size=3,
    ...     cycle_s=1.5,
    ...     succeeded=3,
    ...     failed=0,
    ...     cancelled=0,
    ... )
    >>> Batch.from_json(batch.to_json()) == batch
    True
    >>> batch.cost_s
    0.5
    """

    kind: ClassVar[str] = "batch"

    operation_type: str
    size: int = required(1, 1e6)
    calls: int | None = bounded(1, 1e6)
    """Tool calls in the message; differs from `size` where one call holds many todos."""
    agent_id: str | None = None
    """`main` for a session's own thread, else the subagent's id."""
    turn_id: str | None = None
    """Record id of the turn that issued it."""
    previous_id: str | None = None
    """Record id of the same agent's batch before it; unknown for the first one."""
    context_id: str | None = None
    """Rows that share it differ in the chosen size only: it was measured in full, or
    drawn by chance within one session and cell of an advice table."""
    read_share: float | None = bounded(0, 1)
    timing: Timing | None = None
    """Whose times are recorded: each call's own, or the whole batch's (then the sum, the
    longest and the median of the operations are unknown, and so is the parallelism)."""
    cycle_s: float | None = bounded(0)
    """From the previous result to this batch's last result."""
    execution_s: float | None = bounded(0)
    """From the first call to the last result."""
    turn_s: float | None = bounded(0)
    """The part of the cycle before the first call: the latency that batching shares."""
    waiting_s: float | None = bounded(0)
    """Time spent waiting for a person or for a lock, inside the cycle."""
    operations_s: float | None = bounded(0)
    """Sum of the operations' own durations."""
    longest_s: float | None = bounded(0)
    median_s: float | None = bounded(0)
    censored: bool | None = None
    """True where a person or a sleeping machine was part of the interval."""
    succeeded: int | None = counted()
    failed: int | None = counted()
    cancelled: int | None = counted()
    """Operations without success that did not fail themselves: the next three, added."""
    siblings: int | None = counted()
    """Given up because another call of the batch failed."""
    refused: int | None = counted()
    """Not allowed by a person."""
    interrupted: int | None = counted()
    """Stopped by a person, or by the end of the session, while at work."""
    background: int | None = counted()
    """Calls that returned while their work went on."""
    needs_previous: int | None = counted()
    """Calls with an identifier that the previous batch's results showed and nothing
    before them did. The three counts are unknown for an agent's first batch and where a
    result's text is missing."""
    mentioned_by_previous: int | None = counted()
    """Calls with an identifier that occurs in those results, also if known before."""
    known_before: int | None = counted()
    """Calls of which every identifier was in the context before those results."""
    call_characters: int | None = counted()
    """Length of the calls' arguments, added."""
    result_characters: int | None = counted()
    """Length of the results' texts, added; known only afterwards."""
    context_tokens: int | None = bounded(0, 1e12)
    """Tokens in front of the model when it issued the batch."""
    previous_operation_type: str | None = None
    """Operation type of the batch before, `none` for an agent's first one."""
    previous_failed: bool | None = None
    """Whether a call of the batch before failed."""
    previous_characters: int | None = counted()
    """Length of the results of the batch before."""
    prompted: bool | None = None
    """A person, or who set the agent its task, wrote since the batch before."""
    parallelism: float | None = bounded(0, 1)
    workers: int | None = bounded(1, 1e6)
    memory_delta_bytes: int | None = bounded(-(2**60), 2**60)
    operation_bytes: float | None = bounded(0)
    """Mean payload of one operation, known before it runs."""
    failure_rate: float | None = bounded(0, 1)
    """Share of operations expected to fail, known before the batch runs."""
    load_cpu: float | None = bounded(0, 1)
    load_memory: float | None = bounded(0, 1)
    load_io: float | None = bounded(0, 1)
    active_agents: int | None = bounded(0, 1e6)
    coordination_complexity: float | None = bounded(0, 1)
    numbers: Mapping[str, float] | None = None
    """Declared context columns that hold numbers, by name."""
    categories: Mapping[str, str] | None = None
    """Declared context columns that hold categories, by name."""
    policy: str | None = None
    policy_version: str | None = None
    propensity: float | None = bounded(0, 1)
    served: Served | None = None
    """What became of the policy's decision."""

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:
        """Rank by operations whose end it saw, then those it saw, who clocked it, rest.

        Then whether its turn and its data flow are known, then the batch before it and
        how many of its durations: a file that begins in the middle of a session does
        not know the batch before its first, nor the wait.
        """
        get = row.get
        ended = (get("succeeded") or 0) + (get("failed") or 0) + (get("cancelled") or 0)
        seen: int = ended * 1_000_000 + row["size"]
        measured = row["provenance"] is Provenance.MEASURED
        joined = ("turn_id" in row) * 2 + ("known_before" in row)
        times = (
            ("cycle_s" in row)
            + ("execution_s" in row)
            + ("turn_s" in row)
            + ("previous_id" in row)
            + ("operations_s" in row)
            + ("longest_s" in row)
            + ("median_s" in row)
        )
        return seen * 128 + measured * MEASURED_MARK + joined * 8 + times

    @property
    def agent_chose(self) -> bool:
        """Whether the agent chose the size in spite of, or without hearing, a decision.

        The decision and its propensity are recorded all the same; they are not the
        chance that this size had.
        """
        return self.served in (Served.SHADOW, Served.DECLINED)

    @property
    def cost_s(self) -> float | None:
        """Seconds per successful operation of this batch alone; `None` if unknown.

        The cost of a *policy* is a ratio of expectations (definitions, section 1), so
        average cycles and successes, never these quotients.
        """
        if self.cycle_s is None or not self.succeeded:
            return None
        return self.cycle_s / self.succeeded

    @classmethod
    def upgrade(cls, row: dict[str, Any]) -> None:
        """Turn the prefixes of version 1 before a policy's name into `served`.

        Parameters
        ----------
        row : dict
            Changed in place.

        Examples
        --------
        >>> row = {"policy": "shadow:guarded"}
        >>> Batch.upgrade(row)
        >>> row == {"policy": "guarded", "served": Served.SHADOW}
        True
        """
        policy = row.get("policy")
        if not isinstance(policy, str):
            return
        for prefix, served in _BEFORE_SERVED.items():
            if policy.startswith(prefix):
                row["policy"] = policy.removeprefix(prefix)
                row.setdefault("served", served)
