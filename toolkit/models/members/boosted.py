"""Gradient-boosted trees on relative cost, over all columns."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedBoosted", "RelativeBoosted", "round_down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeBoosted:
    """Histogram boosting on actions, context and offered range.

    Inputs are rounded to 32-bit floats before fitting, and thresholds afterwards: the
    exported graph reads 32 bits, and would send rows that lie on a threshold the other way.

    Parameters
    ----------
    trees : int
    seed : int
    """

    trees: int = 60
    seed: int = 0

    def fit(self, rows: RelativeRows) -> "FittedBoosted":
        """Fit on the rows of some groups."""
        layout = rows.layout
        columns = [*layout.a, *layout.x, *layout.offered]
        trees = HistGradientBoostingRegressor(
            max_iter=self.trees,
            max_leaf_nodes=12,
            min_samples_leaf=10,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        target = centred(softened(rows.regret, KNEE), rows.problem)
        trees.fit(_rounded(rows.X[:, columns]), target, rows.weight)
        _round_thresholds_down(trees)
        return FittedBoosted(columns=columns, trees=trees)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBoosted:
    """Fitted trees and the columns they read."""

    columns: list[int]
    trees: HistGradientBoostingRegressor

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        predicted: Floats = self.trees.predict(_rounded(X[:, self.columns]))
        return predicted


def _round_thresholds_down(trees: HistGradientBoostingRegressor) -> None:
    """Put each threshold on the 32-bit number at or below it.

    For a 32-bit x, `x <= t` holds exactly when x is at most that number; a converter that
    rounds t to the nearest would send x = t the other way.
    """
    for predictors in trees._predictors:  # noqa: SLF001 - the public surface has no thresholds
        for predictor in predictors:
            exact = predictor.nodes["num_threshold"]
            predictor.nodes["num_threshold"] = round_down(exact)


def round_down(exact: Floats) -> Floats:
    """Find the 32-bit number at or below each number, as 64-bit numbers.

    Parameters
    ----------
    exact : array

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> bool(round_down(np.array([0.1]))[0] <= 0.1)
    True
    """
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    above = near.astype(np.float64) > exact
    down = np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
    return np.asarray(down, dtype=np.float64)


def _rounded(X: Floats) -> Floats:
    return X.astype(np.float32).astype(np.float64)
