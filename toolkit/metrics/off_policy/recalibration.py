"""A cost model laid on the log before it is used, and the skeleton of its estimators."""

import numpy as np

from toolkit.arrays import Floats, Ints
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics.off_policy.base import Contributions
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["corrected", "predictions", "recalibrated"]


ROUNDING = 1e-12


def predictions(log: LoggedDecisions, name: str) -> tuple[Floats, Floats]:
    """Take the model's columns of a log.

    Raises
    ------
    UsageError
        The log has none, and the estimator of this name needs them.
    """
    if log.predicted is None or log.predicted_target is None:
        raise UsageError(
            f"`{name}` needs `predicted` and `predicted_target`: fit a cost model, or "
            "use `ips` or `snips`"
        )
    return log.predicted, log.predicted_target


def corrected(log: LoggedDecisions, weights: Floats, name: str) -> Contributions:
    """Add to the recalibrated expectation its weighted error; each decision counts one.

    Parameters
    ----------
    log : LoggedDecisions
    weights : ndarray of shape (decisions,)
        How much each decision corrects, from 0.
    name : str
        Of the estimator, for its errors.
    """
    predicted, expected = recalibrated(log, weights, name)
    return Contributions(
        expected + weights * (log.costs - predicted), np.ones_like(log.costs)
    )


def recalibrated(
    log: LoggedDecisions, weights: Floats, name: str
) -> tuple[Floats, Floats]:
    """Lay a cost model on the log by a line: slope from all, level from this policy.

    The slope is that of cost on prediction over all decisions, so that a model which is
    wrong everywhere in the same way is put right. The level makes up for the mean error
    on the evaluated policy's own actions, under weights w (w - 1), which leaves the least
    variance in w (cost - prediction): without it an estimate rises and falls with how
    often exploration happened to take those actions, and a log that passes the overlap
    check because it was often is biased. Both come from the other clusters, so that a
    weight of mean 1 still cancels whatever they are.

    Parameters
    ----------
    log : LoggedDecisions
        With predictions.
    weights : ndarray of shape (decisions,)
        How much each decision will correct.
    name : str
        Of the estimator, for its errors.

    Returns
    -------
    predicted, expected : ndarray of shape (decisions,)
        Of the logged action, and of what the evaluated policy would take.

    Raises
    ------
    NotEnoughDataError
        One cluster only: there is no other one to learn from.

    References
    ----------
    Farajtabar, Chow and Ghavamzadeh, *More robust doubly robust off-policy evaluation*,
    ICML 2018 (the weights). Mincer and Zarnowitz, *The evaluation of economic
    forecasts*, in Economic Forecasts and Expectations (1969) (the line).

    Examples
    --------
    A model that calls cheap what is dear is turned round:

    >>> costs = np.array([1.0, 3.0, 1.0, 3.0])
    >>> log = LoggedDecisions(
    ...     costs=costs,
    ...     propensities=np.full(4, 0.5),
    ...     target=np.array([0.0, 1.0, 0.0, 1.0]),
    ...     clusters=np.arange(4),
    ...     predicted=-costs,
    ...     predicted_target=np.full(4, -3.0),
    ... )
    >>> [column.tolist() for column in recalibrated(log, log.weights, "dr")]
    [[1.0, 3.0, 1.0, 3.0], [3.0, 3.0, 3.0, 3.0]]
    """
    predicted, expected = predictions(log, name)
    _, clusters = np.unique(log.clusters, return_inverse=True)
    if not clusters.any():
        raise NotEnoughDataError(
            f"an estimate by `{name}`", got=1, needed=2, unit="clusters"
        )
    own = weights * np.maximum(weights - 1, 0)
    # About the middle, so that far from 0 no digits are lost.
    x_middle, y_middle = predicted.mean(), log.costs.mean()
    a, b = predicted - x_middle, log.costs - y_middle
    columns = np.stack([np.ones_like(a), a, b, a * a, a * b, own, own * a, own * b])
    rows, of_a, of_b, of_aa, of_ab, of_own, own_a, own_b = _of_others(columns, clusters)
    slope = _ratio(
        of_ab - of_a * of_b / rows,
        of_aa - of_a**2 / rows,
        scale=float(columns[3].sum()),
        otherwise=np.ones_like(a),
    )
    level = _ratio(
        own_b - slope * own_a,
        of_own,
        scale=float(own.sum()),
        otherwise=(of_b - slope * of_a) / rows,
    )
    middle = y_middle + level
    return middle + slope * a, middle + slope * (expected - x_middle)


def _of_others(columns: Floats, clusters: Ints) -> Floats:
    """Sum each column, for each row, over all rows but those of the row's cluster."""
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    sums = np.add.reduceat(columns[:, order], starts, axis=1)
    others = sums.sum(axis=1, keepdims=True) - sums
    return np.asarray(others[:, clusters], dtype=np.float64)


def _ratio(top: Floats, bottom: Floats, *, scale: float, otherwise: Floats) -> Floats:
    """Divide where the bottom is more than what rounding leaves of its scale."""
    enough = bottom > ROUNDING * scale
    return np.divide(top, bottom, out=otherwise, where=enough)
