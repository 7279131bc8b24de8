"""Patterns: batch sizes that were used, and what they cost, kept for the next plan."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.policies import Floats
from toolkit.policies.adaptation import Adaptation, AdaptationSettings
from toolkit.records import Spool
from toolkit.runtime.planning.quantity import require_quantity

__all__ = ["Pattern", "adapted_size", "observed_cost_s", "read_patterns"]

FOLDER = "patterns"
NEAR = 0.25
"""How far beyond the observed sizes a cost is still taken from the nearest, as a share."""

MOST_RUNS = 50
"""Batches that one pattern counts for at most: the next run must be able to differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How the batches of one operation type went in one stretch of work.

    Attributes
    ----------
    operation_type : str
    batches : int
        At least 1.
    mean_size : float
        Operations in a batch, above 0.
    cost_s : float
        Seconds per successful operation, as a ratio of sums, above 0.
    success : float or None
        Share of the operations that succeeded, 0 to 1.
    """

    operation_type: str
    batches: int
    mean_size: float
    cost_s: float
    success: float | None = None

    def __post_init__(self) -> None:
        """Check every number against its range."""
        require_quantity("batches", self.batches, low=1)
        require_quantity("mean_size", self.mean_size, low=1e-9)
        require_quantity("cost_s", self.cost_s, low=1e-12)
        require_quantity("success", self.success, high=1.0)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


def read_patterns(store: Path) -> list[Pattern]:
    """Read the patterns of a store: what a plan captured and `post-task` saved.

    Rows without a cost, or that are no patterns, are passed over.

    Parameters
    ----------
    store : path

    Returns
    -------
    list of Pattern
        In the order they were saved; empty without a store.

    Examples
    --------
    >>> import tempfile
    >>> read_patterns(Path(tempfile.mkdtemp()))
    []
    """
    if not (store / FOLDER).is_dir():
        return []
    return [
        pattern
        for line in Spool(store / FOLDER).lines()
        if (pattern := _pattern(line.row or {})) is not None
    ]


def adapted_size(
    patterns: Iterable[Pattern],
    sizes: Floats,
    decided: float,
    *,
    settings: AdaptationSettings,
    history: Floats | None = None,
) -> float:
    """Correct a decided size by what patterns of that operation type cost.

    The same posterior that adapts a running swarm: a size is left only where the
    patterns show another one to be cheaper.

    Parameters
    ----------
    patterns : iterable of Pattern
        In the order of time.
    sizes : array of shape (n,)
        On offer, ascending.
    decided : float
        The ladder's answer.
    settings : AdaptationSettings
    history : array of shape (n,), optional
        Predicted log cost of each size.

    Examples
    --------
    >>> sizes = np.array([2.0, 4.0, 8.0])
    >>> found = [
    ...     Pattern(operation_type="edit", batches=30, mean_size=8, cost_s=2.0),
    ...     Pattern(operation_type="edit", batches=30, mean_size=4, cost_s=0.5),
    ... ]
    >>> adapted_size(found, sizes, 8.0, settings=AdaptationSettings())
    4.0
    """
    adaptation = Adaptation(settings, sizes)
    base = int(np.argmin(np.abs(sizes - decided)))
    answer = base
    for pattern in patterns:
        place = int(np.argmin(np.abs(sizes - pattern.mean_size)))
        for _ in range(min(pattern.batches, MOST_RUNS)):
            adaptation.observe(
                place,
                spent=pattern.cost_s * pattern.mean_size,
                done=pattern.mean_size,
                operations=settings.every,
                history=history,
            )
            answer = adaptation.answer(base, history)
    return decided if answer == base else float(sizes[answer])


def observed_cost_s(patterns: Iterable[Pattern], size: float) -> float | None:
    """Interpolate the cost of a size from patterns; `None` beyond those observed.

    Examples
    --------
    >>> known = Pattern(operation_type="edit", batches=30, mean_size=8, cost_s=2.0)
    >>> observed_cost_s([known], 8.0), observed_cost_s([known], 2.0)
    (2.0, None)
    """
    operations: dict[float, float] = {}
    spent_s: dict[float, float] = {}
    for each in patterns:
        held = each.batches * each.mean_size
        operations[each.mean_size] = operations.get(each.mean_size, 0.0) + held
        spent_s[each.mean_size] = spent_s.get(each.mean_size, 0.0) + held * each.cost_s
    sizes = sorted(operations)
    if not sizes or not sizes[0] * (1 - NEAR) <= size <= sizes[-1] * (1 + NEAR):
        return None
    costs = [math.log(spent_s[each] / operations[each]) for each in sizes]
    return math.exp(np.interp(math.log(size), np.log(sizes), costs))


def _pattern(row: Mapping[str, Any]) -> Pattern | None:
    try:
        return Pattern(
            operation_type=str(row["operation_type"]),
            batches=int(row["batches"]),
            mean_size=float(row["mean_size"]),
            cost_s=float(row["cost_s"]),
            success=None if row.get("success") is None else float(row["success"]),
        )
    except (KeyError, TypeError, ValueError, UsageError):
        return None
