"""How long agents are usually silent, learned for each type of operation."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from toolkit.runtime.healing.swarm import Activity
from toolkit.stats import RollingQuantile

__all__ = ["SilenceThresholds"]

LEAST_ALLOWANCE_S = 60.0
"""Definitions, section 4: at least 60 s, whatever an agent's own gaps say."""

QUANTILE = 0.95
KEPT_GAPS = 500
ENOUGH_GAPS = 20
"""A 95th percentile of fewer gaps than this is their maximum: no quantile at all."""


class SilenceThresholds:
    """Gaps between an agent's own signs of life, by what it had in hand and by agent.

    Examples
    --------
    >>> book = SilenceThresholds()
    >>> for second in range(100):
    ...     book.learn("build", "a1", 200.0 + second)
    >>> round(book.allowance_s("build", "a1"))
    294
    >>> book.allowance_s("edit", "a2")
    60.0
    """

    def __init__(self) -> None:
        self._by_operation: dict[str, RollingQuantile] = {}
        self._by_agent: dict[str, RollingQuantile] = {}
        self._raw: dict[str, list[float]] = {}

    def learn(self, operation: str, slot: str, gap_s: float) -> None:
        """Note one gap, ended by the agent itself."""
        for book, name in ((self._by_operation, operation), (self._by_agent, slot)):
            if name not in book:
                book[name] = RollingQuantile(QUANTILE, window=KEPT_GAPS)
            book[name].update(gap_s)
        raw = self._raw.setdefault(operation, [])
        raw.append(gap_s)
        del raw[:-KEPT_GAPS]

    def learn_all(self, activity: Iterable[Activity]) -> None:
        """Note the gaps of a stretch of activity."""
        for act in activity:
            if act.gap_s is not None and act.gap_of is not None:
                self.learn(act.gap_of, act.slot, act.gap_s)

    def allowance_s(self, operation: str | None, slot: str) -> float:
        """Silence that what an agent has in hand explains, in seconds, at least 60.

        The 95th percentile of the operation's own gaps where enough are known, else of
        the agent's.
        """
        known = self._by_operation.get(operation or "")
        if known is None or known.count < ENOUGH_GAPS:
            known = self._by_agent.get(slot)
        if known is None or known.count < ENOUGH_GAPS:
            return LEAST_ALLOWANCE_S
        return max(LEAST_ALLOWANCE_S, known.get())

    def save(self, path: Path) -> None:
        """Write the gaps of every operation type."""
        path.write_text(json.dumps(self._raw))

    @classmethod
    def load(cls, path: Path) -> "SilenceThresholds":
        """Read what `save` wrote."""
        raw: Mapping[str, list[float]] = json.loads(path.read_text())
        book = cls()
        for operation, gaps in raw.items():
            for gap_s in gaps:
                book.learn(operation, "", gap_s)
        return book
