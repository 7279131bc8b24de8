"""Extremely randomised trees on relative cost: averages that do not extrapolate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.rows import KNEE, RelativeLayout, softened

__all__ = ["RelativeTrees"]

CEILING = 1.5
"""Regret beyond which one bad action is as bad as another: a factor of 4.5."""

MOST_NODES = 120_000
"""Most nodes of one forest: a bundle's graph may hold 262,144, and a stack two forests
(`toolkit.bundle.tree_check.MAX_TREE_NODES`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeTrees:
    """Extra trees on the offered range, or on everything with differences.

    References
    ----------
    Geurts, Ernst and Wehenkel, *Extremely randomized trees*, Machine Learning 63 (2006).

    Parameters
    ----------
    everything : bool
        Also the raw actions and every action minus context; else context and offered
        range only.
    min_samples_leaf : int
    trees : int
    seed : int
    """

    everything: bool
    min_samples_leaf: int
    trees: int = 60
    seed: int = 0

    def fit(self, rows: RelativeRows) -> "FittedTrees":
        """Fit on the rows of some groups.

        A forest that no bundle could hold is grown again with fewer leaves, those that
        lower the error most first.
        """
        target = (
            np.minimum(rows.regret, CEILING)
            if self.everything
            else centred(softened(rows.regret, KNEE), rows.problem)
        )
        fitted = self._grown(rows, target)
        if fitted.nodes > MOST_NODES:
            return self._grown(rows, target, most_leaves=MOST_NODES // 2 // self.trees)
        return fitted

    def _grown(
        self, rows: RelativeRows, target: Floats, *, most_leaves: int | None = None
    ) -> "FittedTrees":
        forest = ExtraTreesRegressor(
            self.trees,
            min_samples_leaf=self.min_samples_leaf,
            max_leaf_nodes=most_leaves,
            max_features=0.5,
            random_state=self.seed,
        )
        fitted = FittedTrees(
            forest=forest, layout=rows.layout, everything=self.everything
        )
        forest.fit(fitted.design(rows.X), target, sample_weight=rows.weight)
        return fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTrees:
    """A fitted forest and the columns it reads."""

    forest: ExtraTreesRegressor
    layout: RelativeLayout
    everything: bool

    @property
    def columns(self) -> list[int]:
        """Positions of the columns that are read as they are."""
        return (
            [*self.layout.a, *self.layout.x, *self.layout.offered]
            if self.everything
            else [*self.layout.offered, *self.layout.x]
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions whose differences are read."""
        return self.layout.pairs if self.everything else []

    def design(self, X: Floats) -> NDArray[np.float32]:
        """Compute in 32 bits, as the exported graph does.

        Parameters
        ----------
        X : array of shape (n, columns)

        Returns
        -------
        array of float32, shape (n, columns + pairs)
        """
        X32 = X.astype(np.float32)
        parts = [X32[:, self.columns]]
        if self.pairs:
            first, second = np.array(self.pairs).T
            parts.append(X32[:, first] - X32[:, second])
        return np.hstack(parts)

    @property
    def nodes(self) -> int:
        """Number of nodes of all trees."""
        return sum(tree.tree_.node_count for tree in self.forest.estimators_)

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        predicted: Floats = self.forest.predict(self.design(X))
        return predicted
