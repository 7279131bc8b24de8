"""What an off-policy estimator is."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["Contributions", "OffPolicyEstimator"]

FloatArray = NDArray[np.float64]


class Contributions(NamedTuple):
    """What each decision adds: the value is one sum over the other.

    Attributes
    ----------
    numerator, denominator : ndarray of shape (decisions,)
    """

    numerator: FloatArray
    denominator: FloatArray


@runtime_checkable
class OffPolicyEstimator(Protocol):
    """Estimates the mean cost of a policy from another one's log."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Say what each decision adds."""
        ...
