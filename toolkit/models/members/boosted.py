"""Gradient-boosted trees on relative cost, over all columns."""

from dataclasses import dataclass

from sklearn.ensemble import HistGradientBoostingRegressor

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.members.single_precision import (
    round_thresholds_down,
    rounded_to_single,
)
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedBoosted", "RelativeBoosted"]


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
        trees.fit(rounded_to_single(rows.X[:, columns]), target, rows.weight)
        round_thresholds_down(trees)
        return FittedBoosted(columns=columns, trees=trees)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBoosted:
    """Fitted trees and the columns they read."""

    columns: list[int]
    trees: HistGradientBoostingRegressor

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        predicted: Floats = self.trees.predict(rounded_to_single(X[:, self.columns]))
        return predicted
