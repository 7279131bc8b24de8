"""Gradient-boosted trees on relative cost, over all columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.models import KNEE, RelativeRows, centred, softened
from toolkit.models.members.boosted_cost import BoostedCost

__all__ = ["FittedBoosted", "RelativeBoosted"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeBoosted:
    """Histogram boosting on actions, context and offered range.

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
        model = BoostedCost(
            max_iter=self.trees, max_leaf_nodes=12, random_state=self.seed
        )
        target = centred(softened(rows.regret, KNEE), rows.problem)
        model.fit(rows.X[:, columns], target, rows.weight)
        return FittedBoosted(columns=columns, model=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBoosted:
    """Fitted trees and the columns they read."""

    columns: list[int]
    model: BoostedCost

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        return self.model.predict(X[:, self.columns])
