"""Cost relative to the problem, learned by several kinds of model, weighed by decisions.

Each member is fitted with whole groups left out, and graded by the slowdown its choices
would have cost there. Its weight falls exponentially with the *relative* loss (averaged
over groups in logarithms, so that one hopeless group does not decide), which is close
to taking the best member but forgives ties. Nothing is tuned by hand for a table.

The best constant is a member like any other, and so is the scalability law where an axis
counts workers. Who weighs may also choose between *alternatives* of a member, which
share its name up to a semicolon.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import NotEnoughDataError
from toolkit.models.members import (
    RelativeConstant,
    RelativeLaw,
    RelativeProcess,
    RelativeQuadratic,
    RelativeTrees,
)
from toolkit.models.rows import RelativeLayout, RelativeRows, centred, group_folds

__all__ = [
    "CONSTANT",
    "LAW",
    "FittedEnsemble",
    "RelativeEnsemble",
    "RelativeMember",
    "RelativeModel",
    "Weighed",
    "Weighing",
    "choice_regret",
    "decision_weights",
    "family_of",
    "group_losses",
    "prior_weights",
    "softmax_weights",
]

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
CONSTANT_PRIOR = 0.1
"""Weight of the constant before any evidence, others 1: a member that reads no context has
to be better by a tenth to count for as much."""
CONSTANT, LAW = "constant", "scalability law"
"""Names of the members that stand for the best constant and for the law."""


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
class Weighed:
    """Weights of the members.

    Attributes
    ----------
    weights : array of shape (members,)
        At least 0; sum to 1.
    tuned : bool
        Whether settings other than the default ones were adopted.
    """

    weights: Floats
    tuned: bool = False


class Weighing(Protocol):
    """Weighs members by what they predicted for groups they had not seen."""

    def __call__(
        self, held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
    ) -> Weighed:
        """Weigh members from their predictions, shape (members, rows)."""
        ...


def family_of(name: str) -> str:
    """Name the member that an alternative stands for.

    Examples
    --------
    >>> family_of("quadratic; penalty 1")
    'quadratic'
    """
    return name.partition(";")[0]


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
    held_out_members : array of shape (members, rows)
        The same of each member.
    tuned : bool
        Whether settings other than the default ones were adopted.
    """

    members: tuple[RelativeModel, ...]
    names: tuple[str, ...]
    weights: tuple[float, ...]
    filler: Floats
    held_out: Floats
    held_out_members: Floats
    tuned: bool = False

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,), of rows rounded to 32 bits."""
        filled = filled_rows(X, self.filler)
        total = np.zeros(len(X))
        for member, weight in zip(self.members, self.weights, strict=True):
            if weight > 0:
                total += weight * member.predict(filled)
        return total

    def predict_members(self, X: Floats) -> Floats:
        """Predict with each member alone, shape (members, n)."""
        filled = filled_rows(X, self.filler)
        return np.stack([member.predict(filled) for member in self.members])


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeEnsemble:
    """Stack of processes, trees, a quadratic surface, the law and the best constant.

    Parameters
    ----------
    seed : int
    members : tuple of (str, RelativeMember), optional
        The default kinds unless given.
    alternatives : bool
        Whether the default kinds come with alternatives to choose from.
    weigh : Weighing, optional
        By decisions, with the default settings, unless given.

    Examples
    --------
    >>> layout = RelativeLayout(context=1, actions=1, axes=1, counts=True)
    >>> names = [name for name, _ in RelativeEnsemble(seed=0).kinds(layout)]
    >>> names[-2:]
    ['constant', 'scalability law']
    """

    seed: int
    members: tuple[tuple[str, RelativeMember], ...] = ()
    alternatives: bool = False
    weigh: Weighing | None = None

    def kinds(self, layout: RelativeLayout) -> Sequence[tuple[str, RelativeMember]]:
        """List the kinds of member by name; the law only where workers are counted."""
        if self.members:
            return self.members
        law: list[tuple[str, RelativeMember]] = [(LAW, RelativeLaw())]
        return (
            ("process, offered range", RelativeProcess(raw=False, seed=self.seed)),
            ("process, all columns", RelativeProcess(raw=True, seed=self.seed)),
            ("trees, offered range", self._trees(10, everything=False)),
            ("trees, all columns", self._trees(4, everything=True)),
            ("quadratic", RelativeQuadratic()),
            (CONSTANT, RelativeConstant(seed=self.seed)),
            *(law if layout.counts else []),
            *(self._alternatives() if self.alternatives else []),
        )

    def _alternatives(self) -> Sequence[tuple[str, RelativeMember]]:
        return (
            ("trees, offered range; leaves of 25", self._trees(25, everything=False)),
            ("trees, all columns; leaves of 10", self._trees(10, everything=True)),
            ("quadratic; penalty 1", RelativeQuadratic(penalty=1.0)),
            ("quadratic; penalty 100", RelativeQuadratic(penalty=100.0)),
        )

    def _trees(self, leaf: int, *, everything: bool) -> RelativeTrees:
        return RelativeTrees(
            everything=everything, min_samples_leaf=leaf, seed=self.seed
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
        kinds = self.kinds(rows.layout)
        names = tuple(name for name, _ in kinds)
        held_out = self._held_out(rounded)
        weighed = (self.weigh or _weigh_by_decisions)(held_out, rounded, names)
        return FittedEnsemble(
            members=tuple(kind.fit(rounded) for _, kind in kinds),
            names=names,
            weights=tuple(weighed.weights.tolist()),
            filler=filler,
            held_out=np.asarray(weighed.weights @ held_out),
            held_out_members=held_out,
            tuned=weighed.tuned,
        )

    def _held_out(self, rows: RelativeRows) -> Floats:
        """Predict each row with members that had not seen its group: (members, rows)."""
        kinds = self.kinds(rows.layout)
        predicted = np.zeros((len(kinds), len(rows.X)))
        for fold in group_folds(rows.group, FOLDS, self.seed):
            out = np.isin(rows.group, fold)
            known = rows.take(~out)
            for place, (_, kind) in enumerate(kinds):
                predicted[place, out] = kind.fit(known).predict(rows.X[out])
        return np.stack([centred(row, rows.problem) for row in predicted])


def _weigh_by_decisions(
    held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
) -> Weighed:
    """Weigh with the default settings; alternatives weigh nothing."""
    default = np.array([family_of(name) == name for name in names])
    weights = np.zeros(len(names))
    kept = tuple(name for name in names if family_of(name) == name)
    weights[default] = decision_weights(held_out[default], rows, kept)
    return Weighed(weights=weights)


def decision_weights(
    held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
) -> Floats:
    """Weigh members by what their choices would have cost, shape (members,).

    Parameters
    ----------
    held_out : array of shape (members, rows)
    rows : RelativeRows
    names : tuple of str
        Of the members.
    """
    return softmax_weights(group_losses(held_out, rows), prior_weights(names))


def prior_weights(names: tuple[str, ...]) -> Floats:
    """Weigh members before any evidence, shape (members,).

    Examples
    --------
    >>> prior_weights(("quadratic", "constant")).tolist()
    [1.0, 0.1]
    """
    return np.array([CONSTANT_PRIOR if name == CONSTANT else 1.0 for name in names])


def softmax_weights(
    losses: Floats, prior: Floats, *, floor: float = FLOOR, sharpness: float = SHARPNESS
) -> Floats:
    """Turn losses into weights, shape (members,).

    Parameters
    ----------
    losses : array of shape (groups, members)
        Mean regret of each member's choices in each group.
    prior : array of shape (members,)
        Weights where losses are equal, above 0.
    floor : float
        Regret below which members are alike, above 0.
    sharpness : float
        Relative loss that costs a factor e of the weight, above 0.

    Examples
    --------
    >>> softmax_weights(np.array([[0.1, 0.1, 0.9]]), np.ones(3)).round(2).tolist()
    [0.5, 0.5, 0.0]
    """
    relative = np.log(losses + floor).mean(axis=0)
    weights = prior * np.exp(-(relative - relative.min()) / sharpness)
    return np.asarray(weights / weights.sum())


def group_losses(held_out: Floats, rows: RelativeRows) -> Floats:
    """Average the regret of each member's choices by group, shape (groups, members).

    Parameters
    ----------
    held_out : array of shape (members, rows)
    rows : RelativeRows
    """
    groups = rows.group_of_problem
    counts = np.bincount(groups)
    return np.stack(
        [np.bincount(groups, choice_regret(row, rows)) / counts for row in held_out],
        axis=1,
    )


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
