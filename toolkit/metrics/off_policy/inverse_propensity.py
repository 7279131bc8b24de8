"""Inverse propensity scoring, plain and self-normalised."""

import numpy as np

from toolkit.metrics.off_policy.base import Contributions
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["InversePropensity", "SelfNormalised"]


class InversePropensity:
    """Weight each cost by how much more often the evaluated policy would take it.

    Unbiased with known propensities; its variance grows with the weights, and it moves
    with the origin of the cost scale, which log cost does not have: prefer another.

    References
    ----------
    Horvitz and Thompson, *A generalization of sampling without replacement from a
    finite universe*, JASA 47 (1952).

    Examples
    --------
    >>> import numpy as np
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.5]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array([0, 1]),
    ... )
    >>> top, bottom = InversePropensity().contributions(log)
    >>> float(top.sum() / bottom.sum())
    1.0
    """

    name = "ips"

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add weight times cost; every decision counts one."""
        return Contributions(log.weights * log.costs, np.ones_like(log.costs))


class SelfNormalised:
    """As inverse propensity, divided by the weights' own sum instead of the count.

    Biased by the order of 1 / effective sample size, stays inside the range of the
    costs, and does not move with the origin of the cost scale.

    References
    ----------
    Swaminathan and Joachims, *The self-normalized estimator for counterfactual
    learning*, NeurIPS 2015.

    Examples
    --------
    >>> import numpy as np
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.5]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array([0, 1]),
    ... )
    >>> [column.tolist() for column in SelfNormalised().contributions(log)]
    [[2.0, 0.0], [2.0, 0.0]]
    """

    name = "snips"

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Add weight times cost; every decision counts its weight."""
        return Contributions(log.weights * log.costs, log.weights)
