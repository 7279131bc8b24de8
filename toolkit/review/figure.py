"""A figure of a review: a number with its unit, its interval and the records behind it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figure", "ids_of", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a review.

    Parameters
    ----------
    name : str
        Dotted path, for instance `merge.read.turns.lower`; `--explain` takes it.
    value : float
    unit : str
        `turns`, `s`, `tokens`, `USD`, `batches`, `ratio`, ...
    low, high : float, optional
        95 % interval, where the figure is an estimate.
    unknown : int, default 0
        Rows that would belong to it if what they lack were known.
    records : tuple of str
        Ids of the records that it counts.
    how : str
        How it is computed, in one sentence.

    Examples
    --------
    >>> Figure(name="spent.turns", value=2.0, unit="turns", how="counted").to_json()
    {'value': 2.0, 'unit': 'turns'}
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    unknown: int = 0
    records: tuple[str, ...] = field(default=(), repr=False)
    how: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return value, unit, and interval and unknown rows where there are any."""
        row: dict[str, Any] = {"value": self.value, "unit": self.unit}
        if self.low is not None:
            row |= {"low": self.low, "high": self.high}
        if self.unknown:
            row["unknown"] = self.unknown
        return row

    def explain(self) -> dict[str, Any]:
        """Return everything: how it is computed, and every record that it counts."""
        return {
            "figure": self.name,
            **self.to_json(),
            "how": self.how,
            "records": list(self.records),
        }


def ids_of(records: NDArray[Any], chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    """List the ids of the chosen rows."""
    return tuple(str(each) for each in records[chosen])


def total(
    name: str,
    unit: str,
    values: NDArray[Any],
    records: NDArray[Any],
    chosen: NDArray[np.bool_],
    *,
    how: str,
) -> Figure:
    """Add the known values of the chosen rows; count the rows that are unknown.

    Parameters
    ----------
    name, unit, how : str
        As in `Figure`.
    values : ndarray of shape (rows,)
        Unknown values are NaN.
    records : ndarray of shape (rows,)
        Record ids.
    chosen : ndarray of bool, shape (rows,)

    Returns
    -------
    Figure

    Examples
    --------
    >>> figure = total(
    ...     "spent.latency",
    ...     "s",
    ...     np.array([1.5, np.nan, 2.0]),
    ...     np.array(["a", "b", "c"]),
    ...     np.array([True, True, False]),
    ...     how="latency of replies, added",
    ... )
    >>> figure.value, figure.unknown, figure.records
    (1.5, 1, ('a',))
    """
    known = np.isfinite(values.astype(np.float64))
    return Figure(
        name=name,
        value=float(np.sum(values[chosen & known])),
        unit=unit,
        unknown=int(np.sum(chosen & ~known)),
        records=ids_of(records, chosen & known),
        how=how,
    )
