"""The slope of a short window that outliers do not move."""

from collections.abc import Sequence
from operator import sub

from toolkit.stats.quantile import quantile_of_sorted

__all__ = ["theil_sen_slope"]


def theil_sen_slope(values: Sequence[float]) -> float:
    """Median of the slopes through all pairs of equally spaced values.

    Parameters
    ----------
    values : sequence of float
        Two or more, oldest first, one step apart.

    Returns
    -------
    float
        Change a step.

    Examples
    --------
    >>> theil_sen_slope([0.0, 1.0, 2.0, 3.0, 30.0])
    1.0
    """
    slopes: list[float] = []
    for lag in range(1, len(values)):
        share = 1.0 / lag
        slopes += [rise * share for rise in map(sub, values[lag:], values)]
    slopes.sort()
    return quantile_of_sorted(slopes, 0.5)
