"""Cost relative to the problem, learned by several kinds of model, weighed by decisions.

Each member is fitted with whole groups left out, and graded by the slowdown its choices
would have cost there. Its weight falls exponentially with the *relative* loss (averaged
over groups in logarithms, so that one hopeless group does not decide), which is close
to taking the best member but forgives ties. A few groups are weak evidence, so the
losses are first shrunk towards the members' ranking on other tables.

The best constants, the rule, the tuned rule, the middle of the grid and the scalability
law are members like any other. All of them together answer only where they are *shown*
better than the one action that was best for the other groups. Either the context carries
over: of groups left out, a member that reads it predicts the costs of all actions clearly
better than any constant does, of which even three groups say much, since every action
counts. Or the choices are shown cheaper, with weights that each group had no part in: of
that a dozen groups say little, so it takes more. Else the best constant answers, named by
its size or by its place on offer, whichever was cheaper for groups left out, and own runs
correct it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.arrays import Floats, Ints
from toolkit.errors import NotEnoughDataError
from toolkit.metrics import student_t_quantile
from toolkit.models.base import RelativeMember, RelativeModel
from toolkit.models.decision_table import DecisionTable
from toolkit.models.members import (
    RelativeBoosted,
    RelativeConstant,
    RelativeLaw,
    RelativeLinear,
    RelativeProcess,
    RelativeQuadratic,
    RelativeTrees,
)
from toolkit.models.members.anchor import RelativeAnchor
from toolkit.models.ranking import other_tables
from toolkit.models.rows import (
    KNEE,
    RelativeRows,
    centred,
    group_folds,
    softened,
)

__all__ = [
    "CONSTANT",
    "LAW",
    "MIDDLE",
    "PLAIN_CONSTANT",
    "PLAIN_PLACE",
    "RULE",
    "TUNED_RULE",
    "FittedStack",
    "Stack",
    "choice_regret",
    "decision_weights",
    "group_losses",
    "shown_cheaper",
    "softmax_weights",
]


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
LEAST_WEIGHT = 0.005
"""Weight below which a member is left out. Whole made-up tables drawn for choosing, graded on
groups not seen, cost the same from 0 to 0.02; at 0.005 three members are left of fourteen."""
SHOWN = 0.8
"""One-sided level at which the stack's choices must be cheaper than the best constant's, by
Student's t over training groups."""
LEAST_JUDGED = 15
"""Training groups from which on choices are compared. Of 5 to 12, made-up tables whose
history is worth nothing reached levels up to 0.976; larger ones were not among them."""
CARRIES = 0.2
"""By how much the logarithm of the squared error of curves must fall with the context. On
made-up tables drawn for choosing it fell by 0.32 or more where history helps, and by at
most 0.18 where it does not."""
CARRIES_OF_ONE = 0.75
"""The same for a single group; of so many, their share of it where that is more than
`CARRIES`. Of 44 made-up tables of three groups whose history is worth nothing 7 fell by more
than 0.2, and 2 by more than 0.25; of 24 whose history helps, all did."""
PRIOR_GROUPS = 1.0
"""Groups that the ranking of the members on other tables counts for: with two to seven
groups a table says little about which member is best."""
MIDDLE_GROUPS = 4.0
"""Groups that a cost which grows with the distance from the middle of the range on offer
counts for, where rule and constant are compared: `experiments/009-made-up`."""
LEAST_ERROR = 1e-12
"""Keeps the logarithm of a perfect prediction finite."""
STIFF = 100.0
"""Penalty of the second quadratic surface, for tables of a few dozen problems."""
PROCESS, RAW_PROCESS, PLACED_TREES, ALL_TREES = (
    "process, offered range",
    "process, all columns",
    "trees, offered range",
    "trees, all columns",
)
BOOSTED, LAW = "boosted", "scalability law"
QUADRATIC, STIFF_QUADRATIC, LINEAR = "quadratic", "quadratic, stiff", "linear"
CONSTANT = "constant"
CONSTANT_SIZE = "constant size"
MIDDLE = "grid middle"
RULE, TUNED_RULE = "rule", "tuned rule"
PLAIN_CONSTANT = "constant, plain mean"
PLAIN_PLACE = "constant by place, plain mean"
"""Names of the members: those that read the context, the constants, the rules."""
FALLBACKS = (PLAIN_CONSTANT, PLAIN_PLACE)
"""Constants of which one answers alone unless others are shown better: the best action by its
size, and by its place on offer, which is another one where problems offer different ranges."""
CONSTANTS = frozenset({CONSTANT, CONSTANT_SIZE, TUNED_RULE})
"""Members that predict a mean curve, whatever the context."""
NO_CONTEXT = CONSTANTS | {RULE, MIDDLE, LAW, *FALLBACKS}
"""Members whose curves say nothing of whether the context carries over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedStack:
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
    """

    members: tuple[RelativeModel, ...]
    names: tuple[str, ...]
    weights: tuple[float, ...]
    filler: Floats
    held_out: Floats
    held_out_members: Floats

    @property
    def constant_weight(self) -> float:
        """Weight, 0 or 1, of the constant or rule that answers unless others are shown better."""
        named = dict(zip(self.names, self.weights, strict=True))
        constants = sum(named.get(name, 0.0) for name in FALLBACKS)
        return 1.0 if named.get(RULE) == 1.0 else constants

    @property
    def carries(self) -> bool:
        """Whether the stack answers: history was shown to carry over to other groups."""
        return self.constant_weight < 1.0

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,), of rows rounded to 32 bits.

        Parameters
        ----------
        X : array of shape (n, columns)
            A missing value (NaN) is read as the training mean.

        Returns
        -------
        array of shape (n,)
            Weighted sum of the members.
        """
        filled = filled_rows(X, self.filler)
        total = np.zeros(len(X))
        for member, weight in zip(self.members, self.weights, strict=True):
            if weight > 0:
                total += weight * member.predict(filled)
        return total

    def predict_members(self, X: Floats) -> Floats:
        """Predict with each member alone, shape (members, n).

        Parameters
        ----------
        X : array of shape (n, columns)

        Returns
        -------
        array of shape (members, n)
        """
        filled = filled_rows(X, self.filler)
        return np.stack([member.predict(filled) for member in self.members])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Stack of processes, trees, a quadratic surface, the law and the best constant.

    Parameters
    ----------
    seed : int
    members : tuple of (str, RelativeMember), optional
        The default kinds unless given.
    ranking : mapping of str to float
        Relative loss of each member on other tables; `other_tables()` unless given.

    Examples
    --------
    >>> names = [name for name, _ in Stack(seed=0).kinds()]
    >>> names[-2:]
    ['constant by place, plain mean', 'constant, plain mean']
    """

    seed: int
    members: tuple[tuple[str, RelativeMember], ...] = ()
    ranking: Mapping[str, float] = field(default_factory=other_tables)

    def kinds(self) -> Sequence[tuple[str, RelativeMember]]:
        """List the kinds of member by name.

        Returns
        -------
        sequence of (str, RelativeMember)
        """
        if self.members:
            return self.members
        return (
            (PROCESS, RelativeProcess(raw=False, seed=self.seed)),
            (RAW_PROCESS, RelativeProcess(raw=True, seed=self.seed)),
            (PLACED_TREES, self._trees(10, everything=False)),
            (ALL_TREES, self._trees(4, everything=True)),
            (BOOSTED, RelativeBoosted(seed=self.seed)),
            (QUADRATIC, RelativeQuadratic()),
            (STIFF_QUADRATIC, RelativeQuadratic(penalty=STIFF)),
            (LINEAR, RelativeLinear()),
            (LAW, RelativeLaw()),
            (CONSTANT, RelativeConstant(seed=self.seed)),
            (CONSTANT_SIZE, RelativeConstant(place="size", seed=self.seed)),
            (TUNED_RULE, RelativeConstant(place="from_rule", seed=self.seed)),
            (RULE, RelativeAnchor()),
            (MIDDLE, RelativeAnchor(middle=True)),
            (PLAIN_PLACE, RelativeConstant(plain=True, seed=self.seed)),
            (
                PLAIN_CONSTANT,
                RelativeConstant(place="size", plain=True, seed=self.seed),
            ),
        )

    def _trees(self, leaf: int, *, everything: bool) -> RelativeTrees:
        return RelativeTrees(
            everything=everything, min_samples_leaf=leaf, seed=self.seed
        )

    def fit(self, table: DecisionTable) -> FittedStack:
        """Grade the members across groups, then fit them on the whole table.

        Parameters
        ----------
        table : DecisionTable
            Training groups only.

        Returns
        -------
        FittedStack
            With the members' weights, and predictions of each training row by members
            that had not seen its group.

        Raises
        ------
        NotEnoughDataError
            With a single group there is nothing to leave out.
        """
        return self._fit_rows(table.rows(), observed=table.observed)

    def _fit_rows(self, rows: RelativeRows, *, observed: bool = False) -> FittedStack:
        """Fit on rows that are encoded already.

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
        kinds = self.kinds()
        names = tuple(name for name, _ in kinds)
        held_out = self._held_out(rounded)
        weights = decision_weights(
            held_out, rounded, names, self.ranking, observed=observed
        )
        return FittedStack(
            members=tuple(kind.fit(rounded) for _, kind in kinds),
            names=names,
            weights=tuple(weights.tolist()),
            filler=filler,
            held_out=np.asarray(weights @ held_out),
            held_out_members=held_out,
        )

    def _held_out(self, rows: RelativeRows) -> Floats:
        """Predict each row with members that had not seen its group: (members, rows)."""
        kinds = self.kinds()
        predicted = np.zeros((len(kinds), len(rows.X)))
        for fold in group_folds(rows.group, FOLDS, self.seed):
            out = np.isin(rows.group, fold)
            known = rows.take(~out)
            for place, (_, kind) in enumerate(kinds):
                predicted[place, out] = kind.fit(known).predict(rows.X[out])
        return np.stack([centred(row, rows.problem) for row in predicted])


def decision_weights(
    held_out: Floats,
    rows: RelativeRows,
    names: tuple[str, ...],
    ranking: Mapping[str, float],
    *,
    observed: bool = False,
) -> Floats:
    """Weigh members by what their choices would have cost, shape (members,).

    Where the best constants are members, one of them, or the rule, has all the weight
    unless the others are shown better.

    Parameters
    ----------
    held_out : array of shape (members, rows)
    rows : RelativeRows
    names : tuple of str
        Of the members.
    ranking : mapping of str to float
        Relative loss of each member on other tables; what is not named is average.
    observed : bool
        Whether the actions of a problem are those that happened to be tried. The middle of
        these says nothing, so the rule is no rival of the constant.

    Returns
    -------
    array of shape (members,)
        At least 0, of sum 1.
    """
    others = np.array([name not in FALLBACKS for name in names])
    known = [ranking[name] for name in names if name in ranking]
    average = float(np.mean(known)) if known else 0.0
    prior = np.array([ranking.get(name, average) for name in names])[others]
    losses = group_losses(held_out[others], rows)
    standing = _best_fallback(held_out, rows, names)
    weights = np.zeros(len(names))
    if (
        standing is None
        or _context_carries(held_out, rows, names, standing)
        or _shown_better(held_out[others], rows, held_out[standing], losses, prior)
    ):
        weights[others] = softmax_weights(losses, prior)
    elif RULE in names and not observed and _rule_is_cheaper(rows, names[standing]):
        weights[names.index(RULE)] = 1.0
    else:
        weights[standing] = 1.0
    return weights


def _best_fallback(
    held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
) -> int | None:
    """Find the constant that was cheapest for groups left out; the first of equals."""
    places = [names.index(name) for name in FALLBACKS if name in names]
    paid = {place: _paid(held_out[place], rows).mean() for place in places}
    return min(places, key=paid.__getitem__) if places else None


def _rule_is_cheaper(rows: RelativeRows, constant: str) -> bool:
    """Compare rule and constant on groups that the middle of the range is added to.

    The constant is the cheapest of all actions for these groups, and so partly by luck: the
    more so the fewer groups there are. Where it lies further from the middle than the rule
    does, it must therefore be cheaper by more.
    """
    place = "size" if constant == PLAIN_CONSTANT else "offered"
    fitted = RelativeConstant(place=place, plain=True).fit(rows)
    best = _cheapest(fitted.predict(rows.X), rows)
    rule = _cheapest(RelativeAnchor().fit(rows).predict(rows.X), rows)
    away = np.sqrt(((rows.X[:, rows.layout.share] - 0.5) ** 2).sum(axis=1))
    gaps, costs = centred(away, rows.problem), centred(rows.regret, rows.problem)
    weight = 1 / np.bincount(rows.problem)[rows.problem]
    square = float(weight @ gaps**2)
    slope = max(float(weight @ (gaps * costs)) / square, 0.0) if square > 0 else 0.0
    # Problems count alike, as where the constant was found.
    paid = float((rows.regret[best] - rows.regret[rule]).mean())
    expected = slope * float((away[best] - away[rule]).mean())
    groups = len(np.unique(rows.group))
    return groups * paid + MIDDLE_GROUPS * expected > 0


def _context_carries(
    held_out: Floats, rows: RelativeRows, names: tuple[str, ...], standing: int
) -> bool:
    """Compare curves predicted with the context with constant ones, on groups left out."""
    by_group = np.log(_curve_errors(held_out, rows) + LEAST_ERROR)
    errors, groups = by_group.mean(axis=1), by_group.shape[1]
    constants = [i for i, name in enumerate(names) if name in CONSTANTS]
    constants = constants or [standing]
    readers = [i for i, name in enumerate(names) if name not in NO_CONTEXT]
    if not readers:
        return False
    least = max(CARRIES, CARRIES_OF_ONE / groups)
    return bool(errors[readers].min() < errors[constants].min() - least)


def _curve_errors(held_out: Floats, rows: RelativeRows) -> Floats:
    """Mean squared error of predicted softened costs, shape (members, groups)."""
    truth = centred(softened(rows.regret, KNEE), rows.problem)
    actions, groups = np.bincount(rows.problem), rows.group_of_problem
    problems = np.bincount(groups)
    return np.stack(
        [
            np.bincount(groups, np.bincount(rows.problem, (row - truth) ** 2) / actions)
            / problems
            for row in held_out
        ]
    )


def _shown_better(
    held_out: Floats,
    rows: RelativeRows,
    constant: Floats,
    losses: Floats,
    prior: Floats,
) -> bool:
    """Compare weighted members with the best constant, each group by others' weights."""
    if len(losses) < LEAST_JUDGED:
        return False
    ours = np.empty(len(rows.X))
    for group in range(len(losses)):
        out = rows.group == group
        weights = softmax_weights(np.delete(losses, group, axis=0), prior)
        ours[out] = weights @ held_out[:, out]
    return shown_cheaper(_paid(ours, rows) - _paid(constant, rows), level=SHOWN)


def _paid(predicted: Floats, rows: RelativeRows) -> Floats:
    """Mean regret of the action of least predicted cost, shape (groups,)."""
    groups, taken = rows.group_of_problem, _cheapest(predicted, rows)
    return np.bincount(groups, rows.regret[taken]) / np.bincount(groups)


def _cheapest(predicted: Floats, rows: RelativeRows) -> Ints:
    """Row of the action of least predicted cost in each problem, shape (problems,)."""
    order = np.lexsort((predicted, rows.problem))
    first = np.unique(rows.problem[order], return_index=True)[1]
    return np.asarray(order[first])


def shown_cheaper(differences: Floats, *, level: float) -> bool:
    """Say whether a mean over groups is below zero, by Student's t at a one-sided level.

    Parameters
    ----------
    differences : array of shape (groups,)
        Mean log cost of one answer minus that of another in each group, as groups left
        out show it.
    level : float
        0.5 to 1.

    Returns
    -------
    bool
        `False` with a single group, which says nothing of the spread between groups.

    Examples
    --------
    >>> shown_cheaper(np.array([-0.2, -0.3, -0.25]), level=0.95)
    True
    >>> shown_cheaper(np.array([-0.2, -0.9, 0.1]), level=0.95)
    False
    """
    groups = len(differences)
    if groups < LEAST_GROUPS:
        return False
    error = float(differences.std(ddof=1)) / math.sqrt(groups)
    reach = student_t_quantile(level, groups - 1)
    return bool(differences.mean() + reach * error < 0)


def softmax_weights(losses: Floats, prior: Floats) -> Floats:
    """Turn losses into weights, shape (members,).

    Parameters
    ----------
    losses : array of shape (groups, members)
        Mean regret of each member's choices in each group.
    prior : array of shape (members,)
        Relative loss of each on other tables, in logarithms.

    Examples
    --------
    >>> losses = np.array([[0.1, 0.1, 0.9]])
    >>> softmax_weights(losses, np.zeros(3)).round(2).tolist()
    [0.5, 0.5, 0.0]
    >>> softmax_weights(losses, np.array([0.0, 0.2, 0.0])).round(2).tolist()
    [0.88, 0.12, 0.0]
    """
    relative = np.log(losses + FLOOR)
    relative = (relative - relative.mean(axis=1, keepdims=True)).mean(axis=0)
    groups = len(losses)
    shrunk = groups * relative + PRIOR_GROUPS * (prior - prior.mean())
    shrunk /= groups + PRIOR_GROUPS
    weights = np.exp(-(shrunk - shrunk.min()) / SHARPNESS)
    weights /= weights.sum()
    # What hardly counts is not worth its share of every recommendation.
    weights[weights < LEAST_WEIGHT] = 0.0
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


def choice_regret(
    predicted: Floats, rows: RelativeRows, *, ceiling: float = CEILING
) -> Floats:
    """Regret of a soft choice of the least predicted cost, shape (problems,)."""
    count = int(rows.problem.max()) + 1
    least = np.full(count, np.inf)
    np.minimum.at(least, rows.problem, predicted)
    odds = np.exp(-(predicted - least[rows.problem]) / SOFTNESS)
    total = np.bincount(rows.problem, odds)
    regret = np.bincount(rows.problem, odds * rows.regret) / total
    return np.minimum(regret, ceiling)


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
