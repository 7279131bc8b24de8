"""A cost that grows with the distance from one place: the rule's action, or the middle."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedAnchor", "RelativeAnchor"]


LEAST_SLOPE = 0.05
"""Log cost of one spread's distance at least: the anchor itself is always the cheapest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeAnchor:
    """Answers with the action nearest to an anchor, whatever the context.

    Parameters
    ----------
    middle : bool
        Whether the anchor is the middle of the offered range; else the rule's action.
    """

    middle: bool = False

    def fit(self, rows: RelativeRows) -> "FittedAnchor":
        """Fit the slope on the rows of some groups."""
        layout = rows.layout
        columns = layout.share if self.middle else layout.from_rule
        spread = rows.X[:, columns].std(axis=0)
        fitted = FittedAnchor(
            columns=columns,
            place=0.5 if self.middle else 0.0,
            spread=np.where(spread > 1e-9, spread, 1.0),
            slope=1.0,
        )
        away = centred(fitted.predict(rows.X), rows.problem)
        target = centred(softened(rows.regret, KNEE), rows.problem)
        square = float((rows.weight * away**2).sum())
        slope = float((rows.weight * away * target).sum()) / max(square, 1e-12)
        return FittedAnchor(
            columns=columns,
            place=fitted.place,
            spread=fitted.spread,
            slope=max(slope, LEAST_SLOPE),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedAnchor:
    """The anchor in its columns, the spread of each, and the slope of the cost."""

    columns: list[int]
    place: float
    spread: Floats
    slope: float

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        away = (X[:, self.columns] - self.place) / self.spread
        return np.asarray(self.slope * np.sqrt((away**2).sum(axis=1)))
