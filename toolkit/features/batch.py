"""The batch feature table: a row a batch, holding what was known when it began.

Window columns look at the agent's last 10 batches. A batch counts only once it has
*ended*: of the ten batches that the same agent of the same session began before, those
enter whose start plus execution lies at or before the row's start, so that nothing of
the future, and nothing still running, can.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from toolkit.features.columns import (
    BATCH_CONTEXT,
    BATCH_TARGETS,
    BATCH_WINDOW,
    IDENTITY,
)
from toolkit.features.engine import TRAINABLE, feature_table, with_declared
from toolkit.history import Dataset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WINDOW", "batch_features", "batch_table"]

WINDOW = 10
"""Batches of the agent that a window column looks back at (design, section 5)."""

RESERVED = (
    *(column.name for column in BATCH_WINDOW),
    "took_us",
    "ended_operations",
    "operation_s",
    "stream",
)
"""Columns that are computed here."""

_STATED = tuple(column.name for column in BATCH_CONTEXT)
_BACK = range(1, WINDOW + 1)


def batch_table(
    dataset: Dataset, *, provenances: tuple[str, ...] = TRAINABLE
) -> "pd.DataFrame":
    """Build the feature table of every batch in a store.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.
    provenances : tuple of str
        Which rows to keep.

    Returns
    -------
    DataFrame of shape (n_batches, n_columns)
        Identity, context, window and target columns, ordered by time and id.

    Raises
    ------
    NotEnoughDataError
        Where there is no batch record.
    """
    return feature_table(dataset, "batch", _features, provenances=provenances)


def _features(batches: Any) -> Any:
    batches, names = with_declared(batches, reserved=RESERVED)
    return batch_features(batches, declared=names)


def batch_features(batches: Any, *, declared: Sequence[str] = ()) -> Any:
    """Write the feature table as an Ibis expression.

    Parameters
    ----------
    batches : ibis.Table
        Batch records.
    declared : sequence of str
        Columns of theirs beside those of the schema.

    Returns
    -------
    ibis.Table
        One row a batch, ordered by `at`, then `record_id`.
    """
    rows = _with_durations(batches)
    table = rows.mutate(**_windows(rows)).select(
        *IDENTITY,
        "operation_type",
        "size",
        *_STATED,
        *(column.name for column in BATCH_WINDOW),
        *BATCH_TARGETS,
        "censored",
        "policy_version",
        "propensity",
        *declared,
    )
    return table.order_by("at", "record_id")


def _with_durations(batches: Any) -> Any:
    """Add what the windows need; a batch without a known end counts in none."""
    ended = batches.succeeded + batches.failed + batches.cancelled
    return batches.mutate(
        took_us=(batches.execution_s * 1e6).ceil().cast("int64"),
        ended_operations=ended,
        operation_s=batches.execution_s / batches["size"],
        stream=batches.session_id.fill_null("") + "/" + batches.agent_id.fill_null(""),
    )


def _windows(rows: Any) -> dict[str, Any]:
    """Write the window columns: means over those of the last ten that had ended."""
    import ibis

    order = ibis.window(group_by="stream", order_by=["at", "record_id"])

    def past(name: str, back: int) -> Any:
        since_us = rows["at"].delta(
            rows["at"].lag(back).over(order), unit="microsecond"
        )
        ended = since_us >= rows.took_us.lag(back).over(order)
        return ended.ifelse(rows[name].lag(back).over(order), ibis.null())

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
