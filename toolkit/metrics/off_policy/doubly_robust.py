"""Doubly robust: the cost model, corrected where the log allows."""

import numpy as np

from toolkit.metrics.off_policy.base import Contributions, predictions
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["DoublyRobust"]


class DoublyRobust:
    """Add to the model's expectation its weighted error on the logged actions.

    Unbiased if the propensities are right, whatever the model; a good model makes it
    precise. Predictions must come from folds without the decision's own cluster.

    References
    ----------
    Dudik, Langford and Li, *Doubly robust policy evaluation and learning*, ICML 2011.

    Examples
    --------
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.5]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array([0, 1]),
    ...     predicted=np.array([0.5, 2.0]),
    ...     predicted_target=np.array([0.5, 1.5]),
    ... )
    >>> DoublyRobust().contributions(log).numerator.tolist()
    [1.5, 1.5]
    """

    name = "dr"

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add expectation and weighted error; every decision counts one."""
        predicted, expected = predictions(log, self.name)
        corrected = expected + log.weights * (log.costs - predicted)
        return Contributions(corrected, np.ones_like(log.costs))
