"""Agents that take turns at shared keys, and what each has seen of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from toolkit.records import CoordinationEvent, Outcome, Provenance, record_id

__all__ = ["CoordinationTruth", "KeyVersions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationTruth:
    """What governs the coordination events.

    Parameters
    ----------
    agents, keys : int
        Agents that work, and keys they share; at least 2 agents.
    write_share, duplicate_rate, stale_rate, failure_rate, hook_rate : float
        Probability that an operation writes; that it repeats what another agent just
        did; that a read returns an older version; that it fails; that it has both its
        events. 0 to 1.
    gap_s, wait_s : float
        Mean time between two events of the swarm, and mean wait of one.
    """

    agents: int = 4
    keys: int = 12
    write_share: float = 0.4
    duplicate_rate: float = 0.05
    stale_rate: float = 0.02
    failure_rate: float = 0.05
    hook_rate: float = 0.95
    gap_s: float = 2.0
    wait_s: float = 0.2


@dataclass(slots=True)
class KeyVersions:
    """The keys' versions while events are emitted.

    Parameters
    ----------
    truth : CoordinationTruth
    draw : numpy.random.Generator
    seed : int
        Names the records.
    source : str
        Becomes the `source` of every record.
    start : datetime
        Before the first event; aware, UTC.
    """

    truth: CoordinationTruth
    draw: np.random.Generator
    seed: int
    source: str
    start: datetime
    versions: dict[str, int] = field(default_factory=dict)

    def emit(self, n: int) -> Iterator[CoordinationEvent]:
        """Emit `n` events in the order of their time."""
        at = self.start
        last: tuple[str, str, str] | None = None
        for number in range(n):
            at += timedelta(seconds=float(self.draw.exponential(self.truth.gap_s)))
            agent = f"agent-{int(self.draw.integers(self.truth.agents))}"
            action, key = self._next(agent, last)
            last = agent, action, key
            yield self._event(number, at, agent, action, key)

    def _next(self, agent: str, last: tuple[str, str, str] | None) -> tuple[str, str]:
        repeats = self.draw.random() < self.truth.duplicate_rate
        writes = self.draw.random() < self.truth.write_share
        key = f"key-{int(self.draw.integers(self.truth.keys))}"
        if repeats and last is not None and last[0] != agent:
            return last[1], last[2]
        return "write" if writes else "read", key

    def _event(
        self, number: int, at: datetime, agent: str, action: str, key: str
    ) -> CoordinationEvent:
        newest = self.versions.get(key, 0)
        stale = newest > 0 and self.draw.random() < self.truth.stale_rate
        failed = self.draw.random() < self.truth.failure_rate
        writes = action == "write" and not failed
        if writes:
            self.versions[key] = newest + 1
        waited_s = float(self.draw.exponential(self.truth.wait_s))
        return CoordinationEvent(
            record_id=record_id(self.source, str(self.seed), "event", str(number)),
            at=at,
            source=self.source,
            provenance=Provenance.SIMULATED,
            agent_id=agent,
            operation="Write" if action == "write" else "Read",
            action=action,
            session_id=f"simulated-{self.seed}",
            memory_key=key,
            duration_s=waited_s + float(self.draw.exponential(0.1)),
            waited_s=waited_s,
            outcome=Outcome.FAILED if failed else Outcome.SUCCEEDED,
            version_seen=newest - int(stale),
            version=newest + int(writes),
            has_pre_event=True,
            has_post_event=bool(self.draw.random() < self.truth.hook_rate),
        )
