"""Cost relative to the problem, learned by several kinds of model, weighed by decisions.

Each member is fitted with whole groups left out, and graded by the slowdown its choices
would have cost there. Its weight falls exponentially with the *relative* loss (averaged
over groups in logarithms, so that one hopeless group does not decide), which is close
to taking the best member but forgives ties. Nothing is tuned by hand for a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import NotEnoughDataError
from toolkit.models.relative_process import RelativeProcess
from toolkit.models.relative_quadratic import RelativeQuadratic
from toolkit.models.relative_rows import RelativeRows, centred, group_folds
from toolkit.models.relative_trees import RelativeTrees

__all__ = ["FittedEnsemble", "RelativeEnsemble", "RelativeMember", "RelativeModel"]

Floats = NDArray[np.float64]

LEAST_GROUPS = 2
FOLDS = 7
"""Most folds of groups inside the training groups."""
SOFTNESS = 0.03
"""Width, in log cost, of the choice that grades a member: near ties count as half."""
CEILING = 1.5
"""Regret beyond which a choice is simply wrong."""
FLOOR = 0.03
"""Regret, about the noise of replicates, below which members are alike."""
SHARPNESS = 0.05
"""Relative loss that costs a member a factor e of its weight."""


class RelativeModel(Protocol):
    """A fitted member."""

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,)."""
        ...


class RelativeMember(Protocol):
    """A kind of model that learns from the rows of some groups."""

    def fit(self, rows: RelativeRows) -> RelativeModel:
        """Fit on the rows of some groups."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedEnsemble:
    """Members with their weights, and how they did on groups left out.

    Attributes
    ----------
    members : tuple of RelativeModel
    names : tuple of str
    weights : tuple of float
        Sum to 1.
    filler : array of shape (width,)
        What stands in for a missing value: the training mean.
    held_out : array of shape (rows,)
        The weighted prediction of each training row by members that had not seen its
        group, centred within its problem; NaN-free.
    """

    members: tuple[RelativeModel, ...]
    names: tuple[str, ...]
    weights: tuple[float, ...]
    filler: Floats
    held_out: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,), of rows rounded to 32 bits."""
        filled = filled_rows(X, self.filler)
        parts = [m.predict(filled) for m in self.members]
        return np.asarray(np.asarray(self.weights) @ np.stack(parts))

    def predict_members(self, X: Floats) -> Floats:
        """Predict with each member alone, shape (members, n)."""
        filled = filled_rows(X, self.filler)
        return np.stack([member.predict(filled) for member in self.members])


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeEnsemble:
    """Stack of trees, processes and a quadratic surface on relative cost.

    Parameters
    ----------
    seed : int
    members : mapping of str to RelativeMember, optional
        The default kinds unless given.

    Examples
    --------
    >>> names = [name for name, _ in RelativeEnsemble(seed=0).kinds()]
    >>> len(names)
    5
    """

    seed: int
    members: tuple[tuple[str, RelativeMember], ...] = ()

    def kinds(self) -> Sequence[tuple[str, RelativeMember]]:
        """List the kinds of member by name."""
        return self.members or (
            ("process, offered range", RelativeProcess(raw=False, seed=self.seed)),
            ("process, all columns", RelativeProcess(raw=True, seed=self.seed)),
            (
                "trees, offered range",
                RelativeTrees(everything=False, min_samples_leaf=10, seed=self.seed),
            ),
            (
                "trees, all columns",
                RelativeTrees(everything=True, min_samples_leaf=4, seed=self.seed),
            ),
            ("quadratic", RelativeQuadratic()),
        )

    def fit(self, rows: RelativeRows) -> FittedEnsemble:
        """Grade the members across groups, then fit them on all rows.

        Raises
        ------
        NotEnoughDataError
            With a single group there is nothing to leave out.
        """
        found = len(np.unique(rows.group))
        if found < LEAST_GROUPS:
            raise NotEnoughDataError(
                "a model that carries over to unseen groups",
                got=found,
                needed=LEAST_GROUPS,
                unit="groups",
            )
        filler = training_means(rows.X)
        rounded = RelativeRows.of(
            filled_rows(rows.X, filler),
            rows.regret,
            rows.problem,
            rows.group,
            rows.layout,
        )
        held_out = self._held_out(rounded)
        weights = decision_weights(held_out, rounded)
        return FittedEnsemble(
            members=tuple(kind.fit(rounded) for _, kind in self.kinds()),
            names=tuple(name for name, _ in self.kinds()),
            weights=tuple(weights.tolist()),
            filler=filler,
            held_out=np.asarray(weights @ held_out),
        )

    def _held_out(self, rows: RelativeRows) -> Floats:
        """Predict each row with members that had not seen its group: (members, rows)."""
        predicted = np.zeros((len(self.kinds()), len(rows.X)))
        for fold in group_folds(rows.group, FOLDS, self.seed):
            out = np.isin(rows.group, fold)
            known = rows.take(~out)
            for place, (_, kind) in enumerate(self.kinds()):
                predicted[place, out] = kind.fit(known).predict(rows.X[out])
        return np.stack([centred(row, rows.problem) for row in predicted])


def decision_weights(held_out: Floats, rows: RelativeRows) -> Floats:
    """Weigh members by what their choices would have cost, shape (members,).

    Parameters
    ----------
    held_out : array of shape (members, rows)
    rows : RelativeRows
    """
    losses = np.stack([choice_regret(row, rows) for row in held_out])
    groups = rows.group_of_problem
    by_group = np.stack(
        [losses[:, groups == group].mean(axis=1) for group in np.unique(groups)]
    )
    relative = np.log(by_group + FLOOR).mean(axis=0)
    weights = np.exp(-(relative - relative.min()) / SHARPNESS)
    return np.asarray(weights / weights.sum())


def choice_regret(predicted: Floats, rows: RelativeRows) -> Floats:
    """Regret of a soft choice of the least predicted cost, shape (problems,)."""
    count = int(rows.problem.max()) + 1
    least = np.full(count, np.inf)
    np.minimum.at(least, rows.problem, predicted)
    odds = np.exp(-(predicted - least[rows.problem]) / SOFTNESS)
    total = np.bincount(rows.problem, odds)
    regret = np.bincount(rows.problem, odds * rows.regret) / total
    return np.minimum(regret, CEILING)


def training_means(X: Floats) -> Floats:
    """Mean of each column's known values, in 32 bits; 0 where none is known."""
    known = np.isfinite(X)
    total = np.where(known, X, 0.0).sum(axis=0)
    means = total / np.maximum(known.sum(axis=0), 1)
    return np.asarray(means.astype(np.float32), dtype=np.float64)


def filled_rows(X: Floats, filler: Floats) -> Floats:
    """Round to 32 bits and put the filler where a value is missing."""
    rounded = X.astype(np.float32).astype(np.float64)
    return np.where(np.isnan(rounded), filler, rounded)
