"""The Universal Scalability Law with coefficients that depend on the context."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from toolkit.models import Scaling, checked_weights

__all__ = ["Coefficients", "ScalabilityCurve"]

Floats = NDArray[np.float64]

LOG_N_LIMIT = 12.0
"""exp(12) is 160,000 operations: beyond it an action is a mistake, and squares overflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """The law's coefficients in one or more contexts.

    Attributes
    ----------
    contention, coherency : array of shape (n,)
        The law's sigma and kappa, both at least 0.
    best : array of shape (n,)
        `sqrt((1 - sigma) / kappa)`, at least 1, infinite where kappa is 0.
    """

    contention: Floats
    coherency: Floats
    best: Floats


class ScalabilityCurve(RegressorMixin, BaseEstimator):
    r"""Log cost per unit of work of n at once, after the Universal Scalability Law.

    Throughput is :math:`C(n) = n / (1 + \sigma (n-1) + \kappa n (n-1))` (Gunther, 1993;
    :math:`\kappa = 0` is Amdahl's law), so

    .. math:: \log c = a(z) + \log(1 + \sigma(z)(n-1) + \kappa(z) n(n-1)) + (p-1) \log n

    with z the scaled context, :math:`a` linear, and :math:`\sigma, \kappa` the softplus
    of linear functions. A batch of n with overhead, per-operation cost and cascades has
    the same shape. `price_exponent` p is the money weight of definitions, section 3:
    n agents cost :math:`n^p` times as much.

    Parameters
    ----------
    alpha : float
        Strength of the penalty on slopes, above 0.
    price_exponent : float
        0 to 1.
    action_column : int
        Position of log n in X.
    max_iter : int
        Iterations of L-BFGS.

    Attributes
    ----------
    scaling_ : Scaling
    weights_ : array of shape (3, 1 + n_context)
        Intercept and slopes of level, contention and coherency.

    Examples
    --------
    >>> n = np.array([1.0, 2, 4, 8, 16, 32])
    >>> y = np.log((1 + 0.05 * (n - 1) + 0.01 * n * (n - 1)) / n)
    >>> curve = ScalabilityCurve(alpha=1e-6).fit(np.log(n).reshape(-1, 1), y)
    >>> curve.coefficients(np.zeros((1, 1))).best
    array([9.75])
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        price_exponent: float = 0.0,
        action_column: int = -1,
        max_iter: int = 300,
    ) -> None:
        self.alpha = alpha
        self.price_exponent = price_exponent
        self.action_column = action_column
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on X of shape (n, d), missing values allowed, and log costs y of (n,)."""
        X, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        weight = checked_weights(sample_weight, X)
        context, log_n = self._split(X)
        self.scaling_ = Scaling.of(context, weight)
        design = self._design(context)
        start = np.zeros((3, design.shape[1]))
        start[0, 0] = np.average(y, weights=weight)
        start[1:, 0] = (-3.0, -5.0)
        answer = minimize(
            self._loss,
            start.ravel(),
            args=(design, log_n, y, weight),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter},
        )
        self.weights_ = answer.x.reshape(3, -1)
        self.n_iter_ = int(answer.nit)
        return self

    def predict(self, X: Any) -> Floats:
        """Predict log cost, shape (n,)."""
        context, log_n = self._checked(X)
        linear = self._design(context) @ self.weights_.T
        n = np.exp(log_n)
        slowdown = (
            1
            + _softplus(linear[:, 1]) * _over(n)
            + _softplus(linear[:, 2]) * (n * _over(n))
        )
        predicted: Floats = (
            linear[:, 0] + np.log(slowdown) + (self.price_exponent - 1) * log_n
        )
        return predicted

    def coefficients(self, X: Any) -> Coefficients:
        """Return the law's coefficients in the contexts of X."""
        context, _ = self._checked(X)
        linear = self._design(context) @ self.weights_.T
        contention, coherency = _softplus(linear[:, 1]), _softplus(linear[:, 2])
        with np.errstate(divide="ignore"):
            best = np.sqrt(np.maximum(1 - contention, 0) / coherency)
        return Coefficients(
            contention=contention, coherency=coherency, best=np.maximum(best, 1.0)
        )

    def _checked(self, X: Any) -> tuple[Floats, Floats]:
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        return self._split(X)

    def _split(self, X: Floats) -> tuple[Floats, Floats]:
        log_n = np.nan_to_num(X[:, self.action_column], nan=0.0)
        context = np.delete(X, self.action_column, axis=1)
        return context, np.clip(log_n, -LOG_N_LIMIT, LOG_N_LIMIT)

    def _design(self, context: Floats) -> Floats:
        return np.hstack([np.ones((len(context), 1)), self.scaling_.apply(context)])

    def _loss(
        self, flat: Floats, design: Floats, log_n: Floats, y: Floats, weight: Floats
    ) -> tuple[float, Floats]:
        """Penalised mean squared error and its gradient."""
        weights = flat.reshape(3, -1)
        linear = design @ weights.T
        n = np.exp(log_n)
        shapes = np.column_stack([_over(n), n * _over(n)])
        slowdown = 1 + (_softplus(linear[:, 1:]) * shapes).sum(axis=1)
        error = linear[:, 0] + np.log(slowdown) + (self.price_exponent - 1) * log_n - y
        slope = np.column_stack(
            [np.ones(len(y)), _sigmoid(linear[:, 1:]) * shapes / slowdown[:, None]]
        )
        penalty = self.alpha * np.square(weights[:, 1:]).sum()
        gradient = 2 * (slope * (weight * error)[:, None]).T @ design
        gradient[:, 1:] += 2 * self.alpha * weights[:, 1:]
        total = weight.sum()
        return float(weight @ error**2 + penalty) / total, gradient.ravel() / total

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _over(n: Floats) -> Floats:
    """How many beyond the first, never negative: below one there is no contention."""
    return np.maximum(n - 1, 0.0)


def _softplus(value: Floats) -> Floats:
    return np.logaddexp(0.0, value)


def _sigmoid(value: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * value))
