"""The level of a problem's costs, from its context alone: a linear form, read lightly."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import SchemaError

__all__ = ["CostLevel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLevel:
    """Mean log cost over the actions of a problem, as a linear form of its context.

    Attributes
    ----------
    intercept : float
        Log cost of an average context.
    centre, slope : tuple of float
        By encoded context column.
    spread : tuple of float
        Standard deviation of each column over the training problems; what is not known
        is taken as the centre, and adds slope times spread to the deviation.
    deviation : float
        Standard deviation of the error on groups left out, in log cost.

    Examples
    --------
    >>> level = CostLevel(
    ...     intercept=1.0, centre=(0.5,), slope=(2.0,), spread=(0.2,), deviation=0.3
    ... )
    >>> level.predict([1.0])
    (2.0, 0.3)
    >>> level.predict([float("nan")])
    (1.0, 0.5)
    """

    intercept: float
    centre: tuple[float, ...]
    slope: tuple[float, ...]
    spread: tuple[float, ...]
    deviation: float

    def predict(self, encoded: ArrayLike) -> tuple[float, float]:
        """Predict the level of a problem and the deviation of its error.

        Parameters
        ----------
        encoded : array-like of shape (columns,)
            The encoded context; NaN is not known.

        Returns
        -------
        level : float
            Expected mean log cost of the problem's actions.
        deviation : float
            Of its error; wider where much of the context is not known.
        """
        level, variance = self.intercept, self.deviation**2
        values = np.asarray(encoded, dtype=np.float64).tolist()
        # A dozen columns: numpy would take longer to begin than this to end.
        for value, centre, slope, spread in zip(
            values, self.centre, self.slope, self.spread, strict=True
        ):
            if value == value:
                level += slope * (value - centre)
            else:
                variance += (slope * spread) ** 2
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
            "centre": list(self.centre),
            "slope": list(self.slope),
            "spread": list(self.spread),
            "deviation": self.deviation,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CostLevel":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        CostLevel

        Raises
        ------
        SchemaError
            Where something is missing, not a number, or of another length.
        """
        try:
            columns = [
                tuple(map(float, value[name])) for name in ("centre", "slope", "spread")
            ]
            numbers = float(value["intercept"]), float(value["deviation"])
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError("not a level", field="level", got=str(error)) from error
        if len(set(map(len, columns))) != 1:
            raise SchemaError(
                "columns of different lengths", field="level", got=len(columns[0])
            )
        return cls(
            intercept=numbers[0],
            centre=columns[0],
            slope=columns[1],
            spread=columns[2],
            deviation=numbers[1],
        )
