"""The best action of other groups, whatever the context: what a learned model must beat.

An action is named by where it lies on offer (below the largest, share of the way), so
that "the largest" is one constant on every problem; by its own size; or by its distance
from the rule's action, which makes the constant a tuned rule. It costs what it cost on average; in
a new problem an offered action costs what the nearest constants did.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from toolkit.arrays import Floats
from toolkit.models import RelativeRows
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedConstant", "RelativeConstant"]


DECIMALS = 3
"""Actions that agree to so many decimals of a spread are one constant."""
SHARPNESS = 0.02
"""Squared distance, in spreads, over which neighbouring constants blend: ties do."""
CHUNK = 2048
"""Rows predicted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeConstant:
    """Mean relative cost of each action over problems, the context left out.

    Parameters
    ----------
    place : str
        What names an action: `offered`, `size` or `from_rule`.
    plain : bool
        Whether costs are plain means of log cost over problems, as a benchmark's constant
        is chosen; else they are softened, and groups weigh by the root of their size.
    most : int
        Constants kept, drawn evenly where there are more.
    seed : int
    """

    place: str = "offered"
    plain: bool = False
    most: int = 600
    seed: int = 0

    def fit(self, rows: RelativeRows) -> "FittedConstant":
        """Fit on the rows of some groups."""
        columns = {
            "offered": rows.layout.below_and_share,
            "size": rows.layout.a,
            "from_rule": rows.layout.from_rule,
        }[self.place]
        values = rows.X[:, columns]
        spread = values.std(axis=0)
        spread = np.where(spread > 1e-9, spread, 1.0)
        constants = np.unique(np.round(values / spread, DECIMALS), axis=0)
        if len(constants) > self.most:
            rng = np.random.default_rng(self.seed)
            constants = constants[rng.permutation(len(constants))[: self.most]]
        return FittedConstant(
            columns=columns,
            spread=spread,
            constants=constants,
            costs=_mean_costs(rows, values / spread, constants, plain=self.plain),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedConstant:
    """Constants and what each cost on average, in softened log cost over the best."""

    columns: list[int]
    spread: Floats
    constants: Floats
    costs: Floats
    sharpness: ClassVar[float] = SHARPNESS

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        parts = [
            self._near(X[start : start + CHUNK]) @ self.costs
            for start in range(0, len(X), CHUNK)
        ]
        return np.concatenate(parts)

    def _near(self, X: Floats) -> Floats:
        gaps = _squared_gaps(X[:, self.columns] / self.spread, self.constants)
        odds = np.exp(-(gaps - gaps.min(axis=1, keepdims=True)) / SHARPNESS)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _mean_costs(
    rows: RelativeRows, values: Floats, constants: Floats, *, plain: bool
) -> Floats:
    """Average what the offered action nearest to each constant cost."""
    groups = rows.group_of_problem
    weights = 1 / np.sqrt(np.bincount(groups))[groups]
    costs = softened(rows.regret, KNEE)
    if plain:
        weights, costs = np.ones(len(groups)), rows.regret
    total = np.zeros(len(constants))
    for problem, weight in enumerate(weights):
        places = np.flatnonzero(rows.problem == problem)
        nearest = _squared_gaps(constants, values[places]).argmin(axis=1)
        total += weight * costs[places[nearest]]
    mean = np.asarray(total / weights.sum())
    # Every member predicts softened costs; what is least stays least.
    return softened(mean - mean.min(), KNEE) if plain else mean


def _squared_gaps(left: Floats, right: Floats) -> Floats:
    return np.asarray(((left[:, None] - right[None]) ** 2).sum(axis=-1))
