"""The untuned reference: extra trees, histogram boosting and a quadratic ridge, averaged.

The data sheet's first reference to beat. It reads the raw columns only and averages
predictions of log cost centred within problems.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from toolkit.models import DecisionTable, centred

__all__ = ["FittedSimpleEnsemble", "SimpleEnsemble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleEnsemble:
    """Three library defaults.

    Parameters
    ----------
    seed : int
    quick : bool
        Fewer trees.
    """

    seed: int
    quick: bool = False

    def fit(self, table: DecisionTable) -> "FittedSimpleEnsemble":
        """Fit on every row of a table."""
        rows = table.rows()
        raw = rows.X[:, [*rows.layout.x, *rows.layout.a]]
        target = centred(rows.regret, rows.problem)
        filled = np.where(np.isnan(raw), 0.0, raw)
        trees = 10 if self.quick else 100
        models = (
            ExtraTreesRegressor(trees, random_state=self.seed),
            HistGradientBoostingRegressor(max_iter=trees, random_state=self.seed),
            make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()),
        )
        return FittedSimpleEnsemble(
            models=tuple(model.fit(filled, target) for model in models)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSimpleEnsemble:
    """Three fitted models of scikit-learn."""

    models: tuple[Any, ...]

    def choices(self, table: DecisionTable) -> list[int]:
        """Take the least predicted cost of each problem."""
        rows = table.rows()
        raw = rows.X[:, [*rows.layout.x, *rows.layout.a]]
        filled = np.where(np.isnan(raw), 0.0, raw)
        predicted = np.mean([model.predict(filled) for model in self.models], axis=0)
        return [
            int(np.argmin(predicted[rows.problem == place]))
            for place in range(len(table.problems))
        ]
