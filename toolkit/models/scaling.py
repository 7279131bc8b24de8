"""Imputation and scaling that both the linear and the scalability model stand on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

__all__ = ["Scaling", "checked_weights"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Column means and spreads of the training rows.

    A value that is missing becomes the column's mean; a column that never varies, or
    was never known, becomes zero.

    Attributes
    ----------
    mean, spread : array of shape (n_columns,)
    """

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, X: Floats, weight: Floats) -> "Scaling":
        """Measure the columns of X, shape (n_rows, n_columns), weights (n_rows,)."""
        known = np.isfinite(X) * weight[:, None]
        total = known.sum(axis=0)
        total = np.where(total > 0, total, 1.0)
        mean = (np.nan_to_num(X) * known).sum(axis=0) / total
        deviation = np.nan_to_num(X - mean)
        spread = np.sqrt((deviation**2 * known).sum(axis=0) / total)
        return cls(mean=mean, spread=np.where(spread > 1e-12, spread, np.inf))

    def apply(self, X: Floats) -> Floats:
        """Impute and scale, same shape."""
        return np.where(np.isfinite(X), X - self.mean, 0.0) / self.spread


def checked_weights(sample_weight: Any, X: Floats) -> Floats:
    """Check sample weights against the rows of X; equal weights unless given.

    Raises
    ------
    ValueError
        Where their number is another, one is negative, or all are zero.
    """
    weights: Floats = _check_sample_weight(
        sample_weight,
        X,
        dtype=np.float64,
        ensure_non_negative=True,
        allow_all_zero_weights=False,
    )
    return weights
