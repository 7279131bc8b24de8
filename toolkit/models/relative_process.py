"""A Gaussian process on relative cost whose kernel is a sum of learned components.

``context kernel x action kernel`` for each context column, for the whole context and for
none: their variances, learned by marginal likelihood, say *which similarity between
contexts carries over*. Groups and problems have components of their own, so that a
hundred problems of one group do not pass for a hundred witnesses. The level of every
problem is unknown.

References
----------
Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), 5.4.1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from toolkit.models.relative_rows import RelativeLayout, RelativeRows, centred, softened

__all__ = ["FittedProcess", "ProcessKernel", "RelativeProcess"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KNEE = 0.5
LEVEL_VARIANCE = 100.0
OWN_LENGTH = 0.3
"""Length scale of a group's own irregularities, in spreads of the action columns."""
LEAST_NOISE = 1e-4
CHUNK = 2048
"""Rows predicted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessKernel:
    """Columns in spreads, and the components that carry over to unseen groups.

    Attributes
    ----------
    layout : RelativeLayout
    raw : bool
        Whether the actions themselves, and not only where they lie on offer, count.
    actions, offered, context : list of int
        Positions that vary.
    mean, spread : array of shape (layout.width,)
    """

    layout: RelativeLayout
    raw: bool
    actions: list[int]
    offered: list[int]
    context: list[int]
    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, rows: RelativeRows, *, raw: bool) -> "ProcessKernel":
        """Scale by the training rows."""
        layout, spread = rows.layout, rows.X.std(axis=0)

        def varying(positions: list[int]) -> list[int]:
            return [p for p in positions if spread[p] > 1e-9]

        return cls(
            layout=layout,
            raw=raw,
            actions=varying(layout.a),
            offered=varying(layout.below_and_share),
            context=varying(layout.x),
            mean=rows.X.mean(axis=0),
            spread=np.where(spread > 1e-9, spread, np.inf),
        )

    @property
    def carried_count(self) -> int:
        """How many components `carried` yields."""
        contexts = 1 + len(self.context) + (len(self.context) > 1)
        return contexts * (5 if self.raw else 2) + len(self.pairs)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions whose differences have a component: (action, context)."""
        return self.layout.pairs if self.raw else []

    def scaled(self, X: Floats) -> Floats:
        """Centre and divide by the spread; a constant column becomes zero."""
        return np.asarray((X - self.mean) / self.spread)

    def differences(self, X: Floats) -> Floats:
        """Subtract context from action, shape (n, pairs)."""
        if not self.pairs:
            return np.zeros((len(X), 0))
        first, second = np.array(self.pairs).T
        return X[:, first] - X[:, second]

    def action_kernels(self, S: Floats, T: Floats) -> list[Floats]:
        """Smooth and linear in the offered range; the raw actions where they count."""
        offered = _squares(S, T, self.offered)
        kernels = [np.exp(-0.5 * offered), _products(S, T, self.offered)]
        if self.raw:
            actions = _squares(S, T, self.actions)
            kernels += [
                np.exp(-0.5 * actions),
                _products(S, T, self.actions),
                np.exp(-0.125 * (actions + offered)),
            ]
        return kernels

    def context_kernels(self, S: Floats, T: Floats) -> list[Floats]:
        """Everywhere the same; alike in one column; alike in all."""
        each = [_squares(S, T, [column]) for column in self.context]
        kernels = [
            np.ones((len(S), len(T))),
            *(np.exp(-0.5 * square) for square in each),
        ]
        if len(each) > 1:
            kernels.append(np.exp(-0.5 * np.sum(each, axis=0) / len(each)))
        return kernels

    def carried(self, X: Floats, Y: Floats) -> Iterator[Floats]:
        """Compute every component that an unseen group shares, one at a time."""
        S, T = self.scaled(X), self.scaled(Y)
        actions = self.action_kernels(S, T)
        for context in self.context_kernels(S, T):
            for action in actions:
                yield context * action
        left, right = self.differences(X), self.differences(Y)
        scale = self.difference_spread
        for column in range(left.shape[1]):
            gap = left[:, column, None] - right[None, :, column]
            yield np.exp(-0.5 * (gap / scale[column]) ** 2)

    @property
    def difference_spread(self) -> Floats:
        """Scale of each difference, as if its two columns were independent."""
        finite = np.where(np.isfinite(self.spread), self.spread, 0.0)
        return np.array([np.hypot(finite[a], finite[x]) or 1.0 for a, x in self.pairs])

    def own(self, rows: RelativeRows) -> Iterator[Floats]:
        """Compute the components of a group and of a problem: noise elsewhere."""
        S = self.scaled(rows.X)
        actions = self.action_kernels(S, S)
        rough = np.exp(-0.5 * _squares(S, S, self.actions) / OWN_LENGTH**2)
        group = rows.group[:, None] == rows.group[None]
        problem = rows.problem[:, None] == rows.problem[None]
        yield from (group * k for k in (*actions, rough))
        yield from (problem * k for k in actions[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeProcess:
    """Learns the variances on a sample of problems, then conditions on a larger one.

    Parameters
    ----------
    raw : bool
        Whether the actions themselves count.
    tuned_on, conditioned_on : int
        Rows, about.
    seed : int
        Chooses the rows.
    """

    raw: bool
    tuned_on: int = 300
    conditioned_on: int = 700
    seed: int = 0

    def fit(self, rows: RelativeRows) -> "FittedProcess":
        """Fit on the rows of some groups."""
        rng = np.random.default_rng(self.seed)
        kernel = ProcessKernel.of(rows, raw=self.raw)
        sample = rows.take(_sample(rows, self.tuned_on, rng))
        target = _target(sample)
        scale = float(target.std()) + 1e-9
        variances = _tuned(kernel, sample, target / scale)
        known = rows.take(_sample(rows, self.conditioned_on, rng))
        components = chain(kernel.carried(known.X, known.X), kernel.own(known))
        covariance = _weighted(variances, components)
        covariance += LEVEL_VARIANCE * (known.problem[:, None] == known.problem[None])
        covariance += (variances[-1] + LEAST_NOISE) * np.eye(len(covariance))
        solved = cho_solve(cho_factor(covariance, lower=True), _target(known) / scale)
        return FittedProcess(
            kernel=kernel,
            variances=variances[: kernel.carried_count],
            known=known.X,
            solution=np.asarray(solved * scale),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedProcess:
    """The posterior mean for groups that were not seen."""

    kernel: ProcessKernel
    variances: Floats
    known: Floats
    solution: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        parts = [
            _weighted(
                self.variances,
                self.kernel.carried(X[start : start + CHUNK], self.known),
            )
            @ self.solution
            for start in range(0, len(X), CHUNK)
        ]
        return np.concatenate(parts)


def _target(rows: RelativeRows) -> Floats:
    return centred(softened(rows.regret, KNEE), rows.problem)


def _tuned(kernel: ProcessKernel, rows: RelativeRows, target: Floats) -> Floats:
    """Maximise the marginal likelihood over log variances, with a weak prior on them."""
    components = np.stack([*kernel.carried(rows.X, rows.X), *kernel.own(rows)])
    count, size = len(components), len(target)
    flat = components.reshape(count, -1)
    level = LEVEL_VARIANCE * (rows.problem[:, None] == rows.problem[None])
    identity = np.eye(size)

    def loss(logs: Floats) -> tuple[float, Floats]:
        variances = np.exp(logs)
        covariance = (variances[:count] @ flat).reshape(size, size) + level
        covariance += (variances[count] + LEAST_NOISE) * identity
        factor = cho_factor(covariance, lower=True)
        solved = cho_solve(factor, target)
        inside = 0.5 * (cho_solve(factor, identity) - np.outer(solved, solved))
        value = 0.5 * target @ solved + np.log(np.diag(factor[0])).sum()
        slope = np.append(flat @ inside.ravel(), np.trace(inside)) * variances
        return value + ((logs + 3) ** 2).sum() / 8, slope + (logs + 3) / 4

    start = np.append(np.full(count, np.log(0.5 / count)), np.log(0.05))
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-9, 3)] * (count + 1),
        options={"maxiter": 40},
    )
    return np.asarray(np.exp(found.x))


def _sample(
    rows: RelativeRows, size: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose about `size` rows, whole groups alike: problems in turn, long ones thinned."""
    chosen = np.zeros(len(rows.X), dtype=bool)
    if len(rows.X) <= size:
        return ~chosen
    groups = np.unique(rows.group)
    share = size // len(groups)
    for group in groups:
        inside = rows.group == group
        problems = rng.permutation(np.unique(rows.problem[inside]))
        most, taken = max(12, share // len(problems)), 0
        for problem in problems:
            places = np.flatnonzero(rows.problem == problem)
            if len(places) > most:
                places = rng.choice(places, most, replace=False)
            chosen[places] = True
            taken += len(places)
            if taken >= share:
                break
    return chosen


def _weighted(variances: Floats, components: Iterable[Floats]) -> Floats:
    """Add components up one at a time: all at once would not fit the caches."""
    paired = zip(variances.tolist(), components, strict=False)
    variance, component = next(paired)
    total: Floats = variance * component
    for variance, component in paired:
        total += variance * component
    return total


def _squares(S: Floats, T: Floats, columns: list[int]) -> Floats:
    total = np.zeros((len(S), len(T)))
    for column in columns:
        gap = S[:, column, None] - T[None, :, column]
        gap *= gap
        total += gap
    return total


def _products(S: Floats, T: Floats, columns: list[int]) -> Floats:
    return np.asarray(S[:, columns] @ T[:, columns].T)
