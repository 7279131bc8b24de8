"""Rows of decision tables: where their columns lie, what is learned, how they weigh."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats, Ints

__all__ = [
    "KNEE",
    "RelativeLayout",
    "RelativeRows",
    "centred",
    "group_folds",
    "softened",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeLayout:
    """Where the columns of an encoded row lie: context, actions, offered range.

    Attributes
    ----------
    context, actions, axes : int
        How many there are of each; an axis has four columns, in blocks: below the
        largest, above the smallest, share of the range, distance from the rule.
    counts : bool
        Whether an axis is a number of workers, so that the scalability law applies.
    """

    context: int
    actions: int
    axes: int
    counts: bool = False

    @property
    def width(self) -> int:
        """Length of a row."""
        return self.context + self.actions + 4 * self.axes

    @property
    def x(self) -> list[int]:
        """Positions of the context."""
        return list(range(self.context))

    @property
    def a(self) -> list[int]:
        """Positions of the actions."""
        return list(range(self.context, self.context + self.actions))

    @property
    def offered(self) -> list[int]:
        """Positions of all offered-range columns."""
        first = self.context + self.actions
        return list(range(first, first + 3 * self.axes))

    @property
    def share(self) -> list[int]:
        """Positions of the share of the offered range."""
        return self.offered[2 * self.axes :]

    @property
    def from_rule(self) -> list[int]:
        """Positions of the distance from the rule's action."""
        return list(range(self.width - self.axes, self.width))

    @property
    def below_and_share(self) -> list[int]:
        """Positions of the distance to the largest, and of the share."""
        blocks = self.offered
        return blocks[: self.axes] + blocks[2 * self.axes :]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of every (action, context) pair: both are logarithms of sizes."""
        return [(a, x) for a in self.a for x in self.x]


def centred(values: Floats, problem: Ints) -> Floats:
    """Subtract each problem's mean; shape (rows,) or (rows, columns).

    Parameters
    ----------
    values : array of shape (rows,) or (rows, columns)
    problem : array of int, shape (rows,)
        From 0 without gaps.

    Returns
    -------
    array of the shape of `values`

    Examples
    --------
    >>> centred(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1])).tolist()
    [-1.0, 1.0, 0.0]
    """
    table = values.reshape(len(values), -1)
    counts = np.bincount(problem)
    sums = np.stack([np.bincount(problem, column) for column in table.T], axis=1)
    means = sums / np.maximum(counts, 1)[:, None]
    return np.asarray((table - means[problem]).reshape(values.shape))


KNEE = 0.5
"""Log cost over the best beyond which members learn softened costs."""


def softened(regret: Floats, knee: float) -> Floats:
    """Grow like the logarithm beyond the knee: how bad a bad action is matters less.

    Parameters
    ----------
    regret : array
        Log cost over the best of the problem, at least 0.
    knee : float
        In log cost, above 0; below it nothing changes.

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> softened(np.array([0.2, 0.5, 5.0]), 0.5).round(2).tolist()
    [0.2, 0.5, 1.65]
    """
    beyond = knee + knee * np.log(np.maximum(regret, knee) / knee)
    return np.where(regret < knee, regret, beyond)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelativeRows:
    """Training rows of one decision table.

    Attributes
    ----------
    X : array of shape (rows, layout.width)
        Finite.
    regret : array of shape (rows,)
        Log cost over the best of its problem, at least 0.
    problem, group : array of shape (rows,)
        Codes from 0; a group holds whole problems.
    layout : RelativeLayout
    """

    X: Floats
    regret: Floats
    problem: Ints
    group: Ints
    layout: RelativeLayout

    @classmethod
    def of(
        cls,
        X: Floats,
        log_cost: Floats,
        problem: Ints,
        group: Ints,
        layout: RelativeLayout,
    ) -> "RelativeRows":
        """Measure log costs against the best of each problem.

        Parameters
        ----------
        X : array of shape (rows, columns)
        log_cost : array of shape (rows,)
            Of any level; only differences within a problem count.
        problem : array of int, shape (rows,)
            Rows of one number are actions of one problem.
        group : array of int, shape (rows,)
            What is left out as a whole.
        layout : RelativeLayout
            What the columns of `X` are.

        Returns
        -------
        RelativeRows
        """
        _, codes = np.unique(problem, return_inverse=True)
        best = np.full(int(codes.max()) + 1, np.inf)
        np.minimum.at(best, codes, log_cost)
        return cls(
            X=X,
            regret=log_cost - best[codes],
            problem=np.asarray(codes, dtype=np.int64),
            group=np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64),
            layout=layout,
        )

    def take(self, rows: NDArray[np.bool_]) -> "RelativeRows":
        """Keep some rows (whole problems).

        Parameters
        ----------
        rows : array of bool, shape (rows,)

        Returns
        -------
        RelativeRows
        """
        return RelativeRows.of(
            self.X[rows],
            self.regret[rows],
            self.problem[rows],
            self.group[rows],
            self.layout,
        )

    @property
    def group_of_problem(self) -> Ints:
        """Group of each problem."""
        groups = np.zeros(int(self.problem.max()) + 1, dtype=np.int64)
        groups[self.problem] = self.group
        return groups

    @property
    def weight(self) -> Floats:
        """Weight of each row: problems count once, groups by the root of their size."""
        actions = np.bincount(self.problem)[self.problem]
        problems = np.bincount(self.group_of_problem)[self.group]
        weight = 1 / actions / np.sqrt(problems)
        return np.asarray(weight / weight.mean())


def group_folds(group: Ints, most: int, seed: int) -> list[Ints]:
    """Split groups into folds: each its own where there are at most `most`.

    Parameters
    ----------
    group : array of int, shape (rows,)
    most : int
        Folds at most, at least 1.
    seed : int
        Of the shuffle, where groups must share folds.

    Returns
    -------
    list of array of int
        The groups of each fold, ascending.

    Examples
    --------
    >>> [fold.tolist() for fold in group_folds(np.array([0, 0, 1, 2]), 8, 0)]
    [[0], [1], [2]]
    """
    codes = np.unique(group)
    if len(codes) <= most:
        return [np.array([code]) for code in codes]
    shuffled = np.random.default_rng(seed).permutation(codes)
    return [np.sort(fold) for fold in np.array_split(shuffled, most)]
