"""How good decisions were, against the best action that was on offer.

A cost model is judged by the action it leads to: slowdown is chosen cost over best
cost, so 1 is perfect and log slowdowns average to a geometric mean.
"""

import numpy as np
from numpy.typing import ArrayLike

from toolkit.arrays import Floats
from toolkit.errors import UsageError

__all__ = [
    "geometric_mean_slowdown",
    "share_within",
    "slowdown",
]


def slowdown(chosen: ArrayLike, best: ArrayLike) -> Floats:
    """Divide the chosen actions' costs by the best on offer.

    Parameters
    ----------
    chosen, best : array-like of shape (problems,)
        Costs above 0, in one unit; `chosen` is nowhere below `best`.

    Returns
    -------
    ndarray of shape (problems,)
        At least 1.

    Raises
    ------
    UsageError
        A cost is not above 0, or lies below what is called the best.

    Examples
    --------
    >>> slowdown([2.0, 3.0], [2.0, 2.0]).tolist()
    [1.0, 1.5]
    """
    costs, least = _costs(chosen, "chosen"), _costs(best, "best")
    if costs.shape != least.shape:
        raise UsageError(f"shapes differ: {costs.shape} chosen, {least.shape} best")
    if (costs < least).any():
        at = int(np.argmax(costs < least))
        raise UsageError(
            f"problem {at}: chosen cost {costs[at]:g} is below the best {least[at]:g}; "
            "give the least cost of all actions"
        )
    return costs / least


def geometric_mean_slowdown(slowdowns: ArrayLike) -> float:
    """Average slowdowns so that twice as slow and half as slow cancel.

    Parameters
    ----------
    slowdowns : array-like of shape (problems,)
        At least one, all above 0.

    Returns
    -------
    float
        1 where every choice was the best.

    Examples
    --------
    >>> geometric_mean_slowdown([1.0, 4.0])
    2.0
    """
    return float(np.exp(np.log(_costs(slowdowns, "slowdowns")).mean()))


def share_within(slowdowns: ArrayLike, tolerance: float) -> float:
    """Share, 0..1, of problems at most `tolerance` worse than the best.

    Parameters
    ----------
    slowdowns : array-like of shape (problems,)
    tolerance : float
        0.1 is 10 %.

    Returns
    -------
    float

    Examples
    --------
    >>> share_within([1.0, 1.04, 1.2, 2.0], 0.05)
    0.5
    """
    ratios = _costs(slowdowns, "slowdowns")
    # Ratios such as 1.1 / 1 carry rounding that must not decide on the boundary.
    return float((ratios <= (1 + tolerance) * (1 + 1e-12)).mean())


def _costs(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise UsageError(f"`{name}` must be a non-empty list (got shape {array.shape})")
    if not (np.isfinite(array) & (array > 0)).all():
        raise UsageError(f"`{name}` must be finite and above 0; leave out the unknown")
    return array
