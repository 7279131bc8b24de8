"""Switch: doubly robust where weights are small, the model alone where they are large."""

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics.off_policy.base import Contributions, predictions
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["Switch", "switch_threshold"]

FloatArray = NDArray[np.float64]


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
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.01]),
    ...     target=np.array([1.0, 1.0]),
    ...     clusters=np.array([0, 1]),
    ...     predicted=np.array([0.5, 2.0]),
    ...     predicted_target=np.array([0.5, 2.0]),
    ... )
    >>> Switch(threshold=10.0).contributions(log).numerator.tolist()
    [1.5, 2.0]
    """

    name = "switch"

    def __init__(self, *, threshold: float | None = None) -> None:
        if threshold is not None and not threshold > 0:
            raise UsageError(f"`threshold` must be above 0 (got {threshold})")
        self.threshold = threshold

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add expectation, and weighted error where the weight is small enough."""
        predicted, expected = predictions(log, self.name)
        threshold = switch_threshold(log) if self.threshold is None else self.threshold
        weights = np.where(log.weights <= threshold, log.weights, 0.0)
        corrected = expected + weights * (log.costs - predicted)
        return Contributions(corrected, np.ones_like(log.costs))


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
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.5]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array([0, 1]),
    ...     predicted=np.array([1.0, 3.0]),
    ...     predicted_target=np.array([1.0, 1.0]),
    ... )
    >>> switch_threshold(log)
    inf
    """
    predicted, expected = predictions(log, "switch")
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
