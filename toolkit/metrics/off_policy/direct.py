"""The direct method: believe the cost model."""

import numpy as np

from toolkit.metrics.off_policy.base import Contributions
from toolkit.metrics.off_policy.logged import LoggedDecisions
from toolkit.metrics.off_policy.recalibration import predictions

__all__ = ["Direct"]


class Direct:
    """Average what a model expects of the evaluated policy's actions, as it is.

    Needs no overlap and so shows none: a wrong model is reported with a narrow interval.
    It stands in a report to be compared with, not to decide on.

    Examples
    --------
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.5]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array([0, 1]),
    ...     predicted=np.array([1.0, 2.0]),
    ...     predicted_target=np.array([1.0, 1.5]),
    ... )
    >>> Direct().contributions(log).numerator.tolist()
    [1.0, 1.5]
    """

    name = "dm"

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add the expected cost; every decision counts one."""
        _, expected = predictions(log, self.name)
        return Contributions(expected, np.ones_like(log.costs))
