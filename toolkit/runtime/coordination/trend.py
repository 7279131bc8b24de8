"""The slope of an agent's latest scores, as `toolkit.stats.theil_sen_slope` defines it.

In arrays, since reports are read at every event and numpy sorts the 190 slopes of
twenty scores in a fraction of the time that a list takes. A test holds the two equal.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from toolkit.stats import theil_sen_slope

__all__ = ["trend_of"]

SHORT = 64
"""Scores up to which the places of all pairs are kept."""

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def trend_of(scores: Sequence[float]) -> float | None:
    """Take the Theil-Sen slope: the median of the slopes through all pairs of scores.

    Parameters
    ----------
    scores : sequence of float
        Oldest first, one operation apart.

    Returns
    -------
    float or None
        Change an operation; `None` with fewer than two scores.

    Examples
    --------
    >>> trend_of([0.9, 0.8, 0.7]), trend_of([0.9])
    (-0.1, None)
    """
    if len(scores) < 2:
        return None
    if len(scores) > SHORT:
        return theil_sen_slope(scores)
    later, earlier, shares = _pairs(len(scores))
    values = np.array(scores)
    slopes = values.take(later)
    slopes -= values.take(earlier)
    slopes *= shares
    slopes.sort()
    middle = len(slopes) >> 1
    if len(slopes) & 1:
        return float(slopes[middle])
    return 0.5 * float(slopes[middle - 1]) + 0.5 * float(slopes[middle])


@lru_cache(maxsize=SHORT)
def _pairs(count: int) -> tuple[Places, Places, Floats]:
    """Place every pair of so many scores, and one over its distance."""
    earlier, later = np.triu_indices(count, 1)
    return later, earlier, 1.0 / (later - earlier)
