"""Doubly robust: the cost model, corrected where the log allows."""

from toolkit.metrics.off_policy.base import Contributions
from toolkit.metrics.off_policy.logged import LoggedDecisions
from toolkit.metrics.off_policy.recalibration import corrected

__all__ = ["DoublyRobust"]


class DoublyRobust:
    """Add to the model's expectation its weighted error on the logged actions.

    Unbiased if the propensities are right, whatever the model; a good model makes it
    precise. Predictions must come from folds without the decision's own cluster; they
    are laid on the other clusters' costs first (`recalibrated`).

    References
    ----------
    Dudik, Langford and Li, *Doubly robust policy evaluation and learning*, ICML 2011.

    Examples
    --------
    Two actions of cost 1 and 3; the model is 10 too low, and the log puts it right:

    >>> import numpy as np
    >>> second = np.array([0.0, 1.0, 0.0, 1.0])
    >>> model = 2 * second - 9
    >>> log = LoggedDecisions(
    ...     costs=model + 10,
    ...     propensities=np.full(4, 0.5),
    ...     target=second,
    ...     clusters=np.arange(4),
    ...     predicted=model,
    ...     predicted_target=np.full(4, -7.0),
    ... )
    >>> DoublyRobust().contributions(log).numerator.tolist()
    [3.0, 3.0, 3.0, 3.0]
    """

    name = "dr"

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add expectation and weighted error; every decision counts one."""
        return corrected(log, log.weights, self.name)
