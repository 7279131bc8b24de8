"""What the five objectives count, a row a day, from the records of a store.

The meanings are `toolkit.metrics.objectives`; this file only counts.
"""

from collections import defaultdict
from typing import Any

from toolkit.errors import NotEnoughDataError
from toolkit.features.coordination import judged_events
from toolkit.features.engine import connect, read_records
from toolkit.history import Dataset
from toolkit.metrics import Period, Trials

__all__ = ["objective_periods"]

NO = False
"""What a missing flag stands for in Ibis, which takes the value alone."""


def objective_periods(dataset: Dataset) -> list[Period]:
    """Count every objective day by day.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.

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
    trials: dict[str, dict[str, Trials]] = defaultdict(dict)
    costs: dict[str, tuple[float, int]] = {}
    with connect() as connection, dataset.snapshot() as snapshot:
        for kind, counters in _COUNTERS.items():
            if not snapshot.has(kind):
                continue
            rows = read_records(connection, snapshot, kind)
            for name, count in counters.items():
                for day, successes, total in _daily(count(rows)):
                    trials[day][name] = Trials(successes=successes, count=total)
        if snapshot.has("batch"):
            costs = _costs(read_records(connection, snapshot, "batch"))
    days = sorted({*trials, *costs})
    if not days:
        raise NotEnoughDataError(
            "a report on the objectives", got=0, needed=1, unit="records"
        )
    return [
        Period(label=day, trials=trials[day], seconds_per_operation=costs.get(day))
        for day in days
    ]


def _daily(marked: Any) -> list[tuple[str, int, int]]:
    """Sum a table of `at` and `success` by day; rows without a success are unknown."""
    known = marked.filter(marked.success.notnull())
    table = (
        known.group_by(day=known["at"].strftime("%Y-%m-%d"))
        .agg(successes=known.success.cast("int64").sum(), trials=known.count())
        .to_pyarrow()
    )
    return [
        (row["day"], int(row["successes"]), int(row["trials"]))
        for row in table.to_pylist()
    ]


def _succeeded(rows: Any) -> Any:
    """Mark how an event or a workflow ended; an unknown outcome is no attempt."""
    import ibis

    return rows.select(
        "at",
        success=(rows.outcome == "unknown").ifelse(
            ibis.null("boolean"), rows.outcome == "succeeded"
        ),
    )


def _overlapped(rows: Any) -> Any:
    """Mark the timed operations that ran while another of their session did."""
    import ibis

    epoch = ibis.timestamp("1970-01-01 00:00:00+00:00", timezone="UTC")
    timed = rows.filter(rows.duration_s.notnull())
    timed = timed.mutate(
        start_us=timed["at"].delta(epoch, unit="microsecond"),
        session=timed.session_id.fill_null(""),
    )
    timed = timed.mutate(
        end_us=timed.start_us + (timed.duration_s * 1e6).round().cast("int64")
    )
    order = [timed.start_us, timed.record_id]
    before = ibis.window(group_by=timed.session, order_by=order, preceding=(None, 1))
    session = ibis.window(group_by=timed.session, order_by=order)
    running = timed.end_us.max().over(before) > timed.start_us
    begun = timed.start_us.lead().over(session) < timed.end_us
    return timed.select(
        "at",
        success=running.fill_null(NO) | begun.fill_null(NO),
    )


def _consistent(rows: Any) -> Any:
    """Mark the accesses to memory keys that were not stale."""
    judged = judged_events(rows)
    accesses = judged.filter(judged.is_read + judged.is_write > 0)
    stale = accesses.stale_read + accesses.stale_write
    return accesses.select("at", success=stale == 0)


def _recovered(rows: Any) -> Any:
    """Mark the issues of which an attempt's post-condition held."""
    issues = rows.mutate(issue_id=rows.healing_id.fill_null(rows.record_id))
    return (
        issues.group_by("issue_id")
        .agg(
            at=issues["at"].min(),
            success=issues.post_condition.fill_null(NO).any(),
        )
        .select("at", "success")
    )


_COUNTERS = {
    "coordination": {
        "coordination_efficiency": _succeeded,
        "parallel_execution_rate": _overlapped,
        "memory_consistency": _consistent,
    },
    "workflow": {"workflow_reliability": _succeeded},
    "recovery": {"self_healing_effectiveness": _recovered},
}


def _costs(batches: Any) -> dict[str, tuple[float, int]]:
    timed = batches.filter(
        batches.cycle_s.notnull(),
        batches.succeeded.notnull(),
        ~batches.censored.fill_null(NO),
    )
    table = (
        timed.group_by(day=timed["at"].strftime("%Y-%m-%d"))
        .agg(spent_s=timed.cycle_s.sum(), operations=timed.succeeded.sum())
        .to_pyarrow()
    )
    return {
        row["day"]: (float(row["spent_s"]), int(row["operations"]))
        for row in table.to_pylist()
        if row["operations"]
    }
