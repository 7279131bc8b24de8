"""The batch feature table: a row a batch, holding what was known when it began.

Window columns look at the agent's last 10 batches. A batch counts only once it has
*ended*: of the ten batches that the same agent of the same session began before, those
enter whose start plus execution lies at or before the row's start, so that nothing of
the future, and nothing still running, can.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.features.columns import (
    BATCH_BEFORE,
    BATCH_CONTEXT,
    BATCH_SEEN,
    BATCH_TARGETS,
    BATCH_WINDOW,
    IDENTITY,
    PLACES,
)
from toolkit.features.engine import (
    TRAINABLE,
    TableEngine,
    feature_table,
    with_declared,
    write_feature_table,
)
from toolkit.features.tokens import all_tokens
from toolkit.history import Dataset, Snapshot, Spark

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "WINDOW", "batch_features", "batch_table", "write_batch_table"]

WINDOW = 10
"""Batches of the agent that a window column looks back at (design, section 5)."""

INPUTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
)
"""Tokens of a turn beside those of its output."""

_BACK = range(1, WINDOW + 1)
_LOOKED_AT = (
    "end_us",
    "size",
    "operation_s",
    "turn_s",
    "succeeded",
    "ended_operations",
)
"""What the windows need of each earlier batch."""

RESERVED = (
    *(column.name for column in BATCH_WINDOW),
    "at_us",
    "end_us",
    "ended_operations",
    "operation_s",
    "stream",
    "operation_characters",
    "in_background",
    "client_version",
    "hour",
    "issued_by",
    "turn_tokens",
)
"""Columns that are computed here; a declared one is named as an identifier, so that it
is none of the earlier batches' either."""

COLUMNS: tuple[str, ...] = (
    *IDENTITY,
    *PLACES,
    "operation_type",
    "size",
    *(column.name for column in (*BATCH_CONTEXT, *BATCH_BEFORE, *BATCH_SEEN)),
    *(column.name for column in BATCH_WINDOW),
    *BATCH_TARGETS,
    "censored",
    "policy_version",
    "propensity",
)
"""Of a feature table; declared ones follow."""


def batch_table(
    dataset: Dataset,
    *,
    provenances: tuple[str, ...] = TRAINABLE,
    spark: Spark | None = None,
) -> "pd.DataFrame":
    """Build the feature table of every batch in a store.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.
    provenances : tuple of str
        Which rows to keep.
    spark : Spark, optional
        Where to build it; DuckDB unless given.

    Returns
    -------
    DataFrame of shape (n_batches, n_columns)
        Identity, context, window and target columns, ordered by time and id.

    Raises
    ------
    NotEnoughDataError
        Where there is no batch record.
    """
    return feature_table(
        dataset, "batch", _features, provenances=provenances, spark=spark
    )


def write_batch_table(
    dataset: Dataset,
    target: Path,
    *,
    provenances: tuple[str, ...] = TRAINABLE,
    spark: Spark | None = None,
) -> None:
    """Write the feature table of every batch to Parquet, without holding it whole.

    Parameters
    ----------
    dataset, provenances, spark
        As of `batch_table`.
    target : path
        A file, or, of Spark, a folder of files.
    """
    write_feature_table(
        dataset, "batch", _features, target, provenances=provenances, spark=spark
    )


def _features(batches: Any, engine: TableEngine, snapshot: Snapshot) -> Any:
    batches, names = with_declared(batches, engine, reserved=RESERVED)
    turns = engine.attached(snapshot, "turn")
    return batch_features(batches, turns=turns, declared=names)


def batch_features(
    batches: Any, *, turns: Any = None, declared: Sequence[str] = ()
) -> Any:
    """Write the feature table as an Ibis expression.

    Parameters
    ----------
    batches : ibis.Table
        Batch records.
    turns : ibis.Table, optional
        Turn records, of which `turn_tokens` is read; it is not known without them.
    declared : sequence of str
        Columns of theirs beside those of the schema.

    Returns
    -------
    ibis.Table
        One row a batch, ordered by `at`, then `record_id`.
    """
    rows = _with_earlier(_with_durations(_with_tokens(batches, turns)))
    table = rows.mutate(**_windows(rows), **_before(rows)).select(*COLUMNS, *declared)
    return table.order_by("at", "record_id")


def _before(rows: Any) -> dict[str, Any]:
    """Write the columns of the moment before a batch that no record states as they are."""
    flags = {
        "previous_failed": rows.previous_failed,
        "in_background": rows.background > 0,
        "prompted": rows.prompted,
    }
    return {
        **{name: flag.cast("float64") for name, flag in flags.items()},
        "operation_characters": rows.call_characters / rows.calls.nullif(0),
        "client_version": rows.source_version,
        "hour": rows["at"].hour().cast("float64"),
    }


def _with_tokens(batches: Any, turns: Any) -> Any:
    """Add the tokens of the turn that issued each batch; a turn issues one batch."""
    import ibis

    if turns is None:
        return batches.mutate(turn_tokens=ibis.null("int64"))
    spent = turns.select(
        issued_by=turns.record_id, turn_tokens=all_tokens(turns, INPUTS)
    )
    return batches.left_join(spent, batches.turn_id == spent.issued_by)


def _with_durations(batches: Any) -> Any:
    """Add what the windows need; a batch without a known end counts in none."""
    import ibis

    epoch = ibis.timestamp("1970-01-01 00:00:00+00:00", timezone="UTC")
    at_us = batches["at"].delta(epoch, unit="microsecond")
    took_us = (batches.execution_s * 1e6).ceil().cast("int64")
    return batches.mutate(
        at_us=at_us,
        end_us=at_us + took_us,
        ended_operations=batches.succeeded + batches.failed + batches.cancelled,
        operation_s=batches.execution_s / batches["size"],
        stream=batches.session_id.fill_null("") + "/" + batches.agent_id.fill_null(""),
    )


def _with_earlier(rows: Any) -> Any:
    """Add the last ten batches of each row's agent.

    As columns of a table of their own: written into each use, the same `lag` would be
    planned hundreds of times.
    """
    import ibis

    order = ibis.window(group_by="stream", order_by=["at", "record_id"])
    return rows.mutate(
        **{
            f"{name} {back} before": rows[name].lag(back).over(order)
            for name in _LOOKED_AT
            for back in _BACK
        }
    )


def _windows(rows: Any) -> dict[str, Any]:
    """Write the window columns: means over those of the last ten that had ended."""
    import ibis

    def past(name: str, back: int) -> Any:
        ended = rows[f"end_us {back} before"] <= rows.at_us
        return ended.ifelse(rows[f"{name} {back} before"], ibis.null())

    def total(name: str) -> Any:
        values = [past(name, back).fill_null(0) for back in _BACK]
        return reduce(add, values)

    def known(name: str) -> Any:
        flags = [past(name, back).notnull().cast("int64") for back in _BACK]
        return reduce(add, flags)

    def mean(name: str) -> Any:
        return total(name) / known(name).nullif(0)

    return {
        "recent_batches": known("size"),
        "recent_size": mean("size"),
        "recent_operation_s": mean("operation_s"),
        "recent_turn_s": mean("turn_s"),
        "recent_success": total("succeeded") / total("ended_operations").nullif(0),
    }
