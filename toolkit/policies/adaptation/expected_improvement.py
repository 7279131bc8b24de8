"""Own runs without history: a Gaussian process and expected improvement.

The line that a history must beat to be worth keeping.

References
----------
Jones, Schonlau and Welch, *Efficient global optimization of expensive black-box
functions*, Journal of Global Optimization 13 (1998). Matern kernel with smoothness 5/2:
Rasmussen and Williams (2006), 4.2.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from toolkit.policies import Floats

__all__ = ["grid_middle", "next_improving", "own_runs_only"]

LENGTH = 0.3
"""Length scale, in widths of the offered range."""
DECIMALS = 9
NOISE = 1e-4
FIRST_SPREAD = 1.0
LEAST_SPREAD = 0.3
"""Spread of log cost assumed after one run, and at least, until runs show more."""


def grid_middle(actions: Floats) -> int:
    """Find the action nearest to the middle of the offered range.

    Parameters
    ----------
    actions : array of shape (n_actions, n_columns)

    Returns
    -------
    int
        Its index. Of several as near it is always the same one, not always the first:
        distances that are equal may differ in their last bit once they are scaled.

    Examples
    --------
    >>> grid_middle(np.array([[0.0], [1.0], [2.5], [4.0]]))
    2
    """
    return int(((_unit(actions) - 0.5) ** 2).sum(axis=1).argmin())


def own_runs_only(
    actions: Floats, measure: Callable[[int], float], budgets: Sequence[int]
) -> list[int]:
    """Measure by expected improvement from the middle on; answer the best measured.

    Parameters
    ----------
    actions : array of shape (n_actions, n_axes)
    measure : callable
        Log cost of the action with that index.
    budgets : sequence of int
        Ascending, each at least 1.

    Returns
    -------
    list of int
        The best measured action at each budget.

    Examples
    --------
    >>> costs = [3.0, 1.0, 0.5, 2.0]
    >>> own_runs_only(np.arange(4.0)[:, None], costs.__getitem__, [1, 4])
    [1, 2]
    """
    seen: list[int] = []
    costs: list[float] = []
    answers: list[int] = []
    for budget in budgets:
        while len(seen) < min(budget, len(actions)):
            seen.append(next_improving(actions, seen, costs))
            costs.append(measure(seen[-1]))
        answers.append(seen[int(np.argmin(costs))])
    return answers


def next_improving(actions: Floats, seen: Sequence[int], costs: Sequence[float]) -> int:
    """Choose the action to measure next: the middle first, then by expected improvement.

    Parameters
    ----------
    actions : array of shape (n_actions, n_axes)
        In any unit; an axis counts by its range.
    seen : sequence of int
        Actions measured so far, fewer than there are.
    costs : sequence of float
        Their log costs.
    """
    if not seen:
        return grid_middle(actions)
    points = _unit(actions)
    gap = points[:, None] - points[None]
    distance = np.sqrt(5 * (gap**2).sum(axis=-1)) / LENGTH
    kernel = (1 + distance + distance**2 / 3) * np.exp(-distance)
    return _most_improving(kernel, list(seen), np.asarray(costs))


def _most_improving(kernel: Floats, seen: list[int], costs: Floats) -> int:
    spread = max(float(costs.std()), LEAST_SPREAD) if len(costs) > 1 else FIRST_SPREAD
    scaled = (costs - costs.mean()) / spread
    own = kernel[np.ix_(seen, seen)] + NOISE * np.eye(len(seen))
    gain = np.linalg.solve(own, kernel[seen]).T
    mean = gain @ scaled
    deviation = np.sqrt(np.maximum(1 - (gain * kernel[:, seen]).sum(axis=1), 1e-9))
    z = (scaled.min() - mean) / deviation
    erf = np.array([math.erf(value / math.sqrt(2)) for value in z])
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    improvement = deviation * (z * 0.5 * (1 + erf) + density)
    improvement[seen] = -1
    return int(improvement.argmax())


def _unit(actions: Floats) -> Floats:
    """Scale the offered range to 0 to 1; ties stay ties in whatever unit actions come."""
    low, high = actions.min(axis=0), actions.max(axis=0)
    shares = (actions - low) / np.where(high > low, high - low, 1.0)
    return np.asarray(np.round(shares, DECIMALS))
