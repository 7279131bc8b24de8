"""Intervals and confidence for unseen groups, from groups left out in turn.

An interval's half width is a factor times the deviation that the learned curve prior
expects at that action, so that actions far from the middle have wider ones. The factor
is the level's quantile of held-out errors in those units with every *group* weighing
alike. With G groups the spread between groups is itself known from G values only, so
the share left outside is shrunk from 1 - p to (1 - p)(G - 1) / (G + 1). That is a
correction, not a guarantee: one for unseen groups needs more than p / (1 - p) of them
(nine for 90 %), and with fewer none can be given.

References
----------
Dunn, Wasserman and Ramdas, *Distribution-free prediction sets for two-layer
hierarchical models*, JASA 118 (2023): pooling with groups weighing alike.
"""

import numpy as np
from numpy.typing import NDArray

from toolkit.models import RelativeRows
from toolkit.policies import Confidence, Floats, MeasurementPrior, curve_kernels

__all__ = [
    "curve_deviation",
    "difference_deviation",
    "fit_confidence",
    "half_width_factor",
]

Places = NDArray[np.intp]

ROUNDS = 50
PENALTY = 0.05
"""Ridge on the logistic slopes, in shares of the total weight."""


def curve_deviation(prior: MeasurementPrior, points: Floats) -> Floats:
    """Compute the expected deviation of each action's error about the problem's mean error."""
    covariance = _centred_covariance(prior, points)
    return np.sqrt(np.maximum(np.diagonal(covariance), 1e-12))


def difference_deviation(
    prior: MeasurementPrior, points: Floats, first: int, second: int
) -> float:
    """Compute the expected deviation of the error of a difference of two actions."""
    covariance = _covariance(prior, points)
    variance = covariance[first, first] + covariance[second, second]
    return float(np.sqrt(max(variance - 2 * covariance[first, second], 1e-12)))


def half_width_factor(
    rows: RelativeRows, held_out: Floats, prior: MeasurementPrior, *, level: float
) -> float:
    """Find the factor that covers `level` of held-out errors, groups weighing alike.

    Parameters
    ----------
    rows : RelativeRows
    held_out : array of shape (rows,)
    prior : MeasurementPrior
    level : float
        Nominal coverage, 0 to 1.
    """
    scores = np.empty(len(rows.X))
    weight = np.empty(len(rows.X))
    groups = rows.group_of_problem
    counts = np.bincount(groups)
    for problem in range(len(groups)):
        places = np.flatnonzero(rows.problem == problem)
        points = _points(rows, places, prior)
        error = rows.regret[places] - held_out[places]
        scores[places] = np.abs(error - error.mean()) / curve_deviation(prior, points)
        weight[places] = 1 / len(places) / counts[groups[problem]]
    found = len(counts)
    raised = 1 - (1 - level) * (found - 1) / (found + 1)
    order = np.argsort(scores)
    reached = np.cumsum(weight[order]) / weight.sum()
    place = min(int(np.searchsorted(reached, raised)), len(order) - 1)
    return float(scores[order[place]])


def fit_confidence(
    rows: RelativeRows, held_out: Floats, prior: MeasurementPrior, rules: list[int]
) -> Confidence:
    """Fit the probability of being no worse than the rule on held-out decisions.

    Parameters
    ----------
    rows : RelativeRows
    held_out : array of shape (rows,)
    prior : MeasurementPrior
    rules : list of int
        Position of the rule's action within each problem.
    """
    groups = rows.group_of_problem
    counts = np.bincount(groups)
    design, outcome, weight = [], [], []
    for problem, rule in enumerate(rules):
        places = np.flatnonzero(rows.problem == problem)
        predicted, regret = held_out[places], rows.regret[places]
        answer = int(np.argmin(predicted))
        if answer == rule:
            continue
        saving = float(predicted[rule] - predicted[answer])
        points = _points(rows, places, prior)
        deviation = difference_deviation(prior, points, answer, rule)
        design.append([1.0, saving, saving / deviation])
        outcome.append(float(regret[answer] <= regret[rule] + 1e-9))
        weight.append(1 / np.sqrt(counts[groups[problem]]))
    if not design:
        return Confidence(intercept=0.0, saving=1.0, certainty=0.0)
    found = _logistic(np.array(design), np.array(outcome), np.array(weight))
    return Confidence(
        intercept=float(found[0]), saving=float(found[1]), certainty=float(found[2])
    )


def _logistic(design: Floats, outcome: Floats, weight: Floats) -> Floats:
    """Newton steps; slopes below zero are set to zero: a larger saving is never worse."""
    weight = weight / weight.sum()
    shrink = np.diag([1e-4, PENALTY * 0.2, PENALTY * 0.02])
    solution = np.array([0.0, 1.0, 0.2])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ solution, -30, 30)))
        slope = design.T @ (weight * (chance - outcome)) + shrink @ solution
        bend = design.T @ (design * (weight * chance * (1 - chance))[:, None]) + shrink
        step = np.linalg.solve(bend, slope)
        solution = solution - np.clip(step, -1.0, 1.0)
        solution[1:] = np.maximum(solution[1:], 0.0)
    return solution


def _points(rows: RelativeRows, places: Places, prior: MeasurementPrior) -> Floats:
    columns = [rows.layout.context + axis for axis in prior.axes]
    values = rows.X[places][:, columns] / np.asarray(prior.spread)
    return np.asarray(values - values.mean(axis=0))


def _covariance(prior: MeasurementPrior, points: Floats) -> Floats:
    history = np.asarray(prior.amplitudes[0])
    return np.asarray(np.tensordot(history, curve_kernels(points), 1))


def _centred_covariance(prior: MeasurementPrior, points: Floats) -> Floats:
    covariance = _covariance(prior, points)
    by_row = covariance.mean(axis=0)
    return np.asarray(covariance - by_row - by_row[:, None] + by_row.mean())
