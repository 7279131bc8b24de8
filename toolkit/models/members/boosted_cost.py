"""Gradient-boosted trees on log cost."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["BoostedCost"]

Floats = NDArray[np.float64]


class BoostedCost(RegressorMixin, BaseEstimator):
    """Histogram gradient boosting with a squared error on log cost.

    Inputs are rounded to 32-bit floats before fitting, and thresholds afterwards: the
    exported graph reads 32 bits, and would send rows that lie on a threshold the other way.

    Parameters
    ----------
    learning_rate : float
        Share of each tree's correction that is kept, above 0, up to 1.
    max_iter : int
        Trees.
    max_leaf_nodes, min_samples_leaf : int
        Size of each tree and of its leaves.
    l2_regularization : float
    random_state : int
        Seed.

    Attributes
    ----------
    regressor_ : HistGradientBoostingRegressor

    Examples
    --------
    >>> X = np.repeat(np.log([1.0, 4.0, 16.0]), 20).reshape(-1, 1)
    >>> model = BoostedCost(max_iter=50, random_state=0).fit(X, (X[:, 0] - 1.4) ** 2)
    >>> int(np.argmin(model.predict(np.log([[1.0], [4.0], [16.0]]))))
    1
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 15,
        min_samples_leaf: int = 10,
        l2_regularization: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on X of shape (n, d), missing values allowed, and log costs y of (n,)."""
        X, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        self.regressor_ = HistGradientBoostingRegressor(
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            early_stopping=False,
            random_state=self.random_state,
        )
        self.regressor_.fit(_rounded(X), y, sample_weight)
        _round_thresholds_down(self.regressor_)
        self.n_iter_ = self.regressor_.n_iter_
        return self

    def predict(self, X: Any) -> Floats:
        """Predict log cost, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        predicted: Floats = self.regressor_.predict(_rounded(X))
        return predicted

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _round_thresholds_down(regressor: HistGradientBoostingRegressor) -> None:
    """Put each threshold on the 32-bit number at or below it.

    For a 32-bit x, `x <= t` holds exactly when x is at most that number; a converter that
    rounds t to the nearest would send x = t the other way.
    """
    for predictors in regressor._predictors:  # noqa: SLF001 - the public surface has no thresholds
        for predictor in predictors:
            exact = predictor.nodes["num_threshold"]
            with np.errstate(over="ignore"):
                near = exact.astype(np.float32)
            above = near.astype(np.float64) > exact
            down = np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
            predictor.nodes["num_threshold"] = down.astype(np.float64)


def _rounded(X: Floats) -> Floats:
    return X.astype(np.float32).astype(np.float64)
