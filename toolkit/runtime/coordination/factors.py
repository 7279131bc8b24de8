"""The five factors of an agent's efficiency, from the figures of its window."""

from dataclasses import dataclass

from toolkit.policies.rules import EfficiencyWeights
from toolkit.runtime.coordination.counts import unpack

__all__ = ["FACTORS", "Factors", "frequency_factor", "latency_factor", "tallied"]

FACTORS = (
    "operation_frequency",
    "memory_consistency",
    "coordination_latency",
    "duplicate_work",
    "hook_compliance",
)
"""In the order of the specification, section 2."""


Tally = tuple[float, float, int, float | None, float | None, float | None]
"""What `weighed` makes of a window's counts."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Five numbers, 0 to 1 with 1 good; `None` is absent, not bad.

    Examples
    --------
    >>> Factors(1.0, None, 0.5, None, None).absent
    ('memory_consistency', 'duplicate_work', 'hook_compliance')
    >>> Factors(1.0, None, 0.5, None, None).below(0.6)
    ('coordination_latency',)
    """

    operation_frequency: float | None
    memory_consistency: float | None
    coordination_latency: float | None
    duplicate_work: float | None
    hook_compliance: float | None

    @property
    def values(self) -> tuple[float | None, ...]:
        """The five in the order of `FACTORS`."""
        return (
            self.operation_frequency,
            self.memory_consistency,
            self.coordination_latency,
            self.duplicate_work,
            self.hook_compliance,
        )

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the factors that nothing was observed of."""
        named = zip(FACTORS, self.values, strict=True)
        return tuple(name for name, value in named if value is None)

    def below(self, floor: float) -> tuple[str, ...]:
        """Name the factors that are known and under a floor."""
        named = zip(FACTORS, self.values, strict=True)
        return tuple(n for n, value in named if value is not None and value < floor)


def frequency_factor(expected_gap: float, mean_gap: float) -> float | None:
    """Observed rate / expected rate, at most 1.

    Parameters
    ----------
    expected_gap, mean_gap : float
        Expected gap, and mean gap over the window, in one unit; 0 or more.

    Returns
    -------
    float or None
        `None` where both are 0: everything happened at one instant.

    Examples
    --------
    >>> frequency_factor(2.0, 4.0), frequency_factor(2.0, 1.0)
    (0.5, 1.0)
    """
    if expected_gap >= mean_gap:
        return 1.0 if expected_gap > 0 else None
    return expected_gap / mean_gap


def latency_factor(budget_s: float, median_s: float) -> float:
    """One half where the median wait equals the budget.

    Examples
    --------
    >>> latency_factor(1.0, 3.0)
    0.25
    """
    return budget_s / (budget_s + median_s)


def tallied(packed: int) -> tuple[float | None, float | None, float | None]:
    """Memory consistency, duplicate work and hook compliance of a window's counts.

    Examples
    --------
    >>> from toolkit.runtime.coordination.counts import KEYED, OPERATION, READ
    >>> tallied(4 * (OPERATION + KEYED + READ))
    (1.0, 1.0, None)
    """
    counts = unpack(packed)
    accesses = counts.reads + counts.writes
    stale = counts.stale_reads + counts.stale_writes
    return (
        1.0 - stale / accesses if accesses else None,
        1.0 - counts.duplicates / counts.operations if counts.keyed else None,
        counts.hooked / counts.hooks_known if counts.hooks_known else None,
    )


def weighed(packed: int, weights: EfficiencyWeights) -> Tally:
    """Sum what the tallied factors add to a score.

    Returns
    -------
    tuple
        Sum of weight x factor, sum of the weights, number of factors present; then
        the three factors themselves.

    Examples
    --------
    >>> from toolkit.runtime.coordination.counts import KEYED, OPERATION, READ
    >>> weighed(4 * (OPERATION + KEYED + READ), EfficiencyWeights())
    (0.4, 0.4, 2, 1.0, 1.0, None)
    """
    memory, duplicates, hooks = tallied(packed)
    parts = (
        (memory, weights.memory_consistency),
        (duplicates, weights.duplicate_work),
        (hooks, weights.hook_compliance),
    )
    present = [(value, weight) for value, weight in parts if value is not None]
    return (
        sum(value * weight for value, weight in present),
        sum(weight for _, weight in present),
        len(present),
        memory,
        duplicates,
        hooks,
    )
