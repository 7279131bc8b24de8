"""Regularised linear regression of log cost on the context and the action's shape."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from toolkit.models import Scaling, checked_weights

__all__ = ["LinearCost"]

Floats = NDArray[np.float64]


class LinearCost(RegressorMixin, BaseEstimator):
    r"""Ridge regression with a context-dependent parabola in the log action.

    With z the scaled context and :math:`v` the scaled log action,

    .. math:: \log c = b + w \cdot [z, v, v^2, z v]

    so that the best action may move with the context. The weights minimise the squared
    error plus `alpha` times the squared norm of `w` (Hoerl and Kennard, 1970).

    Parameters
    ----------
    alpha : float
        Strength of the penalty, above 0.
    action_column : int
        Position of the log action in X.

    Attributes
    ----------
    scaling_ : Scaling
    coefficients_ : array of shape (n_terms,)
    intercept_ : float

    Examples
    --------
    >>> X = np.log(np.array([[1.0], [2.0], [4.0], [8.0], [16.0]]))
    >>> y = (X[:, 0] - np.log(4)) ** 2
    >>> model = LinearCost(alpha=1e-6).fit(X, y)
    >>> int(np.argmin(model.predict(X)))
    2
    """

    def __init__(self, *, alpha: float = 1.0, action_column: int = -1) -> None:
        self.alpha = alpha
        self.action_column = action_column

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on X of shape (n, d), missing values allowed, and log costs y of (n,)."""
        X, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        weight = checked_weights(sample_weight, X)
        self.scaling_ = Scaling.of(X, weight)
        terms = self._terms(X)
        center = np.average(terms, axis=0, weights=weight)
        level = float(np.average(y, weights=weight))
        root = np.sqrt(weight)[:, None]
        A = (terms - center) * root
        gram = A.T @ A + self.alpha * np.eye(A.shape[1])
        self.coefficients_ = np.linalg.solve(gram, A.T @ ((y - level) * root[:, 0]))
        self.intercept_ = level - float(center @ self.coefficients_)
        return self

    def predict(self, X: Any) -> Floats:
        """Predict log cost, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        predicted: Floats = self._terms(X) @ self.coefficients_ + self.intercept_
        return predicted

    def _terms(self, X: Floats) -> Floats:
        scaled = self.scaling_.apply(X)
        action = scaled[:, self.action_column, None]
        context = np.delete(scaled, self.action_column, axis=1)
        return np.hstack([context, action, action**2, context * action])

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
