"""The five objectives, counted day by day from the records of a store.

What counts is `toolkit.metrics.ObjectiveCounter`; this file reads, dates and adds up.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from operator import attrgetter

from toolkit.errors import NotEnoughDataError
from toolkit.history import Dataset, shown_names
from toolkit.metrics import ObjectiveCounter, Period, Trials
from toolkit.records import Batch, Record

__all__ = ["objective_periods", "objective_periods_by"]

KINDS = ("batch", "coordination", "workflow", "recovery")

Tally = dict[str, dict[str, list[int]]]
"""Successes and trials by objective and session."""


def objective_periods(dataset: Dataset) -> list[Period]:
    """Count every objective day by day.

    Parameters
    ----------
    dataset : Dataset
        Records of a store.

    Returns
    -------
    list of Period
        In order of time, labelled `YYYY-MM-DD` (UTC); an objective that a day holds no
        record of is missing from that day.

    Raises
    ------
    NotEnoughDataError
        The store holds no record of any kind that an objective counts.
    """
    counts = _DayCounts()
    for record in _records(dataset):
        counts.add(record)
    found = counts.periods()
    if not found:
        raise NotEnoughDataError(
            "a report on the objectives", got=0, needed=1, unit="records"
        )
    return found


def objective_periods_by(dataset: Dataset, dimension: str) -> dict[str, list[Period]]:
    """Count every objective day by day, for each part of a store.

    Parameters
    ----------
    dataset : Dataset
    dimension : {"project", "branch", "host", "client"}
        A record that does not hold it itself is of its session's part.

    Returns
    -------
    dict of str to list of Period
        By the value that records hold, or its alias; `unknown` where none is recorded.

    Raises
    ------
    NotEnoughDataError
        The store holds no record of any kind that an objective counts.
    """
    shown = shown_names(dataset)
    parts: dict[str, _DayCounts] = defaultdict(_DayCounts)
    sessions: dict[str, str] = {}
    later = []
    for record in _records(dataset):
        own = getattr(record, dimension, None)
        session = getattr(record, "session_id", None)
        if own is not None:
            sessions.setdefault(session or "", own)
            parts[shown(own)].add(record)
        else:
            later.append(record)
    for record in later:
        session = getattr(record, "session_id", None)
        parts[shown(sessions.get(session or ""))].add(record)
    if not parts:
        raise NotEnoughDataError(
            "a report on the objectives", got=0, needed=1, unit="records"
        )
    return {name: counts.periods() for name, counts in parts.items()}


class _DayCounts:
    """What the records of a part add up to, by day."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
        )
        self._costs: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
        self._counter = ObjectiveCounter()

    def add(self, record: Record) -> None:
        """Count one record."""
        for count in self._counter.add(record):
            day = count.at.strftime("%Y-%m-%d")
            tally = self._tallies[day][count.objective][count.session]
            tally[0] += count.successes
            tally[1] += count.trials
        if isinstance(record, Batch):
            _add_cost(self._costs, record)

    def periods(self) -> list[Period]:
        """Give the days in order."""
        days = sorted({*self._tallies, *self._costs})
        return [
            _period(day, self._tallies.get(day, {}), self._costs.get(day))
            for day in days
        ]


def _records(dataset: Dataset) -> Iterator[Record]:
    """Read the records that an objective counts, in order of time."""

    def of_kind(kind: str) -> Iterator[Record]:
        with suppress(NotEnoughDataError):
            yield from dataset.scan(kind)

    yield from heapq.merge(*map(of_kind, KINDS), key=attrgetter("at"))


def _add_cost(costs: dict[str, list[float]], batch: Batch) -> None:
    if batch.cycle_s is None or batch.succeeded is None or batch.censored:
        return
    cost = costs[batch.at.strftime("%Y-%m-%d")]
    cost[0] += batch.cycle_s
    cost[1] += batch.succeeded


def _period(day: str, tally: Tally, cost: list[float] | None) -> Period:
    sessions = {
        objective: {
            session: Trials(successes=successes, count=count)
            for session, (successes, count) in by_session.items()
            if count
        }
        for objective, by_session in tally.items()
    }
    return Period(
        label=day,
        trials={
            objective: sum(by_session.values(), Trials())
            for objective, by_session in sessions.items()
            if by_session
        },
        sessions=sessions,
        seconds_per_operation=(cost[0], int(cost[1])) if cost and cost[1] else None,
    )
