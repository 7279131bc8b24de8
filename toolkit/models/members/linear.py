"""A parabola along each axis whose slope moves with the context: the smallest surface."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.rows import KNEE, RelativeLayout, softened

__all__ = ["FittedLinear", "RelativeLinear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeLinear:
    """Ridge on the offered range, its squares, and its products with the context.

    Terms and targets are centred within problems (fixed effects).

    Parameters
    ----------
    penalty : float
        Above 0, in units of one standardised row.
    """

    penalty: float = 3.0

    def fit(self, rows: RelativeRows) -> "FittedLinear":
        """Fit on the rows of some groups."""
        mean, spread = rows.X.mean(axis=0), rows.X.std(axis=0)
        fitted = FittedLinear(
            layout=rows.layout,
            mean=mean,
            spread=np.where(spread > 1e-9, spread, np.inf),
            coefficients=np.zeros(0),
        )
        terms = centred(fitted.terms(rows.X), rows.problem)
        scale = terms.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)
        weight = np.sqrt(rows.weight)[:, None]
        design = terms / scale * weight
        target = centred(softened(rows.regret, KNEE), rows.problem) * weight[:, 0]
        gram = design.T @ design + self.penalty * np.eye(design.shape[1])
        return FittedLinear(
            layout=rows.layout,
            mean=mean,
            spread=fitted.spread,
            coefficients=np.linalg.solve(gram, design.T @ target) / scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLinear:
    """Coefficients of the terms."""

    layout: RelativeLayout
    mean: Floats
    spread: Floats
    coefficients: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,)."""
        return np.asarray(self.terms(X) @ self.coefficients)

    def terms(self, X: Floats) -> Floats:
        """Compute axes, squares, then axis x context, shape (n, p).

        Parameters
        ----------
        X : array of shape (n, columns)

        Returns
        -------
        array of shape (n, p)
        """
        Z = (X - self.mean) / self.spread
        axes, context = Z[:, self.layout.below_and_share], Z[:, self.layout.x]
        products = (axes[:, :, None] * context[:, None, :]).reshape(len(Z), -1)
        return np.hstack([axes, axes**2, products])
