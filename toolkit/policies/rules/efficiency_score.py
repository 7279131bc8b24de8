"""The specification's weighted efficiency score of an agent (section 2)."""

from dataclasses import dataclass, field

from toolkit.errors import NotEnoughDataError

__all__ = ["EfficiencyScore", "EfficiencyWeights"]

FEWEST_FACTORS = 3
"""With fewer factors there is no score (definitions, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyWeights:
    """Weights of the five factors (specification, section 2); they sum to 1."""

    operation_frequency: float = 0.20
    memory_consistency: float = 0.25
    coordination_latency: float = 0.20
    duplicate_work: float = 0.15
    hook_compliance: float = 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyScore:
    """Weighted mean of the factors that are present, weights renormalised.

    Examples
    --------
    >>> EfficiencyScore().score(
    ...     operation_frequency=1.0,
    ...     memory_consistency=1.0,
    ...     coordination_latency=0.5,
    ...     duplicate_work=1.0,
    ...     hook_compliance=1.0,
    ... )
    0.9
    >>> EfficiencyScore().score(
    ...     operation_frequency=1.0, memory_consistency=1.0, coordination_latency=0.5
    ... )
    0.846
    """

    weights: EfficiencyWeights = field(default_factory=EfficiencyWeights)

    def score(
        self,
        *,
        operation_frequency: float | None = None,
        memory_consistency: float | None = None,
        coordination_latency: float | None = None,
        duplicate_work: float | None = None,
        hook_compliance: float | None = None,
    ) -> float:
        """Score an agent, 0 to 1; every factor is 0 to 1 with 1 good, `None` absent.

        Parameters
        ----------
        operation_frequency : float, optional
            Observed rate over the expected one, at most 1.
        memory_consistency : float, optional
            1 less the share of reads and writes of shared keys that were stale.
        coordination_latency : float, optional
            One half where the median wait equals its budget, 1 without a wait.
        duplicate_work : float, optional
            1 less the share of operations that repeat another agent's.
        hook_compliance : float, optional
            Share of the operations with known hooks that called them.

        Returns
        -------
        float
            Weighted mean of the factors that are present.

        Raises
        ------
        NotEnoughDataError
            With fewer than three factors.
        """
        w = self.weights
        pairs = (
            (operation_frequency, w.operation_frequency),
            (memory_consistency, w.memory_consistency),
            (coordination_latency, w.coordination_latency),
            (duplicate_work, w.duplicate_work),
            (hook_compliance, w.hook_compliance),
        )
        present = [(value, weight) for value, weight in pairs if value is not None]
        if len(present) < FEWEST_FACTORS:
            raise NotEnoughDataError(
                "an efficiency score",
                got=len(present),
                needed=FEWEST_FACTORS,
                unit="factors",
            )
        total = 0.0
        for value, weight in present:
            total += value * weight
        if len(present) == len(pairs):
            return total
        return total / sum(weight for _, weight in present)
