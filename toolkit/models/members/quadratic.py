"""A quadratic response surface within problems: smooth walls on both sides of the best."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred

__all__ = ["FittedQuadratic", "RelativeQuadratic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeQuadratic:
    """Ridge on all squares and products of context and offered range.

    Terms and targets are centred within problems (fixed effects), so that only
    differences between the actions of one problem are explained.

    Parameters
    ----------
    penalty : float
        Above 0, in units of one standardised row.
    """

    penalty: float = 10.0

    def fit(self, rows: RelativeRows) -> "FittedQuadratic":
        """Fit on the rows of some groups."""
        columns = [*rows.layout.offered, *rows.layout.x]
        Z = rows.X[:, columns]
        mean, spread = Z.mean(axis=0), Z.std(axis=0)
        varies = spread > 1e-9
        kept = [column for column, keep in zip(columns, varies, strict=True) if keep]
        mean, spread = mean[varies], spread[varies]
        terms = centred(_terms((rows.X[:, kept] - mean) / spread), rows.problem)
        scale = terms.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)
        weight = np.sqrt(rows.weight)[:, None]
        design = terms / scale * weight
        target = centred(rows.regret, rows.problem) * weight[:, 0]
        gram = design.T @ design + self.penalty * np.eye(design.shape[1])
        return FittedQuadratic(
            columns=kept,
            mean=mean,
            spread=spread,
            coefficients=np.linalg.solve(gram, design.T @ target) / scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedQuadratic:
    """Coefficients of the terms, by the columns they read."""

    columns: list[int]
    mean: Floats
    spread: Floats
    coefficients: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        Z = (X[:, self.columns] - self.mean) / self.spread
        return np.asarray(_terms(Z) @ self.coefficients)


def _terms(Z: Floats) -> Floats:
    """All columns, then all products of two, shape (n, d + d (d + 1) / 2)."""
    first, second = np.triu_indices(Z.shape[1])
    return np.hstack([Z, Z[:, first] * Z[:, second]])
