"""The five objectives, counted day by day from the records of a store.

What counts is `toolkit.metrics.ObjectiveCounter`; this file reads, dates and adds up.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from operator import attrgetter

from toolkit.errors import NotEnoughDataError
from toolkit.history import Dataset
from toolkit.metrics import ObjectiveCounter, Period, Trials
from toolkit.records import Batch, Record

__all__ = ["objective_periods"]

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
    tallies: dict[str, Tally] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )
    costs: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    counter = ObjectiveCounter()
    for record in _records(dataset):
        for count in counter.add(record):
            day = count.at.strftime("%Y-%m-%d")
            tally = tallies[day][count.objective][count.session]
            tally[0] += count.successes
            tally[1] += count.trials
        if isinstance(record, Batch):
            _add_cost(costs, record)
    days = sorted({*tallies, *costs})
    if not days:
        raise NotEnoughDataError(
            "a report on the objectives", got=0, needed=1, unit="records"
        )
    return [_period(day, tallies.get(day, {}), costs.get(day)) for day in days]


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
