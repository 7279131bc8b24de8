"""Cost as the ratio of two expectations: seconds, and operations that succeed."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from toolkit.models.members import BoostedCost
from toolkit.models.scaling import checked_weights

__all__ = ["FLOOR", "RatioCost"]

Floats = NDArray[np.float64]

FLOOR = 0.02
"""Lowest expected share of success: below it a cost is "about never", not infinite."""


class RatioCost(RegressorMixin, BaseEstimator):
    r"""Log of expected seconds over expected successes.

    By renewal-reward, finishing W operations in batches of one size costs
    :math:`W \, E[\text{cycle}] / E[\text{successes}]` (definitions, section 1): not
    the mean of the batches' own quotients, which explodes where a batch fails whole.

    `seconds` regresses the log of seconds per attempted operation; its mean in seconds
    is restored by the smearing factor :math:`E[e^r]` over its training residuals r
    (Duan, 1983). `success` regresses the share of operations that succeed.

    Parameters
    ----------
    seconds : estimator or None
        `BoostedCost` unless given.
    success : estimator or None
        A small `BoostedCost` unless given.

    Attributes
    ----------
    seconds_, success_ : estimator
    log_smear_ : float

    Examples
    --------
    >>> X = np.repeat(np.log([1.0, 4.0, 16.0]), 30).reshape(-1, 1)
    >>> Y = np.column_stack([np.full(90, 2.0), np.repeat([1.0, 1.0, 0.5], 30)])
    >>> np.exp(RatioCost().fit(X, Y).predict(X[[0, 89]]))
    array([2., 4.])
    """

    def __init__(self, *, seconds: Any = None, success: Any = None) -> None:
        self.seconds = seconds
        self.success = success

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on X (n, d) and y (n, 2): seconds per attempted operation, success share.

        A y of shape (n,) or (n, 1) holds the seconds of operations that all succeeded.

        Raises
        ------
        ValueError
            Where y has more columns, or seconds are not above 0.
        """
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            multi_output=True,
            ensure_all_finite="allow-nan",
        )
        seconds, share = _targets(y)
        weight = checked_weights(sample_weight, X)
        self.seconds_ = clone(BoostedCost() if self.seconds is None else self.seconds)
        self.success_ = clone(
            BoostedCost(max_iter=40, max_leaf_nodes=8)
            if self.success is None
            else self.success
        )
        log_seconds = np.log(seconds)
        self.seconds_.fit(X, log_seconds, weight)
        self.success_.fit(X, share, weight)
        residual = log_seconds - self.seconds_.predict(X)
        self.log_smear_ = float(np.log(np.average(np.exp(residual), weights=weight)))
        return self

    def predict(self, X: Any) -> Floats:
        """Predict the log of seconds per successful operation, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        share = np.clip(self.success_.predict(X), FLOOR, 1.0)
        predicted: Floats = self.seconds_.predict(X) + self.log_smear_ - np.log(share)
        return predicted

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome and that seconds are above 0."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags


def _targets(y: Floats) -> tuple[Floats, Floats]:
    table = y.reshape(len(y), -1)
    if table.shape[1] > 2 or not (table[:, 0] > 0).all():
        raise ValueError(
            "y must have two columns: seconds per attempted operation, above 0, and "
            f"the share that succeeded; got shape {y.shape}"
        )
    seconds = table[:, 0]
    return seconds, table[:, 1] if table.shape[1] == 2 else np.ones_like(seconds)
