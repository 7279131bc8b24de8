"""Compares two parts of a history, with intervals over sessions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics import RatioOfTotals, cluster_bootstrap
from toolkit.review.facts import Columns, Facts
from toolkit.review.merge import in_total, mergeable
from toolkit.review.text import table

__all__ = [
    "ComparedFigure",
    "compare",
    "compare_rows",
    "detectable_effects",
    "render_comparison",
]

_PARTS = {
    "model": "model",
    "client": "version",
    "project": "project",
    "branch": "branch",
    "week": "week",
}

LEAST_SESSIONS = 5

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigure:
    """One figure of two parts, and how they differ.

    Attributes
    ----------
    name, unit : str
    first, second : float
        NaN where a part has fewer than five sessions.
    difference, low, high : float
        Second less first, with its 95 % interval over sessions; NaN where unknown.
    sessions : tuple of int
        Sessions of either part.
    """

    name: str
    unit: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    sessions: tuple[int, int]

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict[str, Any]:
        """Return the figure; what is unknown is null."""
        numbers = {
            "first": self.first,
            "second": self.second,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
        }
        return {
            "figure": self.name,
            "unit": self.unit,
            **{name: v if np.isfinite(v) else None for name, v in numbers.items()},
            "differs": self.differs,
            "sessions": list(self.sessions),
        }


def compare(
    facts: Facts, first: str, second: str, *, rng: np.random.Generator
) -> list[ComparedFigure]:
    """Compare two parts of a history.

    Parameters
    ----------
    facts : Facts
    first, second : str
        `model=NAME`, `client=NAME` (with its version), `project=NAME`, `branch=NAME`,
        or days: `2026-01-31`, a month `2026-01`, or `FROM..TO` with both included.
    rng : numpy.random.Generator
        Draws the resamples.

    Returns
    -------
    list of ComparedFigure

    Raises
    ------
    UsageError
        A part is not understood, or no batch lies in it.
    """
    sides = [_rows(facts.batches, part) for part in (first, second)]
    return compare_rows(facts.batches, sides[0], sides[1], rng=rng)


def compare_rows(
    batches: Columns, first: Rows, second: Rows, *, rng: np.random.Generator
) -> list[ComparedFigure]:
    """Compare two sets of batches.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.
    first, second : ndarray of bool, shape (batches,)
    rng : numpy.random.Generator
        Draws the resamples.

    Returns
    -------
    list of ComparedFigure
    """
    return [
        _compared(name, unit, over, under, batches, (first, second), rng)
        for name, unit, over, under in _totals(batches)
    ]


def detectable_effects(batches: Columns, sessions: int) -> dict[str, float]:
    """Say how small a difference a comparison of some sessions a side would show.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`; its sessions' own variance is used.
    sessions : int
        On each side, at least 2.

    Returns
    -------
    dict of str to float
        By figure, in its unit: the true difference that a two-sided test at 5 % finds
        four times in five. NaN where fewer than five sessions have the figure.

    Notes
    -----
    (1.96 + 0.84) standard errors of a difference of two means; that of a ratio of totals
    is linearised (Cochran, *Sampling Techniques*, 1977, section 2.11).
    """
    found = {}
    every = np.ones(len(batches["session"]), dtype=np.bool_)
    for name, _, over, under in _totals(batches):
        totals = _by_session(batches, over, under, every)
        found[name] = float("nan")
        if len(totals) >= LEAST_SESSIONS:
            ratio = totals[:, 0].sum() / totals[:, 1].sum()
            rest = totals[:, 0] - ratio * totals[:, 1]
            deviation = float(np.std(rest, ddof=1)) / float(totals[:, 1].mean())
            found[name] = (1.96 + 0.84) * deviation * np.sqrt(2 / sessions)
    return found


def _totals(
    batches: Columns,
) -> list[tuple[str, str, NDArray[np.float64], NDArray[np.float64]]]:
    """Numerator and denominator of each figure, a row a batch."""
    rides = _rides(batches)
    return [
        (name, unit, top(batches, rides), bottom(batches))
        for name, unit, top, bottom in _FIGURES
    ]


def _by_session(
    batches: Columns,
    over: NDArray[np.float64],
    under: NDArray[np.float64],
    rows: Rows,
) -> NDArray[np.float64]:
    """Add both by session; shape (sessions, 2), without those that have nothing."""
    sessions, place = np.unique(
        batches["session"][rows].astype(str), return_inverse=True
    )
    totals = np.zeros((len(sessions), 2))
    np.add.at(totals, place, np.stack([over[rows], under[rows]], axis=1))
    return totals[totals[:, 1] > 0]


def render_comparison(rows: Sequence[ComparedFigure], first: str, second: str) -> str:
    """Write a comparison as a table.

    Parameters
    ----------
    rows : sequence of ComparedFigure
        As `compare` gives them.
    first, second : str
        Heads of the two columns.

    Returns
    -------
    str
        Plain text, a line for each figure.
    """
    body = [
        [
            row.name,
            f"{row.first:.3g}",
            f"{row.second:.3g}",
            f"{row.difference:+.3g}",
            f"[{row.low:+.3g}, {row.high:+.3g}]",
            "differs" if row.differs else "not shown to differ",
        ]
        for row in rows
    ]
    sessions = rows[0].sessions
    header = ["per session's own", first, second, "difference", "95 %", ""]
    return (
        table(header, body)
        + f"\n{sessions[0]} and {sessions[1]} sessions; intervals are over sessions\n"
    )


Top = Callable[[Columns, NDArray[np.float64]], NDArray[np.float64]]


def _of(column: str) -> Callable[[Columns], NDArray[np.float64]]:
    return lambda batches: np.asarray(batches[column], dtype=np.float64)


def _one(batches: Columns) -> NDArray[np.float64]:
    return np.ones(len(batches["size"]))


def _uncensored(column: str) -> Callable[[Columns], NDArray[np.float64]]:
    def values(batches: Columns) -> NDArray[np.float64]:
        hidden = batches["censored"] | ~np.isfinite(batches["cycle_s"])
        return np.where(hidden, 0.0, np.nan_to_num(batches[column]))

    return values


_FIGURES: tuple[tuple[str, str, Top, Callable[[Columns], NDArray[np.float64]]], ...] = (
    ("calls per batch", "calls", lambda b, _: _of("calls")(b), _one),
    (
        "share of batches with several calls",
        "ratio",
        lambda b, _: (b["calls"] > 1).astype(np.float64),
        _one,
    ),
    (
        "seconds per successful operation",
        "s",
        lambda b, _: _uncensored("cycle_s")(b),
        _uncensored("succeeded"),
    ),
    (
        "share of turns that surely could have ridden",
        "ratio",
        lambda _, rides: rides,
        _one,
    ),
    (
        "share of operations that failed",
        "ratio",
        lambda b, _: _of("failed")(b),
        _of("size"),
    ),
)


def _rides(batches: Columns) -> NDArray[np.float64]:
    return in_total(mergeable(batches)).lower.astype(np.float64)


def _rows(batches: Columns, part: str) -> NDArray[np.bool_]:
    name, sign, value = part.partition("=")
    if sign:
        if name not in _PARTS:
            raise UsageError.unknown("part", name, sorted(_PARTS))
        rows = batches[_PARTS[name]] == value
    else:
        since, until = _days(part)
        rows = (batches["at_s"] >= since) & (batches["at_s"] < until)
    if not rows.any():
        raise UsageError(
            f"no batch lies in {part!r}; `toolkit review --by {name if sign else 'week'}` "
            "lists what there is"
        )
    return np.asarray(rows, dtype=np.bool_)


def _days(part: str) -> tuple[float, float]:
    first, _, last = part.partition("..")
    start, _ = _day_span(first, part)
    _, end = _day_span(last or first, part)
    return start.timestamp(), end.timestamp()


def _day_span(text: str, part: str) -> tuple[datetime, datetime]:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
            start = datetime.fromisoformat(f"{text}-01").replace(tzinfo=UTC)
            return start, (start + timedelta(days=32)).replace(day=1)
        start = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return start, start + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"not understood: {part!r}; write a day (2026-01-31), a month (2026-01), "
            "FROM..TO, or model=, client=, project=, branch=, week= and a name"
        ) from error


def _compared(
    name: str,
    unit: str,
    over: NDArray[np.float64],
    under: NDArray[np.float64],
    batches: Columns,
    sides: Sequence[NDArray[np.bool_]],
    rng: np.random.Generator,
) -> ComparedFigure:
    bounds = []
    for rows in sides:
        totals = _by_session(batches, over, under, rows)
        enough = len(totals) >= LEAST_SESSIONS
        bounds.append(
            (
                cluster_bootstrap(totals, RatioOfTotals(), rng=rng) if enough else None,
                len(totals),
            )
        )
    (first, few), (second, many) = bounds
    nan = float("nan")
    if first is None or second is None:
        values = [each.estimate if each else nan for each in (first, second)]
        return ComparedFigure(
            name=name,
            unit=unit,
            first=values[0],
            second=values[1],
            difference=nan,
            low=nan,
            high=nan,
            sessions=(few, many),
        )
    # Newcombe's hybrid: each side's own distance to its bound, added in squares.
    difference = second.estimate - first.estimate
    down = np.hypot(second.estimate - second.low, first.high - first.estimate)
    up = np.hypot(second.high - second.estimate, first.estimate - first.low)
    return ComparedFigure(
        name=name,
        unit=unit,
        first=first.estimate,
        second=second.estimate,
        difference=difference,
        low=difference - float(down),
        high=difference + float(up),
        sessions=(few, many),
    )
