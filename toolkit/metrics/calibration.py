"""Whether stated confidence is earned: probabilities and intervals against outcomes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.arrays import Floats
from toolkit.errors import UsageError

__all__ = [
    "ReliabilityBin",
    "coverage",
    "expected_calibration_error",
    "reliability",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Answers of similar stated confidence.

    Attributes
    ----------
    stated : float
        Mean stated probability, 0..1.
    observed : float
        Share that came true, 0..1.
    count : int
        Answers in the bin.
    """

    stated: float
    observed: float
    count: int


def reliability(
    probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10
) -> list[ReliabilityBin]:
    """Sort answers by stated probability into bins of equal count and compare.

    Parameters
    ----------
    probabilities : array-like of shape (answers,)
        In 0..1.
    outcomes : array-like of shape (answers,)
        Whether each came true.
    bins : int
        At most this many; equal probabilities are never split between two bins.

    Returns
    -------
    list of ReliabilityBin
        In ascending order of stated probability.

    Raises
    ------
    UsageError
        Shapes differ, nothing is given, or a probability is outside 0..1.

    Examples
    --------
    >>> [
    ...     bin.observed
    ...     for bin in reliability([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 0], bins=2)
    ... ]
    [0.0, 0.5]
    """
    stated = _probabilities(probabilities)
    came_true = np.asarray(outcomes, dtype=np.float64)
    if came_true.shape != stated.shape or bins < 1:
        raise UsageError(
            f"one outcome for each probability and at least one bin are needed "
            f"(got {came_true.shape}, {stated.shape}, {bins} bins)"
        )
    # Places by value, not by order, so that ties stay together.
    places = np.searchsorted(np.sort(stated), stated, side="left")
    codes = places * bins // len(stated)
    return [
        ReliabilityBin(
            stated=float(stated[codes == code].mean()),
            observed=float(came_true[codes == code].mean()),
            count=int((codes == code).sum()),
        )
        for code in np.unique(codes)
    ]


def expected_calibration_error(
    probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10
) -> float:
    """Average gap between stated and observed, weighted by the answers in each bin.

    With equal-count bins the estimate grows with the number of bins even for a perfect
    forecast, by about sqrt(bins / answers) / 2: compare at equal sizes.

    Parameters
    ----------
    probabilities, outcomes, bins
        As in `reliability`.

    Returns
    -------
    float
        In 0..1, 0 is calibrated.

    References
    ----------
    Naeini, Cooper and Hauskrecht, *Obtaining well calibrated probabilities using
    Bayesian binning*, AAAI 2015.

    Examples
    --------
    >>> expected_calibration_error([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 1], bins=2)
    0.1
    """
    found = reliability(probabilities, outcomes, bins=bins)
    total = sum(each.count for each in found)
    return sum(each.count * abs(each.stated - each.observed) for each in found) / total


def coverage(low: ArrayLike, high: ArrayLike, observed: ArrayLike) -> float:
    """Share, 0..1, of observed values inside their interval, both ends included.

    Parameters
    ----------
    low, high, observed : array-like of shape (rows,)

    Returns
    -------
    float

    Examples
    --------
    >>> coverage([0, 0], [1, 1], [0.5, 2])
    0.5
    """
    return float(_inside(low, high, observed).mean())


def _inside(low: ArrayLike, high: ArrayLike, observed: ArrayLike) -> NDArray[np.bool_]:
    lower, upper = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    values = np.asarray(observed, dtype=np.float64)
    _check_bounds(lower, upper)
    if values.shape != lower.shape or not np.isfinite(values).all():
        raise UsageError("one finite observed value is needed for each interval")
    return np.asarray((lower <= values) & (values <= upper))


def _check_bounds(lower: Floats, upper: Floats) -> None:
    if lower.shape != upper.shape or lower.ndim != 1 or not lower.size:
        raise UsageError(f"bounds differ in shape: {lower.shape} and {upper.shape}")
    if not (lower <= upper).all():
        raise UsageError("a lower bound is above its upper bound, or not a number")


def _probabilities(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise UsageError(f"probabilities must be a non-empty list (got {array.shape})")
    if not ((array >= 0) & (array <= 1)).all():
        raise UsageError("probabilities must lie in 0..1")
    return array
