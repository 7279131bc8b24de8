"""The coordination feature table: what the live monitor knows, worked out from history.

The batch twin of `toolkit.runtime.coordination`: the same definitions as Ibis
expressions over coordination records. A row is an agent at one instant, after all its
operations of that instant; counts agree with the monitor's exactly, floats to 1e-9.

Point in time: an event is judged by what strictly precedes it, so a row holds nothing
of the future.
"""

from typing import TYPE_CHECKING, Any

from toolkit.features.engine import feature_table
from toolkit.history import Dataset, Spark
from toolkit.policies.rules import EfficiencyWeights

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COORDINATION_COLUMNS",
    "coordination_features",
    "coordination_table",
    "judged_events",
]

WINDOW = 10
HORIZON_US = 300_000_000
FORGET_US = 3_600_000_000
GAP_HALF_LIFE = 50
WAIT_BUDGET_S = 1.0
FEWEST_FACTORS = 3
"""Definitions, section 2; a test holds them to the monitor's settings."""

BLOCK = 25_000
"""Gaps are weighted by 2^(place / half-life), which would overflow after 51,150
operations; so places start again every block, and a row reads the one of two staggered
series in which at least half a block lies behind it (2^-250 of the weight is lost)."""

COORDINATION_COLUMNS = {
    "agent": "session and agent id",
    "at": "instant, UTC",
    "window_operations": "operations in the window of the last 10",
    "keyed": "of them with a memory key",
    "reads": "of them reads",
    "writes": "of them writes",
    "stale_reads": "reads of an older version",
    "stale_writes": "writes over another agent's unseen write",
    "duplicates": "operations another agent had just done",
    "hooks_known": "operations of which hook events are known",
    "hooked": "operations with both hook events",
    "operation_frequency": "0 to 1, or missing",
    "memory_consistency": "0 to 1, or missing",
    "coordination_latency": "0 to 1, or missing",
    "duplicate_work": "0 to 1, or missing",
    "hook_compliance": "0 to 1, or missing",
    "score": "0 to 1, or missing with fewer than three factors",
}
"""Columns of the table with their meaning."""

_FLAGS = (
    "duplicate",
    "stale_write",
    "stale_read",
    "is_write",
    "is_read",
    "is_hooked",
    "is_hooks_known",
    "is_keyed",
)
"""Also the order among operations of one instant, as the monitor's rings keep them."""

_SUMS = {
    "window_operations": "one",
    "keyed": "is_keyed",
    "reads": "is_read",
    "writes": "is_write",
    "stale_reads": "stale_read",
    "stale_writes": "stale_write",
    "duplicates": "duplicate",
    "hooks_known": "is_hooks_known",
    "hooked": "is_hooked",
}


def coordination_table(
    dataset: Dataset, *, spark: Spark | None = None
) -> "pd.DataFrame":
    """Build the coordination table of a store.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.
    spark : Spark, optional
        Where to build it; DuckDB unless given.

    Returns
    -------
    DataFrame of shape (n_instants, n_columns)
        The columns of `COORDINATION_COLUMNS`, ordered by time and agent.

    Raises
    ------
    NotEnoughDataError
        Where there is no coordination record.
    """
    return feature_table(
        dataset,
        "coordination",
        lambda events, *_: coordination_features(events),
        spark=spark,
    )


def coordination_features(events: Any) -> Any:
    """Write the coordination table as an Ibis expression.

    Parameters
    ----------
    events : ibis.Table
        Coordination records.

    Returns
    -------
    ibis.Table
        One row an agent and instant.
    """
    rows = _with_duplicates(judged_events(events))
    table = _with_score(_with_factors(_with_windows(rows)))
    last = table.filter(table.place_in_instant == 0)
    return last.select(*COORDINATION_COLUMNS).order_by("at", "agent")


def judged_events(events: Any) -> Any:
    """Mark each coordination record with what it was and whether it was stale.

    Parameters
    ----------
    events : ibis.Table
        Coordination records.

    Returns
    -------
    ibis.Table
        The records with `is_read`, `is_write`, `stale_read` and `stale_write`, 0 or 1.
    """
    return _with_stale_writes(_with_stale_reads(_identified(events)))


def _identified(events: Any) -> Any:
    """Name the agents, number the microseconds, and part their lives."""
    import ibis

    epoch = ibis.timestamp("1970-01-01 00:00:00+00:00", timezone="UTC")
    pre, post = events.has_pre_event, events.has_post_event
    denied = (pre.notnull() & ~pre) | (post.notnull() & ~post)
    known = (pre.notnull() & post.notnull()) | denied
    rows = events.mutate(
        agent=ibis.ifelse(
            events.session_id.isnull(),
            events.agent_id,
            events.session_id + "/" + events.agent_id,
        ),
        us=events["at"].delta(epoch, unit="microsecond"),
        one=ibis.literal(1, "int64"),
        is_keyed=events.memory_key.notnull().cast("int64"),
        is_read=_flag(events.memory_key.notnull() & (events.action == "read")),
        is_write=_flag(events.memory_key.notnull() & (events.action == "write")),
        is_hooks_known=_flag(known),
        is_hooked=_flag(pre & post),
    )
    before = rows.us.lag().over(ibis.window(group_by=rows.agent, order_by=rows.us))
    rows = rows.mutate(begins=_flag(rows.us - before > FORGET_US))
    lives = ibis.window(
        group_by=rows.agent, order_by=rows.us, preceding=None, following=0
    )
    return rows.mutate(life=rows.begins.sum().over(lives))


def _with_stale_reads(rows: Any) -> Any:
    """Find the newest write before each event, then reads of an older version."""
    import ibis

    written_us = rows.us.max(where=rows.is_write == 1)
    rows = rows.mutate(newest_us=written_us.over(_earlier(rows, "memory_key")))
    recent = rows.us - rows.newest_us <= HORIZON_US
    rows = rows.mutate(newest_us=recent.ifelse(rows.newest_us, ibis.null("int64")))
    written = rows.filter(rows.is_write == 1)
    newest = written.group_by(["memory_key", "us"]).agg(
        newest_version=written.version.max(),
        first_writer=written.agent.min(),
        last_writer=written.agent.max(),
    )
    newest = newest.rename(newest_key="memory_key", newest_at="us")
    rows = rows.left_join(
        newest,
        [rows.memory_key == newest.newest_key, rows.newest_us == newest.newest_at],
    ).drop("newest_key", "newest_at")
    older = rows.version_seen < rows.newest_version
    return rows.mutate(stale_read=_flag((rows.is_read == 1) & older))


def _with_stale_writes(rows: Any) -> Any:
    """Find writes whose author had not seen the newest write, by another agent."""
    import ibis

    sees = (rows.is_write == 1) | ((rows.is_read == 1) & (rows.stale_read == 0))
    sight_us = rows.us.max(where=sees).over(_earlier(rows, "memory_key", "agent"))
    rows = rows.mutate(sight_us=sight_us)
    alone = (rows.first_writer == rows.agent) & (rows.last_writer == rows.agent)
    by_version = rows.version_seen < rows.newest_version
    by_time = rows.sight_us.isnull() | (rows.sight_us < rows.newest_us)
    stale = rows.newest_us.notnull() & ~alone & ibis.coalesce(by_version, by_time)
    return rows.mutate(stale_write=_flag((rows.is_write == 1) & stale))


def _earlier(rows: Any, *group: str) -> Any:
    """Frame what strictly precedes an event within a group.

    Spark keeps a running value for a frame that begins with the group; one that begins a
    horizon ago it would read again for every row.
    """
    import ibis

    return ibis.range_window(
        preceding=(None, 1), group_by=[rows[name] for name in group], order_by=rows.us
    )


def _with_duplicates(rows: Any) -> Any:
    """Find operations that another agent had just done on the same key.

    Of the operations before an instant, the one that expires last stands for all agents
    but its own, and for its own the last of the others: two running maxima, where a join
    would pair all operations of a key.
    """
    rows = _with_runner_up(_with_expiry(rows))
    earlier = _earlier(rows, "memory_key", "operation")
    rows = rows.mutate(
        last=rows.agent.argmax(rows.standing).over(earlier),
        last_us=rows.expires_us.max().over(earlier),
        second_us=rows.runner_up_us.max().over(earlier),
    )
    others_us = (rows.last == rows.agent).ifelse(rows.second_us, rows.last_us)
    found = (rows.is_keyed == 1) & (others_us >= rows.us)
    goes_on = _flag((rows.is_write == 1) & (rows.version_seen >= rows.newest_version))
    return rows.mutate(duplicate=_flag(found & (goes_on == 0)))


def _with_expiry(rows: Any) -> Any:
    """Find the last instant at which an operation makes another's a duplicate.

    It ends with the horizon, with the next write of the key, or where the operation leaves
    its agent's window.
    """
    import ibis

    agents = ibis.window(
        group_by=[rows.agent, rows.life], order_by=[rows.us, rows.record_id]
    )
    later = ibis.range_window(
        preceding=(None, 1), group_by=rows.memory_key, order_by=-rows.us
    )
    rows = rows.mutate(
        displaced_by=rows.us.lead(WINDOW).over(agents),
        horizon_us=rows.us + HORIZON_US,
        rewritten_us=rows.us.min(where=rows.is_write == 1).over(later),
    )
    instants = ibis.window(group_by=[rows.agent, rows.life, rows.us])
    kept = rows.displaced_by.isnull().any().over(instants)
    left_us = kept.ifelse(rows.horizon_us, rows.displaced_by.max().over(instants))
    rewritten_us = ibis.coalesce(rows.rewritten_us, rows.horizon_us)
    return rows.mutate(expires_us=ibis.least(rows.horizon_us, left_us, rewritten_us))


def _with_runner_up(rows: Any) -> Any:
    """Find the one that loses where an operation meets the last to expire before it.

    Operations of one agent do not meet, so the greatest loser so far is the last to expire
    of all agents but the winner's.
    """
    import ibis

    by_expiry = ibis.window(
        group_by=[rows.memory_key, rows.operation],
        order_by=[rows.expires_us, rows.agent, rows.record_id],
    )
    rows = rows.mutate(standing=ibis.row_number().over(by_expiry))
    before = ibis.rows_window(
        preceding=(None, 1),
        group_by=[rows.memory_key, rows.operation],
        order_by=[rows.us, rows.record_id],
    )
    rows = rows.mutate(
        winner=rows.agent.argmax(rows.standing).over(before),
        winner_us=rows.expires_us.max().over(before),
    )
    loser_us = ibis.least(rows.expires_us, rows.winner_us)
    met = rows.winner != rows.agent
    return rows.mutate(runner_up_us=met.ifelse(loser_us, ibis.null("int64")))


def _with_windows(rows: Any) -> Any:
    """Sum up the last ten operations and weigh the gaps."""
    import ibis

    order = _canonical(rows)
    life = [rows.agent, rows.life]
    recent = ibis.window(
        group_by=life, order_by=order, preceding=WINDOW - 1, following=0
    )
    lives = ibis.window(group_by=life, order_by=order)
    backwards = ibis.window(
        group_by=[*life, rows.us], order_by=[column.desc() for column in order[1:]]
    )
    rows = rows.mutate(
        **{name: rows[flag].sum().over(recent) for name, flag in _SUMS.items()},
        span_us=rows.us - rows.us.min().over(recent),
        median_wait_s=rows.waited_s.median().over(recent),
        gap_us=(rows.us - rows.us.lag().over(lives)).cast("float64"),
        place=ibis.row_number().over(lives),
        place_in_instant=ibis.row_number().over(backwards),
    )
    rows = rows.mutate(**_placed(rows, "a", 0), **_placed(rows, "b", BLOCK // 2))
    rows = rows.mutate(**_weighed(rows, "a"), **_weighed(rows, "b"))
    first = (rows.block_a == 0) | (rows.place_a >= BLOCK // 2)
    return rows.mutate(expected_us=first.ifelse(rows.expected_a, rows.expected_b))


def _canonical(rows: Any) -> list[Any]:
    """Order operations as the monitor's rings do; the id parts what is alike."""
    flags = (rows[flag] for flag in _FLAGS)
    return [rows.us, *flags, rows.waited_s.fill_null(-1.0), rows.record_id]


def _placed(rows: Any, series: str, shift: int) -> dict[str, Any]:
    place = rows.place + shift
    return {
        f"block_{series}": (place // BLOCK).cast("int64"),
        f"place_{series}": place % BLOCK,
    }


def _weighed(rows: Any, series: str) -> dict[str, Any]:
    import ibis

    so_far = ibis.window(
        group_by=[rows.agent, rows.life, rows[f"block_{series}"]],
        order_by=_canonical(rows),
        preceding=None,
        following=0,
    )
    power = rows[f"place_{series}"] / GAP_HALF_LIFE
    weight = ibis.literal(2.0).pow(power)
    total = (rows.gap_us * weight).sum().over(so_far)
    known = rows.gap_us.notnull().ifelse(weight, 0.0).sum().over(so_far)
    return {f"expected_{series}": total / known.nullif(0.0)}


def _with_factors(rows: Any) -> Any:
    """Work out the five factors; one without observations is missing."""
    import ibis

    mean_gap = rows.span_us / (rows.window_operations - 1).nullif(0)
    all_at_once = (mean_gap == 0) & (rows.expected_us == 0)
    ratio = ibis.least(1.0, rows.expected_us / mean_gap.nullif(0))
    stale = rows.stale_reads + rows.stale_writes
    return rows.mutate(
        operation_frequency=ibis.cases(
            (mean_gap.isnull() | all_at_once, ibis.null("float64")),
            (mean_gap == 0, 1.0),
            else_=ratio,
        ),
        memory_consistency=1.0 - stale / (rows.reads + rows.writes).nullif(0),
        coordination_latency=WAIT_BUDGET_S / (WAIT_BUDGET_S + rows.median_wait_s),
        duplicate_work=(rows.keyed > 0).ifelse(
            1.0 - rows.duplicates / rows.window_operations, ibis.null("float64")
        ),
        hook_compliance=rows.hooked / rows.hooks_known.nullif(0),
    )


def _with_score(rows: Any) -> Any:
    """Weigh the factors that are present."""
    import ibis

    weights = EfficiencyWeights()
    shares = {name: getattr(weights, name) for name in EfficiencyWeights.__slots__}
    zero = ibis.literal(0.0)
    total = sum((rows[n].fill_null(0.0) * s for n, s in shares.items()), zero)
    weight = sum((rows[n].notnull().ifelse(s, 0.0) for n, s in shares.items()), zero)
    present = sum((_flag(rows[n].notnull()) for n in shares), ibis.literal(0))
    return rows.mutate(
        score=(present >= FEWEST_FACTORS).ifelse(total / weight, ibis.null("float64"))
    )


def _flag(condition: Any) -> Any:
    return condition.fill_null(False).cast("int64")  # noqa: FBT003 - Ibis takes the value alone
