"""How long a model takes from one result to its next calls, by agent and context."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.review.facts import Columns

__all__ = ["TurnTime", "fit_turn_time"]


NEIGHBOURS = 40
"""Turns of the same agent, nearest in context size, that a turn's time is drawn from."""

FEWEST = 30
"""Turns of one model that its time an output token is fitted on; below, all models'."""

TRIMMED = 0.99
"""Quantile of the residuals beyond which a turn does not enter the fit."""

OWN_WEIGHT = 30.0
"""Turns of an agent whose own variance weighs as much as that of all agents: few turns
of a skewed time show too little of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTime:
    """Distribution of each turn's time: the turns of its agent with a like context.

    Attributes
    ----------
    token_s : ndarray of shape (batches,)
        Seconds that one output token takes with the model of that batch.
    mean_s, variance : ndarray of shape (batches,)
        Of the time of a turn at that batch's context, without its output tokens.
    known : ndarray of shape (batches,)
        Measured turns that the batch's agent has, at least 1.
    """

    token_s: Floats
    mean_s: Floats
    variance: Floats
    known: Floats


def fit_turn_time(batches: Columns, timed: NDArray[np.bool_]) -> TurnTime:
    """Fit the turn times of a history.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.
    timed : ndarray of bool, shape (batches,)
        Batches whose turn is measured and had no person in it.

    Returns
    -------
    TurnTime
    """
    output = np.nan_to_num(batches["turn_output"].astype(np.float64))
    turn = batches["turn_s"].astype(np.float64)
    token_s = _token_times(batches["model"], output, turn, timed)
    rest = turn - token_s * output
    pooled = float(np.var(rest[timed])) if timed.any() else 0.0
    mean, variance = np.zeros(len(turn)), np.zeros(len(turn))
    count = np.ones(len(turn))
    context = batches["context_tokens"].astype(np.float64)
    for rows in groups(batches, "session", "agent"):
        known = rows[timed[rows]]
        if not len(known):
            known = np.flatnonzero(timed)
        if not len(known):
            continue
        count[rows] = len(known)
        order = known[np.argsort(np.nan_to_num(context[known]), kind="stable")]
        near, own = _near(
            np.nan_to_num(context[order]), rest[order], np.nan_to_num(context[rows])
        )
        mean[rows] = near
        weight = len(known) / (len(known) + OWN_WEIGHT)
        variance[rows] = weight * own + (1 - weight) * pooled
    return TurnTime(token_s=token_s, mean_s=mean, variance=variance, known=count)


def groups(batches: Columns, *names: str) -> list[NDArray[np.int64]]:
    """List the rows of each combination of some columns, in order of time."""
    keys = np.array([" ".join(map(str, key)) for key in _keys(batches, names)])
    _, inverse = np.unique(keys, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.flatnonzero(np.diff(inverse[order])) + 1
    return [part.astype(np.int64) for part in np.split(order, ends) if len(part)]


def _keys(batches: Columns, names: tuple[str, ...]) -> list[tuple[object, ...]]:
    return list(zip(*(batches[name] for name in names), strict=True))


def _token_times(
    models: NDArray[np.object_],
    output: Floats,
    turn: Floats,
    timed: NDArray[np.bool_],
) -> Floats:
    """Seconds an output token, by least squares without the longest turns."""
    pooled = _slope(output[timed], turn[timed])
    found = np.full(len(output), pooled)
    for model in set(models):
        rows = models == model
        if (rows & timed).sum() >= FEWEST:
            found[rows] = _slope(output[rows & timed], turn[rows & timed])
    return found


def _slope(output: Floats, turn: Floats) -> float:
    if len(turn) < 2:
        return 0.0
    first = _least_squares(output, turn)
    residual = np.abs(turn - turn.mean() - first * (output - output.mean()))
    kept = residual <= np.quantile(residual, TRIMMED)
    return max(_least_squares(output[kept], turn[kept]), 0.0)


def _least_squares(x: Floats, y: Floats) -> float:
    spread = float(np.var(x))
    if spread == 0:
        return 0.0
    return float(np.mean((x - x.mean()) * (y - y.mean()))) / spread


def _near(context: Floats, rest: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the times nearest in context; `context` is ascending."""
    width = min(NEIGHBOURS, len(context))
    begin = np.searchsorted(context, at) - width // 2
    begin = np.clip(begin, 0, len(context) - width)
    window = np.lib.stride_tricks.sliding_window_view(rest, width)[begin]
    mean = np.maximum(window.mean(axis=1), 0.0)
    return mean, window.var(axis=1, ddof=1 if width > 1 else 0)
