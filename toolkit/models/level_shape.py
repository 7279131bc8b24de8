"""Cost as a level that the context sets and a shape over the actions."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from toolkit.models.members import BoostedCost, LinearCost

__all__ = ["ShapedCost"]

Floats = NDArray[np.float64]


class ShapedCost(RegressorMixin, BaseEstimator):
    """Level and shape learned apart, from problems in which several actions were tried.

    How much a unit of work costs differs between workloads by orders of magnitude; which
    action is cheapest does not depend on that. So the *shape* regresses log costs less
    their problem's mean, where workloads of any level teach each other, and the *level*
    regresses those means on the context alone. A decision reads the shape, an expected
    cost both.

    Parameters
    ----------
    shape : estimator or None
        `LinearCost` unless given.
    level : estimator or None
        A small `BoostedCost` unless given.
    action_column : int
        Position of the log action in X.

    A shape is never worse than the worst that was measured: beyond it a formula is only
    extrapolating, and would promise savings over the rule that nobody has seen.

    Attributes
    ----------
    shape_, level_ : estimator
    highest_ : float
        Largest log cost over its problem's mean among the training rows.

    Examples
    --------
    >>> n = np.log(np.tile([1.0, 4.0, 16.0], 2)).reshape(-1, 1)
    >>> y = np.repeat([0.0, 9.0], 3) + np.tile([1.0, 0.0, 1.0], 2)
    >>> model = ShapedCost(shape=LinearCost(alpha=1e-6))
    >>> fitted = model.fit(n, y, problems=[0, 0, 0, 1, 1, 1])
    >>> int(np.argmin(fitted.predict(n[:3])))
    1
    """

    def __init__(
        self, *, shape: Any = None, level: Any = None, action_column: int = -1
    ) -> None:
        self.shape = shape
        self.level = level
        self.action_column = action_column

    def fit(self, X: Any, y: Any, problems: Any = None) -> Self:
        """Fit on X (n, d), log costs y (n,), and the problem that each row is of.

        Without `problems` all rows are of one.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan"
        )
        given = np.zeros(len(y)) if problems is None else np.asarray(problems)
        _, codes = np.unique(given, return_inverse=True)
        means = np.bincount(codes, y) / np.bincount(codes)
        self.shape_ = clone(LinearCost() if self.shape is None else self.shape)
        shapes = y - means[codes]
        self.shape_.fit(X, shapes)
        self.highest_ = float(shapes.max())
        context = X.copy()
        # A column that never varies is used by neither trees nor a scaled line.
        context[:, self.action_column] = 0.0
        self.level_ = clone(
            BoostedCost(max_iter=60, max_leaf_nodes=6)
            if self.level is None
            else self.level
        )
        self.level_.fit(context, means[codes])
        return self

    def predict(self, X: Any) -> Floats:
        """Predict log cost, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"
        )
        shape = np.minimum(self.shape_.predict(X), self.highest_)
        predicted: Floats = self.level_.predict(X) + shape
        return predicted

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
