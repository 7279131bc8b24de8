"""How much history stands behind an action: counts near it, and the known ranges."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from toolkit.errors import SchemaError
from toolkit.policies import Floats, Problem, Value

__all__ = ["Support"]

NEAR = 0.25
"""Within a quarter of a size counts as that size (definitions, section 1)."""

SLACK = 0.1
"""A context may leave a column's known range by this share of the range's width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Counts of past actions by category, and the ranges of the context's numbers.

    Parameters
    ----------
    column : str or None
        Category that splits the counts; `None` for one table.
    counts : mapping of str to tuple of (action, rows)
        Ascending by action.
    ranges : mapping of str to (low, high)
        Range of each numeric context column in the training rows.
    near : float
        Share of an action, 0 to 1, within which another counts as that action.
    slack : float
        Share of a range's width, at least 0, by which a context may leave it.

    Examples
    --------
    >>> support = Support(
    ...     column="kind",
    ...     counts={"read": ((1.0, 50), (8.0, 4))},
    ...     ranges={"load": (0, 1)},
    ... )
    >>> support.rows_near(Problem.of("size", [1, 7, 20], kind="read"))
    array([50.,  4.,  0.])
    >>> support.outside({"kind": "read", "load": 3.0})
    ({'load': 1}, frozenset({'load'}))
    """

    column: str | None
    counts: Mapping[str, tuple[tuple[float, int], ...]]
    ranges: Mapping[str, tuple[float, float]]
    near: float = NEAR
    slack: float = SLACK

    def rows_near(self, problem: Problem) -> Floats:
        """Count past rows near each action, shape (n_actions,).

        Parameters
        ----------
        problem : Problem
            Its first action column is what is counted by.

        Returns
        -------
        array of shape (n_actions,)
            0 where the category is not known or was never seen.
        """
        category = self.category(problem.context)
        rows = () if category is None else self.counts.get(category, ())
        known = [action for action, _ in rows]
        total = [0, *accumulate(count for _, count in rows)]
        near = [
            total[bisect_right(known, action * (1 + self.near))]
            - total[bisect_left(known, action * (1 - self.near))]
            for action in problem.actions[:, 0].tolist()
        ]
        return np.asarray(near, dtype=np.float64)

    def category(self, context: Mapping[str, Value]) -> str | None:
        """Name the table of counts that a context belongs to; `None` where it is not known.

        Parameters
        ----------
        context : mapping

        Returns
        -------
        str or None
            Empty where rows are counted in one table.
        """
        if self.column is None:
            return ""
        value = context.get(self.column)
        return value if isinstance(value, str) else None

    def outside(
        self, context: Mapping[str, Value]
    ) -> tuple[dict[str, float], frozenset[str]]:
        """Find the numbers outside the range that training saw.

        Parameters
        ----------
        context : mapping
            Texts and unknown values lie outside nothing.

        Returns
        -------
        ends : dict of str to float
            The end of the range that each of them is nearest to, by column.
        lost : frozenset of str
            Columns of those so far outside that they say nothing.
        """
        ends, lost = {}, set()
        for name, (low, high) in self.ranges.items():
            value = context.get(name)
            # A value that is no number lies outside nothing.
            if value is None or isinstance(value, str) or value != value:
                continue
            if low <= value <= high:
                continue
            ends[name] = low if value < low else high
            slack = self.slack * (high - low)
            if not low - slack <= value <= high + slack:
                lost.add(name)
        return ends, frozenset(lost)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "column": self.column,
            "counts": {
                key: [list(r) for r in rows] for key, rows in self.counts.items()
            },
            "ranges": {name: list(pair) for name, pair in self.ranges.items()},
            "near": self.near,
            "slack": self.slack,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Support":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        Support

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            return cls(
                column=value["column"],
                counts={
                    str(key): tuple((float(a), int(n)) for a, n in rows)
                    for key, rows in value["counts"].items()
                },
                ranges={
                    str(name): (float(low), float(high))
                    for name, (low, high) in value["ranges"].items()
                },
                near=float(value["near"]),
                slack=float(value["slack"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SchemaError(
                "not a support table", field="support", got=str(error)
            ) from error
