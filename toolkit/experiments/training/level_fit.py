"""Fits the level of costs: a ridge on the context, its penalty chosen by groups left out."""

import numpy as np
from numpy.typing import NDArray

from toolkit.models import DecisionTable
from toolkit.policies import CostLevel, Floats

__all__ = ["PENALTIES", "fit_level", "ridge"]

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Ridge penalties that are tried, in standardised problems."""
LEAST_DEVIATION = 0.05


def fit_level(table: DecisionTable) -> CostLevel:
    """Fit the mean log cost of a problem's actions on its encoded context.

    Parameters
    ----------
    table : DecisionTable
        Training groups only; every group is left out in turn.
    """
    X = np.array(
        [table.schema.encode_context(p.context) for p in table.problems], np.float64
    )
    y = np.array([costs.mean() for costs in table.log_costs])
    groups = np.unique(table.groups, return_inverse=True)[1]
    centre = np.nan_to_num(_mean(X))
    moved = np.where(np.isnan(X), 0.0, X - centre)
    spread = moved.std(axis=0)
    scaled = moved / np.where(spread > 0, spread, 1.0)
    errors = [_left_out(scaled, y, groups, penalty) for penalty in PENALTIES]
    best = int(np.argmin([np.mean(e**2) for e in errors]))
    weights = ridge(scaled, y - y.mean(), PENALTIES[best])
    slope = np.where(spread > 0, weights / np.where(spread > 0, spread, 1.0), 0.0)
    return CostLevel(
        intercept=float(y.mean()),
        centre=tuple(map(float, centre)),
        slope=tuple(map(float, slope)),
        spread=tuple(map(float, spread)),
        deviation=max(float(np.sqrt(np.mean(errors[best] ** 2))), LEAST_DEVIATION),
    )


def _mean(X: Floats) -> Floats:
    known = np.isfinite(X)
    total = np.where(known, X, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def ridge(X: Floats, y: Floats, penalty: float) -> Floats:
    """Solve a ridge regression without intercept.

    Parameters
    ----------
    X : array of shape (rows, columns)
    y : array of shape (rows,)
    penalty : float

    Returns
    -------
    array of shape (columns,)
    """
    gram = X.T @ X + penalty * np.eye(X.shape[1])
    return np.asarray(np.linalg.solve(gram, X.T @ y))


def _left_out(X: Floats, y: Floats, groups: NDArray[np.intp], penalty: float) -> Floats:
    """Errors of each problem, by a fit on the other groups."""
    errors = np.empty(len(y))
    for group in np.unique(groups):
        out = groups == group
        mean = y[~out].mean() if (~out).any() else 0.0
        weights = ridge(X[~out], y[~out] - mean, penalty)
        errors[out] = y[out] - mean - X[out] @ weights
    return errors
