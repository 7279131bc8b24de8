"""What an off-policy estimator is."""

from typing import NamedTuple, Protocol, runtime_checkable

from toolkit.arrays import Floats
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["Contributions", "OffPolicyEstimator"]


class Contributions(NamedTuple):
    """What each decision adds: the value is one sum over the other.

    Attributes
    ----------
    numerator, denominator : ndarray of shape (decisions,)
    """

    numerator: Floats
    denominator: Floats


@runtime_checkable
class OffPolicyEstimator(Protocol):
    """Estimates the mean cost of a policy from another one's log."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def contributions(self, log: LoggedDecisions) -> Contributions:
        """Say what each decision adds.

        Parameters
        ----------
        log : LoggedDecisions
            The logged decisions, as the evaluated policy would have taken them.

        Returns
        -------
        Contributions
            Two numbers a decision; the estimate is the ratio of their totals.
        """
        ...
