"""The calibrated probability that a learned answer costs no more than the rule's."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import SchemaError

__all__ = ["Confidence"]

CAP = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """A logistic curve of the predicted saving and of how unsure it is.

    Attributes
    ----------
    intercept, saving, certainty : float
        Coefficients of 1, of the predicted saving in log cost, and of the saving over
        its own standard deviation.

    Examples
    --------
    >>> curve = Confidence(intercept=0.0, saving=1.0, certainty=0.5)
    >>> round(curve.probability(saving=1.0, deviation=0.5), 2)
    0.88
    """

    intercept: float
    saving: float
    certainty: float

    def probability(self, *, saving: float, deviation: float) -> float:
        """Probability, 0 to 1, of being no worse; 1 where both answers are one.

        Parameters
        ----------
        saving : float
            Predicted log cost of the rule's answer minus the learned one's, at least 0.
        deviation : float
            Standard deviation of that difference, above 0.

        Returns
        -------
        float
        """
        if saving == 0:
            return 1.0
        score = self.intercept + self.saving * saving
        score += self.certainty * saving / max(deviation, 1e-9)
        return 1 / (1 + math.exp(-max(-CAP, min(CAP, score))))

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict of str to float
        """
        return {
            "intercept": self.intercept,
            "saving": self.saving,
            "certainty": self.certainty,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Confidence":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        Confidence

        Raises
        ------
        SchemaError
            Where something is missing or not a number.
        """
        try:
            return cls(
                intercept=float(value["intercept"]),
                saving=float(value["saving"]),
                certainty=float(value["certainty"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(
                "not a confidence curve", field="confidence", got=str(error)
            ) from error
