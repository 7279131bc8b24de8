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
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from toolkit.models import KNEE, RelativeRows, centred, softened
from toolkit.models.members.process_kernel import ProcessKernel

__all__ = ["FittedProcess", "RelativeProcess"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
