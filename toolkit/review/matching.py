"""Estimates what a batch size does, matched within sessions, with two placebos.

Pooled means overstate: agents batch when the work is easy to batch. Each batch of several
operations is held against up to three single ones of the same session, agent, work and
model, whose context is within 30 %, the nearest in time (review, section 4).
The same ratio is taken for the batch *before* and for the turn *after*: there the size
can have had no effect, so where one of these placebos excludes 1, the estimate is not
identified and says so.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError
from toolkit.metrics import group_bootstrap
from toolkit.review.facts import Columns

__all__ = ["SIZES", "MatchedRatio", "matched_ratios"]


SIZES: tuple[tuple[int, int], ...] = ((2, 2), (3, 3), (4, 5), (6, 10), (11, 1000))
"""Sizes that are estimated together, both ends included."""

MATCHES = 3
"""Single batches that one of several operations is held against, at the most."""

CONTEXT_RATIO = 1.3
"""Largest ratio of the context tokens of two batches that are compared."""

PROJECTS_FROM = 10
"""Projects from which on the interval is over projects; over sessions below."""

LEAST_GROUPS = 5
"""Fewer sessions (or projects) give no estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedRatio:
    """Seconds per operation in batches of some size, over those of single ones.

    Attributes
    ----------
    work : str
        `read`, `edit`, `shell`, ...
    smallest, largest : int
        Sizes that are estimated together.
    ratio, low, high : float
        Geometric mean of the matched ratios and its 95 % interval.
    before, after : tuple of (float, float, float) or None
        The placebos: ratio, low, high; `None` where too few pairs have one.
    pairs, groups : int
        Batches that found a match, and the sessions or projects they lie in.
    over : str
        `sessions` or `projects`: what the interval is over.
    records : tuple of str
        The batches of that size that found a match.

    Examples
    --------
    >>> found = MatchedRatio(
    ...     work="read",
    ...     smallest=2,
    ...     largest=2,
    ...     ratio=0.7,
    ...     low=0.6,
    ...     high=0.8,
    ...     before=(1.0, 0.9, 1.1),
    ...     after=(0.8, 0.7, 0.97),
    ...     pairs=90,
    ...     groups=40,
    ...     over="sessions",
    ... )
    >>> found.identified, found.failed_placebos
    (False, ('the turn after',))
    """

    work: str
    smallest: int
    largest: int
    ratio: float
    low: float
    high: float
    before: tuple[float, float, float] | None
    after: tuple[float, float, float] | None
    pairs: int
    groups: int
    over: str
    records: tuple[str, ...] = ()

    @property
    def failed_placebos(self) -> tuple[str, ...]:
        """Placebos whose interval excludes 1."""
        named = (("the batch before", self.before), ("the turn after", self.after))
        return tuple(
            name
            for name, placebo in named
            if placebo is not None and not placebo[1] <= 1 <= placebo[2]
        )

    @property
    def identified(self) -> bool:
        """Whether both placebos were taken and neither shows an effect."""
        taken = self.before is not None and self.after is not None
        return taken and not self.failed_placebos

    @property
    def sizes(self) -> str:
        """The sizes as text: `2`, `4-5`, `11+`."""
        if self.smallest == self.largest:
            return str(self.smallest)
        if self.largest == SIZES[-1][1]:
            return f"{self.smallest}+"
        return f"{self.smallest}-{self.largest}"

    def to_json(self) -> dict[str, Any]:
        """Return everything but the records."""
        return {
            "work": self.work,
            "sizes": self.sizes,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "before": self.before,
            "after": self.after,
            "identified": self.identified,
            "failed_placebos": list(self.failed_placebos),
            "pairs": self.pairs,
            "groups": self.groups,
            "over": self.over,
        }


def matched_ratios(
    batches: Columns,
    *,
    rng: np.random.Generator,
    works: Sequence[str] = ("read", "edit", "shell"),
) -> list[MatchedRatio]:
    """Estimate the ratio for every work and size that has enough pairs.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.
    rng : numpy.random.Generator
        Draws the resamples of the intervals.
    works : sequence of str
        Works to estimate.

    Returns
    -------
    list of MatchedRatio
        In order of work and size; those with fewer than five sessions are left out.
    """
    costs = _seconds_per_operation(batches)
    before, after = _neighbours(batches, costs)
    found = []
    for work in works:
        matches = _matches(batches, costs, work)
        for smallest, largest in SIZES:
            pairs = [
                (row, singles)
                for row, singles in matches
                if smallest <= batches["size"][row] <= largest
            ]
            made = _estimate(batches, pairs, (costs, before, after), rng)
            if made is not None:
                found.append(
                    MatchedRatio(work=work, smallest=smallest, largest=largest, **made)
                )
    return found


def _seconds_per_operation(batches: Columns) -> Floats:
    """Cycle over successes; NaN where censored, unknown, or nothing succeeded."""
    usable = ~batches["censored"].astype(np.bool_) & (batches["succeeded"] > 0)
    usable &= batches["background"] == 0
    cycle = np.where(usable, batches["cycle_s"], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = cycle / np.where(usable, batches["succeeded"], np.nan)
    return np.where(cost > 0, cost, np.nan)


def _neighbours(batches: Columns, costs: Floats) -> tuple[Floats, Floats]:
    """Cost of each batch's predecessor, and latency of the turn after it.

    Only a predecessor of one operation counts: the nearest single batch often follows
    the very batch that it is held against, whose size would show in its placebo.
    """
    place = {record: row for row, record in enumerate(batches["record_id"])}
    before = np.full(len(costs), np.nan)
    after = np.full(len(costs), np.nan)
    latency = np.where(batches["censored"], np.nan, batches["turn_s"])
    for row, previous in enumerate(batches["previous"]):
        earlier = place.get(previous)
        if earlier is not None:
            if batches["size"][earlier] == 1:
                before[row] = costs[earlier]
            if latency[row] > 0:
                after[earlier] = latency[row]
    return before, after


def _matches(
    batches: Columns, costs: Floats, work: str
) -> list[tuple[int, NDArray[np.intp]]]:
    """Pair each batch of several with the nearest single ones like it."""
    usable = np.flatnonzero((batches["work"] == work) & np.isfinite(costs))
    strata: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in map(int, usable):
        key = (batches["session"][row], batches["agent"][row], batches["model"][row])
        strata[key].append(row)
    found: list[tuple[int, NDArray[np.intp]]] = []
    context, at = batches["context_tokens"].astype(np.float64), batches["at_s"]
    for rows in strata.values():
        singles = np.array([row for row in rows if batches["size"][row] == 1], np.intp)
        for row in rows:
            if batches["size"][row] == 1 or not len(singles):
                continue
            ratio = np.abs(np.log(context[singles] / context[row]))
            near = singles[ratio <= np.log(CONTEXT_RATIO)]
            if len(near):
                order = np.argsort(np.abs(at[near] - at[row]), kind="stable")
                found.append((row, near[order[:MATCHES]]))
    return found


def _estimate(
    batches: Columns,
    pairs: Sequence[tuple[int, NDArray[np.intp]]],
    values: tuple[Floats, Floats, Floats],
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    over = _clusters(batches)
    bounded = [_bounded(batches[over[0]], pairs, each, rng) for each in values]
    if bounded[0] is None:
        return None
    (ratio, low, high), counted, groups = bounded[0]
    return {
        "ratio": ratio,
        "low": low,
        "high": high,
        "before": bounded[1][0] if bounded[1] else None,
        "after": bounded[2][0] if bounded[2] else None,
        "pairs": counted,
        "groups": groups,
        "over": over[1],
        "records": tuple(str(batches["record_id"][row]) for row, _ in pairs),
    }


def _clusters(batches: Columns) -> tuple[str, str]:
    known = {project for project in batches["project"] if project != "unknown"}
    if len(known) >= PROJECTS_FROM:
        return "project", "projects"
    return "session", "sessions"


def _bounded(
    clusters: NDArray[Any],
    pairs: Sequence[tuple[int, NDArray[np.intp]]],
    values: Floats,
    rng: np.random.Generator,
) -> tuple[tuple[float, float, float], int, int] | None:
    """Geometric mean of value over the mean of its matches, with its interval."""
    logs, groups = [], []
    for row, singles in pairs:
        alone = values[singles]
        alone = alone[np.isfinite(alone)]
        if np.isfinite(values[row]) and len(alone):
            logs.append(float(np.log(values[row]) - np.mean(np.log(alone))))
            groups.append(clusters[row])
    if len(set(groups)) < LEAST_GROUPS:
        return None
    try:
        mean = group_bootstrap(np.array(logs), np.array(groups, dtype=str), rng=rng)
    except NotEnoughDataError:
        return None
    as_ratio: Callable[[float], float] = lambda log: float(np.exp(log))  # noqa: E731
    bounds = (as_ratio(mean.estimate), as_ratio(mean.low), as_ratio(mean.high))
    return bounds, len(logs), len(set(groups))
