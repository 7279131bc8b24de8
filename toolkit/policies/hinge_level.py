"""The level of the costs of single batches: products of hinges of the context's numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import SchemaError

__all__ = ["HingeLevel"]

Term = tuple[tuple[int, float], ...]
"""Columns with knots: the product of what each exceeds its knot by."""

BY_COLUMN = ("low", "high", "centre", "unknown", "widening")


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeLevel:
    """Mean log cost of a batch over the actions on offer, piecewise linear in its context.

    Outside the range of a column the level stays what it is at the range's end.

    Attributes
    ----------
    intercept : float
        Log cost where every term is 0.
    low, high : tuple of float
        Range of each encoded column in training.
    centre : tuple of float
        What is taken where a column is not known.
    unknown : tuple of float
        Deviation, in log cost, that each column adds where it is not known.
    widening : tuple of float
        Logarithm of what a unit of each column multiplies the deviation by.
    terms : tuple of tuple of (int, float)
        By term, columns and knots: the product of what each column exceeds its knot by.
    slope : tuple of float
        By term.
    deviation : float
        Standard deviation of the error on groups left out, in log cost, of a batch of
        which every column with a widening is 0.

    References
    ----------
    Friedman, J. H. (1991). Multivariate adaptive regression splines. The Annals of
    Statistics 19(1), 1-67.

    Examples
    --------
    >>> level = HingeLevel(
    ...     intercept=1.0,
    ...     low=(0.0, 0.0),
    ...     high=(4.0, 1.0),
    ...     centre=(2.0, 0.5),
    ...     unknown=(0.4, 0.0),
    ...     widening=(0.0, 0.0),
    ...     terms=(((0, 1.0),), ((0, 1.0), (1, 0.0))),
    ...     slope=(0.5, 1.0),
    ...     deviation=0.3,
    ... )
    >>> level.predict([3.0, 1.0])
    (4.0, 0.3)
    >>> level.predict([float("nan"), 0.0])
    (1.5, 0.5)
    """

    intercept: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    centre: tuple[float, ...]
    unknown: tuple[float, ...]
    widening: tuple[float, ...]
    terms: tuple[Term, ...]
    slope: tuple[float, ...]
    deviation: float

    def predict(self, encoded: ArrayLike) -> tuple[float, float]:
        """Predict the level of a batch and the deviation of its error.

        Parameters
        ----------
        encoded : array-like of shape (columns,)
            The encoded context; NaN is not known.

        Returns
        -------
        level : float
            Expected mean log cost over the actions on offer.
        deviation : float
            Of a single batch from it; wider where much of the context is not known.
        """
        given = np.asarray(encoded, dtype=np.float64).tolist()
        known = [
            centre if value != value else min(max(value, low), high)
            for value, low, high, centre in zip(
                given, self.low, self.high, self.centre, strict=True
            )
        ]
        level = self.intercept
        for term, slope in zip(self.terms, self.slope, strict=True):
            product = slope
            for column, knot in term:
                product *= max(known[column] - knot, 0.0)
            level += product
        wider = sum(map(float.__mul__, self.widening, known))
        variance = (self.deviation * math.exp(wider)) ** 2
        for value, unknown in zip(given, self.unknown, strict=True):
            if value != value:
                variance += unknown**2
        return level, math.sqrt(variance)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "intercept": self.intercept,
            **{name: list(getattr(self, name)) for name in BY_COLUMN},
            "terms": [[[column, knot] for column, knot in term] for term in self.terms],
            "slope": list(self.slope),
            "deviation": self.deviation,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "HingeLevel":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        HingeLevel

        Raises
        ------
        SchemaError
            Where something is missing, not a number, or of another length.
        """
        try:
            low, high, centre, unknown, widening = (
                tuple(map(float, value[name])) for name in BY_COLUMN
            )
            terms = tuple(
                tuple((int(column), float(knot)) for column, knot in term)
                for term in value["terms"]
            )
            made = cls(
                intercept=float(value["intercept"]),
                low=low,
                high=high,
                centre=centre,
                unknown=unknown,
                widening=widening,
                terms=terms,
                slope=tuple(map(float, value["slope"])),
                deviation=float(value["deviation"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError("not a level", field="level", got=str(error)) from error
        lengths = {len(part) for part in (low, high, centre, unknown, widening)}
        places = [column for term in terms for column, _ in term]
        fits = len(lengths) == 1 and len(made.slope) == len(terms)
        if not fits or any(not 0 <= place < len(low) for place in places):
            raise SchemaError("parts that do not fit", field="level", got=len(low))
        return made
