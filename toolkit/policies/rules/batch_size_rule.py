"""The specification's batch-size rule (section 1), verbatim: a baseline to beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from toolkit.errors import UsageError
from toolkit.policies import Reason
from toolkit.policies.rules.rounding import round_half_up

__all__ = [
    "OPTIMUMS",
    "BatchSizeAnswer",
    "BatchSizeOptimum",
    "BatchSizeRule",
    "BatchSizeThresholds",
    "system_load",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeOptimum:
    """Sizes of one operation type, in operations: minimum <= optimal <= maximum."""

    minimum: int
    optimal: int
    maximum: int


OPTIMUMS: Mapping[str, BatchSizeOptimum] = MappingProxyType(
    {
        "todoWrite": BatchSizeOptimum(minimum=5, optimal=10, maximum=20),
        "taskSpawning": BatchSizeOptimum(minimum=3, optimal=6, maximum=12),
        "fileOperations": BatchSizeOptimum(minimum=3, optimal=8, maximum=15),
        "shell": BatchSizeOptimum(minimum=1, optimal=3, maximum=10),
    }
)
"""The specification's sizes (section 1); `shell` is from the definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeThresholds:
    """When the rule moves and how far (specification, section 1); all ratios.

    An unknown load counts as `unknown_load`: between the thresholds, it leaves the size
    alone.
    """

    high_load: float = 0.8
    low_load: float = 0.4
    shrink: float = 0.7
    grow: float = 1.3
    high_complexity: float = 0.7
    unknown_load: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeAnswer:
    """A recommended size with the step that set it.

    Attributes
    ----------
    batch_size : int
        Operations in one batch.
    reason : Reason
    """

    batch_size: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeRule:
    """Start from the type's optimum, shrink under load, grow when idle.

    Load exactly at a threshold, and complexity exactly at its threshold, change
    nothing: the comparisons are strict (definitions, section 1).

    Parameters
    ----------
    optimums : mapping of str to BatchSizeOptimum
    thresholds : BatchSizeThresholds

    Examples
    --------
    >>> rule = BatchSizeRule()
    >>> rule.recommend(
    ...     operation_type="todoWrite", system_load=0.9, coordination_complexity=0.2
    ... ).batch_size
    7
    >>> rule.recommend(
    ...     operation_type="fileOperations",
    ...     system_load=0.1,
    ...     coordination_complexity=0.9,
    ... ).batch_size
    8
    """

    optimums: Mapping[str, BatchSizeOptimum] = field(default_factory=lambda: OPTIMUMS)
    thresholds: BatchSizeThresholds = field(default_factory=BatchSizeThresholds)

    def recommend(
        self,
        *,
        operation_type: str,
        system_load: float,
        coordination_complexity: float,
    ) -> BatchSizeAnswer:
        """Recommend a batch size.

        Parameters
        ----------
        operation_type : str
            One of `optimums`.
        system_load : float
            Utilisation of the busiest resource, 0 to 1.
        coordination_complexity : float
            0 to 1.

        Returns
        -------
        BatchSizeAnswer
            A whole size, and the step that set it.

        Raises
        ------
        UsageError
            For an operation type without a rule.
        """
        optimum = self.optimums.get(operation_type)
        if optimum is None:
            raise UsageError.unknown(
                "operation type", operation_type, sorted(self.optimums)
            )
        size, code = self._for_load(optimum, system_load)
        if coordination_complexity > self.thresholds.high_complexity:
            if size > optimum.optimal:
                code = "high_complexity"
            size = min(size, float(optimum.optimal))
        facts = {
            "load": system_load,
            "complexity": coordination_complexity,
            "optimal": float(optimum.optimal),
        }
        return BatchSizeAnswer(
            batch_size=round_half_up(size), reason=Reason(code=code, facts=facts)
        )

    def _for_load(self, optimum: BatchSizeOptimum, load: float) -> tuple[float, str]:
        size = float(optimum.optimal)
        if load > self.thresholds.high_load:
            return max(size * self.thresholds.shrink, optimum.minimum), "high_load"
        if load < self.thresholds.low_load:
            return min(size * self.thresholds.grow, optimum.maximum), "low_load"
        return size, "optimal_size"


def system_load(
    *, cpu: float | None = None, memory: float | None = None, io: float | None = None
) -> float:
    """Utilisation of the busiest known resource (definitions, `calculateSystemLoad`).

    Parameters
    ----------
    cpu, memory, io : float or None
        Utilisations; each is clipped to 0..1, unknown ones are left out.

    Raises
    ------
    UsageError
        Where none is known: that is not the same as idle.

    Examples
    --------
    >>> system_load(cpu=0.3, memory=0.6)
    0.6
    """
    known = [value for value in (cpu, memory, io) if value is not None]
    if not known:
        raise UsageError(
            "no utilisation is known; give at least one of `cpu`, `memory`, `io`"
        )
    return max(min(max(value, 0.0), 1.0) for value in known)
