"""Switch: doubly robust where weights are small, the model alone where they are large."""

import numpy as np

from toolkit.errors import UsageError
from toolkit.metrics.off_policy.base import Contributions
from toolkit.metrics.off_policy.logged import LoggedDecisions
from toolkit.metrics.off_policy.recalibration import corrected, recalibrated

__all__ = ["Switch", "switch_threshold"]


class Switch:
    """Correct the model only by decisions whose weight is at most a threshold.

    Trades the variance of large weights for the model's bias on the actions they stand
    for.

    Parameters
    ----------
    threshold : float or None
        Largest weight that corrects, above 0; `None` lets `switch_threshold` choose
        from the log.

    References
    ----------
    Wang, Agarwal and Dudik, *Optimal and adaptive off-policy evaluation in contextual
    bandits*, ICML 2017 (the SWITCH-DR estimator).

    Examples
    --------
    Nine decisions carry the estimate; the tenth would weigh a hundred times as much:

    >>> costs = np.arange(10.0)
    >>> log = LoggedDecisions(
    ...     costs=costs,
    ...     propensities=np.where(costs < 9, 1.0, 0.01),
    ...     target=np.ones(10),
    ...     clusters=np.arange(10),
    ...     predicted=costs,
    ...     predicted_target=costs,
    ... )
    >>> top, bottom = Switch(threshold=10.0).contributions(log)
    >>> float(top.sum() / bottom.sum())
    4.5
    """

    name = "switch"

    def __init__(self, *, threshold: float | None = None) -> None:
        if threshold is not None and not threshold > 0:
            raise UsageError(f"`threshold` must be above 0 (got {threshold})")
        self.threshold = threshold

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add expectation, and weighted error where the weight is small enough."""
        threshold = switch_threshold(log) if self.threshold is None else self.threshold
        kept = np.where(log.weights <= threshold, log.weights, 0.0)
        return corrected(log, kept, self.name)


def switch_threshold(log: LoggedDecisions) -> float:
    """Choose the threshold with the least bound on the mean squared error.

    Variance is the sample's; bias is at most the largest error of the model times the
    share of the evaluated policy that lies beyond the threshold (section 4 of Wang,
    Agarwal and Dudik), estimated by weighting the logged decisions.

    Parameters
    ----------
    log : LoggedDecisions
        With predictions.

    Returns
    -------
    float
        One of the weights in the log, or infinity where nothing is cut off.

    Examples
    --------
    A model without error needs no correction, and of equals the one that trusts the log
    more wins:

    >>> log = LoggedDecisions(
    ...     costs=np.arange(4.0),
    ...     propensities=np.full(4, 0.5),
    ...     target=np.ones(4),
    ...     clusters=np.arange(4),
    ...     predicted=np.arange(4.0),
    ...     predicted_target=np.arange(4.0),
    ... )
    >>> switch_threshold(log)
    inf
    """
    predicted, expected = recalibrated(log, log.weights, Switch.name)
    errors = log.costs - predicted
    largest = float(np.abs(errors).max())
    best, chosen = np.inf, np.inf
    # From the largest down, so that of equals the one that trusts the log more wins.
    for threshold in (np.inf, *np.unique(log.weights[log.weights > 0])[::-1]):
        kept = log.weights <= threshold
        values = expected + np.where(kept, log.weights * errors, 0.0)
        beyond = min(1.0, float(log.weights[~kept].sum()) / len(errors))
        bound = float(values.var()) / len(errors) + (largest * beyond) ** 2
        if bound < best * (1 - 1e-12):
            best, chosen = bound, float(threshold)
    return chosen
