"""Learns how far history may be trusted on one problem, from groups left out in turn.

The residual of a held-out prediction is a curve over the actions of a problem. Its
variance components are found by marginal likelihood, once for the curve that history
predicts and once for no curve at all; the prior weight of each, at several scales, by
expectation maximisation over what a few runs of each problem would have shown.

History's worth is then found by replay: three runs are spent on problems of each training group,
with the curve as it is predicted (softened), with the curve unsoftened, and without any
history. Runs on new problems follow a form of history only where a bound over groups shows
that it costs less than none; of such forms, the one that costs least.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from toolkit.arrays import Floats, Ints
from toolkit.models.decision_table import DecisionTable
from toolkit.models.rows import KNEE, RelativeRows, centred
from toolkit.models.stack import FittedStack, shown_cheaper
from toolkit.policies.adaptation import (
    Belief,
    MeasurementPrior,
    curve_kernels,
    spend,
    unsoftened,
)

__all__ = ["learn_measurement_prior", "learn_stack_prior"]


SCALES = (0.25, 1.0, 4.0, 16.0)
LEVEL_VARIANCE = 30.0
MOST_PROBLEMS = 120
MOST_ACTIONS = 12
STRETCHES = np.array([1.0, 0.35, 0.6, 1.7, 3.0])
"""Factors on the length of an axis that are tried, one axis at a time."""
SWEEPS = 2
RUNS = 4
"""Runs that a problem shows when the weights are learned."""
DRAWS = 2
ROUNDS = 15
MOST_REPLAYED = 40
"""Problems on which history's worth is found."""
REPLAYED_RUNS = 3
SHOWN = 0.8
"""One-sided level at which a form of history must be cheaper than none in replays: of 0.5,
0.8, 0.9, 0.95 and 0.975 the lowest under which no table of 41 drawn for choosing lost."""
SHOWN_OF_CONSTANT = 0.95
"""The same where history is but the curve of a constant, and runs can go astray along
`MANY_AXES`: `experiments/009-made-up`."""
MANY_AXES = 4
SMOOTHING = 0.2
"""Share of the weights that is spread evenly: no component is ever ruled out."""


def learn_stack_prior(
    table: DecisionTable, rows: RelativeRows, stack: FittedStack, seed: int
) -> MeasurementPrior:
    """Learn how far own runs may follow a fitted stack.

    Parameters
    ----------
    table : DecisionTable
        What the stack was fitted on.
    rows : RelativeRows
        The table's.
    stack : FittedStack
    seed : int

    Returns
    -------
    MeasurementPrior
    """
    return learn_measurement_prior(
        rows,
        stack.held_out,
        table.axes,
        seed,
        noise=table.noise or 0.0,
        carries=stack.carries,
    )


def learn_measurement_prior(
    rows: RelativeRows,
    held_out: Floats,
    axes: tuple[int, ...],
    seed: int,
    *,
    noise: float = 0.0,
    carries: bool = True,
) -> MeasurementPrior:
    """Learn a prior from held-out predictions.

    Parameters
    ----------
    rows : RelativeRows
    held_out : array of shape (rows,)
        Predictions by models that had not seen the row's group.
    axes : tuple of int
        Action columns that differ within problems.
    seed : int
    noise : float
        Variance of the log cost of one own run, as the history's repeats show it.
    carries : bool
        Whether the stack was shown better than a constant. Else the predictions are the
        constant's curve, and replays must show more before runs follow it.

    Returns
    -------
    MeasurementPrior
        Of the form, plain or stretched, under which the errors are likelier.
    """
    forms = [
        _learned(rows, held_out, axes, seed, noise=noise, stretch=stretch)
        for stretch in (False, True)
    ]
    # Without history: its components weigh nothing.
    alone = replace(
        forms[0], weights=((0.0,) * len(SCALES), _shares(forms[0].weights[1]))
    )
    forms.append(alone)
    *paid, paid_alone = [_replayed(rows, held_out, prior, seed) for prior in forms]
    level = SHOWN if carries or len(axes) < MANY_AXES else SHOWN_OF_CONSTANT
    shown = [
        (float(losses.mean()), place)
        for place, losses in enumerate(paid)
        if shown_cheaper(losses - paid_alone, level=level)
    ]
    return forms[min(shown)[1]] if shown else alone


def _shares(weights: tuple[float, ...]) -> tuple[float, ...]:
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def _replayed(
    rows: RelativeRows, held_out: Floats, prior: MeasurementPrior, seed: int
) -> Floats:
    """Mean regret after a few single runs on held-out problems, shape (groups,)."""
    rng = np.random.default_rng(seed)
    groups = rows.group_of_problem
    problems = np.arange(len(groups))
    if len(problems) > MOST_REPLAYED:
        odds = 1 / np.bincount(groups)[groups]
        problems = rng.choice(
            problems, MOST_REPLAYED, replace=False, p=odds / odds.sum()
        )
    deviation = float(np.sqrt(prior.noise))
    regrets = []
    for problem in problems.tolist():
        places = np.flatnonzero(rows.problem == problem)
        costs, errors = rows.regret[places], deviation * rng.normal(size=len(places))
        belief = Belief(prior, _points(rows, places, prior), held_out[places])
        (answer,) = spend(
            belief, (costs + errors).tolist().__getitem__, [REPLAYED_RUNS]
        )
        regrets.append(float(costs[answer]))
    labels = groups[problems]
    counts = np.bincount(labels)
    return np.asarray(np.bincount(labels, regrets)[counts > 0] / counts[counts > 0])


def _points(rows: RelativeRows, places: Ints, prior: MeasurementPrior) -> Floats:
    """Place the actions of a problem on the curve's axes: centred, in spreads."""
    columns = [rows.layout.context + axis for axis in prior.axes]
    values = rows.X[places][:, columns] / np.asarray(prior.spread)
    return np.asarray(values - values.mean(axis=0))


def _unsoftened(values: Floats, problem: Ints) -> Floats:
    """Unsoften the predicted curve of each problem."""
    least = np.full(int(problem.max()) + 1, np.inf)
    np.minimum.at(least, problem, values)
    away = unsoftened(values - least[problem], KNEE)
    return centred(least[problem] + away, problem)


def _learned(
    rows: RelativeRows,
    held_out: Floats,
    axes: tuple[int, ...],
    seed: int,
    *,
    noise: float,
    stretch: bool,
) -> MeasurementPrior:
    """Learn amplitudes, lengths and weights for one form of the predicted curve."""
    if stretch:
        held_out = _unsoftened(held_out, rows.problem)
    rng = np.random.default_rng(seed)
    first = rows.layout.context
    values = rows.X[:, [first + axis for axis in axes]]
    within = centred(values, rows.problem)
    spread = np.sqrt(np.average(within**2, axis=0, weights=rows.weight)) + 1e-9
    points = within / spread
    residuals = [rows.regret - held_out, rows.regret]
    if len(axes) > 1:
        first_fit = _components(rows, points, residuals[0], rng)
        lengths = _lengths(_curves(rows, points, residuals[0], rng), first_fit)
        spread, points = spread * lengths, points / lengths
    amplitudes = [_components(rows, points, r, rng) for r in residuals]
    weights = _weights(rows, points, np.stack(residuals), np.stack(amplitudes), rng)
    pairs = [tuple(map(float, row)) for row in weights]
    shapes = [tuple(map(float, row)) for row in amplitudes]
    return MeasurementPrior(
        axes=tuple(axes),
        spread=tuple(map(float, spread)),
        amplitudes=(shapes[0], shapes[1]),
        scales=SCALES,
        weights=(pairs[0], pairs[1]),
        noise=noise,
        stretch=stretch,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curves:
    """Residual curves of some problems, padded to the same number of actions."""

    points: Floats
    kernels: Floats
    residual: Floats
    known: NDArray[np.bool_]
    weight: Floats


def _components(
    rows: RelativeRows, points: Floats, residual: Floats, rng: np.random.Generator
) -> Floats:
    """Maximise the marginal likelihood of the curves, groups weighing alike."""
    curves = _curves(rows, points, residual, rng)
    count = len(curves.kernels)
    both = curves.known[:, :, None] & curves.known[:, None, :]
    padding = np.eye(both.shape[1]) * ~curves.known[:, :, None]
    kernels = np.where(both, curves.kernels, 0.0)
    fixed = both * LEVEL_VARIANCE + padding + both * 1e-5 * np.eye(both.shape[1])

    def loss(logs: Floats) -> tuple[float, Floats]:
        variances = np.exp(logs)
        covariance = np.tensordot(variances, kernels, 1) + fixed
        inverse = np.linalg.inv(covariance)
        _, log_determinant = np.linalg.slogdet(covariance)
        solved = (inverse @ curves.residual[..., None])[..., 0]
        fit = (solved * curves.residual).sum(axis=1) + log_determinant
        inside = 0.5 * (inverse - solved[:, :, None] * solved[:, None, :])
        inside *= curves.weight[:, None, None]
        slope = (kernels * inside).sum(axis=(1, 2, 3)) * variances
        value = 0.5 * float(curves.weight @ fit) + 0.05 * ((logs + 3) ** 2).sum()
        return value, slope + 0.1 * (logs + 3)

    start = np.append(np.full(count - 1, -2.0), -4.0)
    bounds = [(-10.0, 4.0)] * (count - 1) + [(-8.0, 2.0)]
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 40},
    )
    return np.asarray(np.exp(found.x))


def _lengths(curves: _Curves, amplitudes: Floats) -> Floats:
    """Stretch each axis by the factor that makes the curves likeliest, one at a time."""
    lengths = np.ones(curves.points.shape[2])
    for _ in range(SWEEPS):
        for axis in range(len(lengths)):
            tried = np.repeat(lengths[None], len(STRETCHES), axis=0)
            tried[:, axis] *= STRETCHES
            losses = [_misfit(curves, amplitudes, each) for each in tried]
            lengths = tried[int(np.argmin(losses))]
    return lengths


def _misfit(curves: _Curves, amplitudes: Floats, lengths: Floats) -> float:
    """Negative log marginal likelihood of the curves, groups weighing alike."""
    both = curves.known[:, :, None] & curves.known[:, None, :]
    kernels = np.tensordot(amplitudes, curve_kernels(curves.points / lengths), 1)
    size = both.shape[1]
    padding = np.eye(size) * ~curves.known[:, :, None]
    covariance = np.where(both, kernels + LEVEL_VARIANCE + 1e-4 * np.eye(size), padding)
    _, log_determinant = np.linalg.slogdet(covariance)
    solved = np.linalg.solve(covariance, curves.residual[..., None])[..., 0]
    fit = (solved * curves.residual).sum(axis=1) + log_determinant
    return float(curves.weight @ fit)


def _curves(
    rows: RelativeRows, points: Floats, residual: Floats, rng: np.random.Generator
) -> _Curves:
    problems = _chosen_problems(rows, rng)
    size = min(MOST_ACTIONS, int(np.bincount(rows.problem).max()))
    placed = np.zeros((len(problems), size, points.shape[1]))
    values = np.zeros((len(problems), size))
    known = np.zeros((len(problems), size), dtype=bool)
    for row, problem in enumerate(problems):
        places = np.flatnonzero(rows.problem == problem)
        if len(places) > size:
            places = rng.choice(places, size, replace=False)
        placed[row, : len(places)] = points[places]
        values[row, : len(places)] = residual[places] - residual[places].mean()
        known[row, : len(places)] = True
    groups = rows.group_of_problem[problems]
    weight = 1 / np.bincount(groups)[groups]
    return _Curves(
        points=placed,
        kernels=curve_kernels(placed),
        residual=values,
        known=known,
        weight=weight / weight.mean(),
    )


def _chosen_problems(rows: RelativeRows, rng: np.random.Generator) -> Ints:
    """Choose at most `MOST_PROBLEMS` problems, small groups as likely as large ones."""
    groups = rows.group_of_problem
    problems = np.arange(len(groups))
    if len(problems) <= MOST_PROBLEMS:
        return problems
    odds = 1 / np.bincount(groups)[groups]
    return rng.choice(problems, MOST_PROBLEMS, replace=False, p=odds / odds.sum())


def _weights(
    rows: RelativeRows,
    points: Floats,
    residuals: Floats,
    amplitudes: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Weigh (mean, scale) by what a few runs show, shape (2, scales)."""
    fits, groups = [], []
    for problem in _chosen_problems(rows, rng):
        places = np.flatnonzero(rows.problem == problem)
        base = np.tensordot(amplitudes, curve_kernels(points[places]), 1)
        for _ in range(DRAWS):
            seen = rng.choice(len(places), min(RUNS, len(places)), replace=False)
            fits.append(_fits(base[:, seen][:, :, seen], residuals[:, places[seen]]))
            groups.append(rows.group_of_problem[problem])
    labels = np.asarray(groups)
    share = 1 / np.bincount(labels)[labels]
    mixed = _mixture(np.asarray(fits), share / share.sum())
    return mixed.reshape(len(residuals), len(SCALES))


def _fits(base: Floats, residual: Floats) -> Floats:
    """Log likelihood of a few residuals under every component."""
    size = residual.shape[1]
    values = []
    for matrix, error in zip(base, residual, strict=True):
        for scale in SCALES:
            covariance = scale * matrix + LEVEL_VARIANCE**2 + 1e-6 * np.eye(size)
            _, log_determinant = np.linalg.slogdet(covariance)
            square = error @ np.linalg.solve(covariance, error)
            values.append(-0.5 * (square + log_determinant))
    return np.asarray(values)


def _mixture(fits: Floats, share: Floats) -> Floats:
    """Find mixture weights by expectation maximisation."""
    count = fits.shape[1]
    weights = np.full(count, 1 / count)
    odds = np.exp(fits - fits.max(axis=1, keepdims=True))
    for _ in range(ROUNDS):
        blame = weights * odds
        blame /= blame.sum(axis=1, keepdims=True)
        weights = (share @ blame + SMOOTHING / count) / (1 + SMOOTHING)
    return weights
