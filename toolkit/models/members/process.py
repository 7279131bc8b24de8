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

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, lapack
from scipy.optimize import minimize

from toolkit.arrays import Floats
from toolkit.models import RelativeRows, centred
from toolkit.models.members.process_kernel import ProcessKernel
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedProcess", "RelativeProcess"]


LEVEL_VARIANCE = 100.0
LEAST_NOISE = 1e-4
CHUNK = 2048
"""Rows predicted at once."""


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
    sums = _KernelSums.of(kernel, rows)
    size, count = len(target), sums.count
    level = LEVEL_VARIANCE * (
        rows.problem[sums.below[0]] == rows.problem[sums.below[1]]
    )
    diagonal = sums.below[0] == sums.below[1]
    both_sides = np.where(diagonal, 1.0, 2.0)

    def loss(logs: Floats) -> tuple[float, Floats]:
        variances = np.exp(logs)
        covariance = np.zeros((size, size), order="F")
        covariance[sums.below] = sums.weighed(variances[:count]) + level
        covariance[np.diag_indices(size)] += variances[count] + LEAST_NOISE
        factor, failed = lapack.dpotrf(covariance, lower=True, overwrite_a=True)
        if failed:
            raise np.linalg.LinAlgError("the covariance is not positive definite")
        solved, _ = lapack.dpotrs(factor, target, lower=True)
        value = 0.5 * target @ solved + np.log(np.diag(factor)).sum()
        inverse, _ = lapack.dpotri(factor, lower=True)
        outer = solved[sums.below[0]] * solved[sums.below[1]]
        inside = 0.5 * both_sides * (inverse[sums.below] - outer)
        slope = np.append(sums.projected(inside), inside[diagonal].sum()) * variances
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _KernelSums:
    """The components between rows of one sample, as sums over them need them.

    Symmetric matrices: lower triangles, laid out flat. A product of a context kernel and
    an action kernel is not held, which would be most of the memory that a sum reads.
    """

    below: tuple[NDArray[np.intp], NDArray[np.intp]]
    contexts: Floats
    actions: Floats
    others: Floats

    @classmethod
    def of(cls, kernel: ProcessKernel, rows: RelativeRows) -> "_KernelSums":
        below = np.tril_indices(len(rows.X))
        S = kernel.scaled(rows.X)
        others = chain(kernel.difference_kernels(rows.X, rows.X), kernel.own(rows))
        return cls(
            below=below,
            contexts=np.stack([k[below] for k in kernel.context_kernels(S, S)]),
            actions=np.stack([k[below] for k in kernel.action_kernels(S, S)]),
            others=np.stack([k[below] for k in others]),
        )

    @property
    def products(self) -> int:
        """How many products of a context and an action there are."""
        return len(self.contexts) * len(self.actions)

    @property
    def count(self) -> int:
        """How many components there are."""
        return self.products + len(self.others)

    def weighed(self, variances: Floats) -> Floats:
        """Add the components up, each times its variance."""
        pairs = variances[: self.products].reshape(len(self.contexts), -1)
        shared = np.einsum("an,an->n", self.actions, pairs.T @ self.contexts)
        return np.asarray(shared + variances[self.products :] @ self.others)

    def projected(self, values: Floats) -> Floats:
        """Multiply each component with the values and add its entries up."""
        pairs = self.contexts @ (self.actions * values).T
        return np.append(pairs.ravel(), self.others @ values)


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
