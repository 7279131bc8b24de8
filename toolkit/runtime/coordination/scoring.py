"""An agent's factors and score, from its window."""

from toolkit.policies.rules import EfficiencyScore
from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.factors import (
    Factors,
    Tally,
    frequency_factor,
    latency_factor,
    weighed,
)

__all__ = ["Scoring"]

CACHE = 4096
"""Finished sums of factors kept, by window counts."""
FEWEST_FACTORS = 3
"""Fewer make no score (definitions, section 2)."""


class Scoring:
    """Scores agents: what the counts say is looked up, the rest is worked out.

    Parameters
    ----------
    score : EfficiencyScore
        The weights of the five factors.
    wait_budget_s : float
        Median wait at which the latency factor is one half.
    """

    __slots__ = ("_budget", "_frequency_weight", "_latency_weight", "_sums", "_weights")

    def __init__(self, score: EfficiencyScore, *, wait_budget_s: float) -> None:
        self._weights = score.weights
        self._frequency_weight = score.weights.operation_frequency
        self._latency_weight = score.weights.coordination_latency
        self._budget = wait_budget_s
        self._sums: dict[int, Tally] = {}

    def score(self, me: AgentRecord) -> float | None:
        """Weigh the factors of an agent, 0 to 1; `None` with fewer than three."""
        sums = self._sums.get(me.packed) or self._sum(me.packed)
        total, weight, present, _, _, _ = sums
        expected = me.gap_total
        if expected > 0.0:
            expected /= me.gap_weight
            mean_gap = me.mean_gap()
            share = self._frequency_weight
            weight += share
            present += 1
            total += share if expected >= mean_gap else share * expected / mean_gap
        if me.ordered_waits:
            median = me.median_wait_s()
            budget, share = self._budget, self._latency_weight
            weight += share
            present += 1
            total += share * (budget / (budget + median))  # type: ignore[operator]  # there are waits
        if present < FEWEST_FACTORS:
            return None
        score = total / weight
        return 1.0 if score > 1.0 else score  # the last bit of a rounded sum

    def factors(self, me: AgentRecord) -> Factors:
        """Work out the five factors of an agent."""
        sums = self._sums.get(me.packed) or self._sum(me.packed)
        _, _, _, memory, duplicates, hooks = sums
        frequency = latency = None
        if me.operations > 1:
            frequency = frequency_factor(me.gap_total / me.gap_weight, me.mean_gap())
        if (median := me.median_wait_s()) is not None:
            latency = latency_factor(self._budget, median)
        return Factors(frequency, memory, latency, duplicates, hooks)

    def _sum(self, packed: int) -> Tally:
        if len(self._sums) >= CACHE:
            self._sums.clear()
        self._sums[packed] = sums = weighed(packed, self._weights)
        return sums
