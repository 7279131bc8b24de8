"""What an off-policy estimator is."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["Contributions", "OffPolicyEstimator", "predictions"]

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


def predictions(log: LoggedDecisions, name: str) -> tuple[FloatArray, FloatArray]:
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
