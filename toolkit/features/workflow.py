"""The workflow feature table: a row a run, holding what was known when it began."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.features.columns import (
    IDENTITY,
    PLACES,
    WORKFLOW_CONTEXT,
    WORKFLOW_TARGETS,
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

__all__ = ["COLUMNS", "workflow_table", "write_workflow_table"]

COLUMNS: tuple[str, ...] = (
    *(name for name in IDENTITY if name != "agent_id"),
    *PLACES,
    "agents",
    *(column.name for column in WORKFLOW_CONTEXT),
    *WORKFLOW_TARGETS,
    "propensity",
)
"""Of a feature table; declared ones follow."""

INPUTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens")


def workflow_table(
    dataset: Dataset,
    *,
    provenances: tuple[str, ...] = TRAINABLE,
    spark: Spark | None = None,
) -> "pd.DataFrame":
    """Build the feature table of every workflow in a store.

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
    DataFrame of shape (n_workflows, n_columns)
        Identity, context and target columns, ordered by time and id.

    Raises
    ------
    NotEnoughDataError
        Where there is no workflow record.
    """
    return feature_table(
        dataset, "workflow", _features, provenances=provenances, spark=spark
    )


def write_workflow_table(
    dataset: Dataset,
    target: Path,
    *,
    provenances: tuple[str, ...] = TRAINABLE,
    spark: Spark | None = None,
) -> None:
    """Write the feature table of every workflow to Parquet, without holding it whole.

    Parameters
    ----------
    dataset, provenances, spark
        As of `workflow_table`.
    target : path
        A file, or, of Spark, a folder of files.
    """
    write_feature_table(
        dataset, "workflow", _features, target, provenances=provenances, spark=spark
    )


def _features(workflows: Any, engine: TableEngine, _: Snapshot) -> Any:
    workflows, declared = with_declared(workflows, engine, reserved=("tokens",))
    table = workflows.mutate(tokens=all_tokens(workflows, INPUTS)).select(
        *COLUMNS, *declared
    )
    return table.order_by("at", "record_id")
