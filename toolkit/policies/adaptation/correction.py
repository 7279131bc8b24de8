"""Observed costs correct predicted ones, every few operations."""

import math
from dataclasses import dataclass

from toolkit.errors import UsageError

__all__ = ["CorrectionSettings", "CostCorrection"]

LARGEST_LOG = 700.0
"""The exponential of more is infinite in 64 bits, that of less is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionSettings:
    """How fast predictions follow observations (specification, section 3).

    Attributes
    ----------
    rate : float
        Share of the observed error that is taken over, 0 to 1.
    every : int
        Operations between two corrections.
    """

    rate: float = 0.1
    every: int = 5

    def __post_init__(self) -> None:
        """Refuse what could not converge."""
        if not 0 <= self.rate <= 1 or self.every < 1:
            raise UsageError(
                f"rate must be 0 to 1 and every at least 1; got {self.rate}, {self.every}"
            )


class CostCorrection:
    """An exponential correction of log cost by its observed error.

    With d the mean of log observed - log predicted over the operations since the last
    correction, the correction c becomes ``c + rate * (d - c)``.

    Parameters
    ----------
    settings : CorrectionSettings

    Examples
    --------
    >>> correction = CostCorrection(CorrectionSettings(rate=0.5, every=4))
    >>> correction.observe(predicted_cost=1.0, observed_cost=2.0, operations=4)
    True
    >>> round(correction.factor, 3)
    1.414
    """

    def __init__(self, settings: CorrectionSettings) -> None:
        self.settings = settings
        self.log_factor = 0.0
        self.corrections = 0
        self._error = 0.0
        self._operations = 0

    @property
    def factor(self) -> float:
        """What a predicted cost is multiplied with, above 0 and finite."""
        return math.exp(min(max(self.log_factor, -LARGEST_LOG), LARGEST_LOG))

    def observe(
        self, *, predicted_cost: float, observed_cost: float, operations: int
    ) -> bool:
        """Take in one batch; say whether the correction moved.

        Parameters
        ----------
        predicted_cost, observed_cost : float
            Same unit, above 0.
        operations : int
            Operations the batch held, at least 1.

        Returns
        -------
        bool
            `True` where predictions made before are out of date.

        Raises
        ------
        UsageError
            For a cost that is not above 0.
        """
        costs = (predicted_cost, observed_cost)
        if not all(0 < cost < math.inf for cost in costs) or operations < 1:
            raise UsageError(
                "costs must be above 0 and finite, operations at least 1; got "
                f"{predicted_cost}, {observed_cost}, {operations}"
            )
        # A difference of logarithms: the quotient of two costs may be out of range.
        self._error += operations * (math.log(observed_cost) - math.log(predicted_cost))
        self._operations += operations
        if self._operations < self.settings.every:
            return False
        seen = self._error / self._operations
        self.log_factor += self.settings.rate * (seen - self.log_factor)
        self.corrections += 1
        self._error, self._operations = 0.0, 0
        return True
