"""The rows of a feature table that can teach: what each spent, achieved, and its group."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.bundle import FeatureSchema
from toolkit.errors import NotEnoughDataError
from toolkit.features import context_schema
from toolkit.models import TableOrigin

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ACTIONS", "grouped_by", "origin_of", "schema_of", "teaching_rows"]

FEWEST_ROWS = 60
"""Rows below which nothing is fitted: three folds of a dozen columns each."""

FEWEST_GROUPS = 4
"""Groups below which nothing can be left out and still be learned from."""

UNGROUPED = "unknown"

ACTIONS = {"batch_size": "size", "agent_count": "agents"}
"""Column of the action, by decision."""


def teaching_rows(
    frame: "pd.DataFrame",
    *,
    decision: str,
    price_exponent: float = 0.0,
    by: str = "",
) -> "pd.DataFrame":
    """Keep the rows whose cost is known.

    Parameters
    ----------
    frame : DataFrame
        From `features.batch_table` or `features.workflow_table`.
    decision : str
        `batch_size` or `agent_count`.
    price_exponent : float
        Money weight of a workflow's cost, 0 to 1.
    by : str
        What groups are: `project`, `branch`, `host`, `client` or `session`. Unless given,
        the group that a record names; of an observed history, its project, where there
        are enough of them.

    Returns
    -------
    DataFrame
        Numbered from 0, with three more columns: `spent` (s for each attempted operation,
        or the workflow's cost), `achieved` (share of success, 0..1; 1 for a workflow)
        and `group`.

    Raises
    ------
    NotEnoughDataError
        With too few rows or groups.
    """
    kept = (
        _ended_batches(frame)
        if decision == "batch_size"
        else _ended_workflows(frame, price_exponent)
    )
    kept = kept.assign(group=_groups(kept, by))
    _check_size(decision, kept)
    return kept


def schema_of(
    rows: "pd.DataFrame", *, decision: str, context: Sequence[str] = ()
) -> FeatureSchema:
    """Build the schema of the context columns that the rows know.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    decision : str
    context : sequence of str
        Columns that may be read; all of them unless given.

    Raises
    ------
    UsageError
        `context` names what is no context column.
    """
    return context_schema(rows, batches=decision == "batch_size", context=context)


def origin_of(
    rows: "pd.DataFrame", schema: FeatureSchema, *, decision: str
) -> TableOrigin:
    """Describe the rows that a table is made of."""
    digest = hashlib.sha256("\n".join(rows["record_id"].astype(str)).encode())
    for column in schema.context:
        digest.update(column.name.encode())
        if column.kind == "category":
            digest.update("\n".join(rows[column.name].astype(str)).encode())
        else:
            digest.update(rows[column.name].to_numpy(dtype="<f8").tobytes())
    for name in (ACTIONS[decision], "spent", "achieved"):
        digest.update(rows[name].to_numpy(dtype="<f8").tobytes())
    return TableOrigin(
        rows=len(rows),
        groups=int(rows["group"].nunique()),
        fingerprint=digest.hexdigest(),
        first=rows["at"].min().to_pydatetime(),
        last=rows["at"].max().to_pydatetime(),
        sources=tuple(sorted(set(rows["source"].astype(str)))),
    )


def grouped_by(rows: "pd.DataFrame", by: str) -> str:
    """Say what groups are.

    Parameters
    ----------
    rows : DataFrame
        Of a feature table.
    by : str
        As of `teaching_rows`.

    Returns
    -------
    str
        `by`, or what is taken where nothing is asked for: `project` or `session`.
    """
    if by:
        return by
    observed = "project" in rows and rows["context_id"].isna().all()
    several = observed and rows["project"].nunique() >= FEWEST_GROUPS
    return "project" if several else "session"


def _groups(rows: "pd.DataFrame", by: str) -> "pd.Series[str]":
    """Name the group of each row, which training never splits."""
    plain = rows["group_id"].fillna(rows["session_id"]).fillna(UNGROUPED)
    asked, by = by, grouped_by(rows, by)
    if by == "session":
        return plain.astype(str)
    if by == "branch":
        project = rows["project"].fillna(UNGROUPED).astype(str)
        return project + "/" + rows["branch"].fillna(UNGROUPED).astype(str)
    named = rows[by]
    return named.fillna(UNGROUPED if asked else plain).astype(str)


def _check_size(decision: str, kept: "pd.DataFrame") -> None:
    what = f"a model of {decision.replace('_', ' ')}"
    if len(kept) < FEWEST_ROWS:
        raise NotEnoughDataError(
            what, got=len(kept), needed=FEWEST_ROWS, unit="rows with a known cost"
        )
    groups = int(kept["group"].nunique())
    if groups < FEWEST_GROUPS:
        raise NotEnoughDataError(
            what, got=groups, needed=FEWEST_GROUPS, unit="groups to leave out"
        )


def _ended_batches(frame: "pd.DataFrame") -> "pd.DataFrame":
    ended = frame["succeeded"] + frame["failed"] + frame["cancelled"]
    usable = (
        frame["cycle_s"].gt(0)
        & ended.gt(0)
        & ~frame["censored"].astype("boolean").fillna(value=False)
    ).fillna(value=False)
    kept = frame[usable].reset_index(drop=True)
    size = kept["size"].to_numpy(dtype=np.float64)
    succeeded = kept["succeeded"].to_numpy(dtype=np.float64)
    return kept.assign(
        spent=kept["cycle_s"].to_numpy(dtype=np.float64) / size,
        achieved=succeeded / ended[usable].to_numpy(dtype=np.float64),
    )


def _ended_workflows(frame: "pd.DataFrame", price_exponent: float) -> "pd.DataFrame":
    usable = frame["makespan_s"].gt(0) & frame["outcome"].ne("failed")
    if price_exponent > 0:
        usable &= frame["agent_seconds"].gt(0)
    kept = frame[usable.fillna(value=False)].reset_index(drop=True)
    spent = kept["makespan_s"].to_numpy(dtype=np.float64) ** (1 - price_exponent)
    if price_exponent > 0:
        money = kept["agent_seconds"].to_numpy(dtype=np.float64)
        spent = spent * money**price_exponent
    return kept.assign(spent=spent, achieved=1.0)
