"""How far predicted costs are from observed ones."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.errors import NotEnoughDataError, UsageError

__all__ = ["mean_absolute_log_error", "r_squared", "rank_correlation"]

FloatArray = NDArray[np.float64]


def mean_absolute_log_error(observed: ArrayLike, predicted: ArrayLike) -> float:
    """Average distance of predicted from observed costs, in natural logarithms.

    Parameters
    ----------
    observed, predicted : array-like of shape (rows,)
        Costs above 0, in one unit.

    Returns
    -------
    float
        At least 0; 0.1 is about 10 %.

    Examples
    --------
    >>> mean_absolute_log_error([1.0, 2.0], [1.0, 4.0])
    0.3466
    """
    truth, guess = _pair(observed, predicted)
    if (truth <= 0).any() or (guess <= 0).any():
        raise UsageError("costs must be above 0 to have a logarithm")
    return float(np.abs(np.log(guess / truth)).mean())


def r_squared(observed: ArrayLike, predicted: ArrayLike) -> float:
    """Share of the observed variance that the predictions explain.

    Parameters
    ----------
    observed, predicted : array-like of shape (rows,)

    Returns
    -------
    float
        At most 1; below 0 where the mean would have been the better prediction.

    Raises
    ------
    NotEnoughDataError
        The observed values do not vary, so there is nothing to explain.

    Examples
    --------
    >>> r_squared([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    truth, guess = _pair(observed, predicted)
    total = float(((truth - truth.mean()) ** 2).sum())
    if total == 0:
        raise NotEnoughDataError("R2", got=1, needed=2, unit="distinct values")
    return 1 - float(((truth - guess) ** 2).sum()) / total


def rank_correlation(observed: ArrayLike, predicted: ArrayLike) -> float:
    """Spearman's correlation of ranks, ties sharing their mean rank.

    Parameters
    ----------
    observed, predicted : array-like of shape (rows,)

    Returns
    -------
    float
        In -1..1.

    Raises
    ------
    NotEnoughDataError
        One of the two does not vary.

    Examples
    --------
    >>> rank_correlation([1.0, 2.0, 3.0], [10.0, 20.0, 15.0])
    0.5
    """
    truth, guess = (_ranks(values) for values in _pair(observed, predicted))
    spread = math.sqrt(float(truth.var() * guess.var()))
    if spread == 0:
        raise NotEnoughDataError(
            "a rank correlation", got=1, needed=2, unit="distinct values"
        )
    shared = ((truth - truth.mean()) * (guess - guess.mean())).mean()
    return float(shared) / spread


def _ranks(values: FloatArray) -> FloatArray:
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[codes], dtype=np.float64)


def _pair(observed: ArrayLike, predicted: ArrayLike) -> tuple[FloatArray, FloatArray]:
    truth = np.asarray(observed, dtype=np.float64)
    guess = np.asarray(predicted, dtype=np.float64)
    if truth.shape != guess.shape or truth.ndim != 1 or not truth.size:
        raise UsageError(
            f"two equally long, non-empty lists are needed "
            f"(got shapes {truth.shape} and {guess.shape})"
        )
    if not (np.isfinite(truth).all() and np.isfinite(guess).all()):
        raise UsageError("values must be finite; leave out rows that are not known")
    return truth, guess
