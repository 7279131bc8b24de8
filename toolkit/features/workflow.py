"""The workflow feature table: a row a run, holding what was known when it began."""

from typing import TYPE_CHECKING, Any

from toolkit.features.columns import IDENTITY, WORKFLOW_CONTEXT, WORKFLOW_TARGETS
from toolkit.features.engine import TRAINABLE, feature_table, with_declared
from toolkit.history import Dataset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["workflow_table"]

_IDENTITY = tuple(name for name in IDENTITY if name != "agent_id")


def workflow_table(
    dataset: Dataset, *, provenances: tuple[str, ...] = TRAINABLE
) -> "pd.DataFrame":
    """Build the feature table of every workflow in a store.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.
    provenances : tuple of str
        Which rows to keep.

    Returns
    -------
    DataFrame of shape (n_workflows, n_columns)
        Identity, context and target columns, ordered by time and id.

    Raises
    ------
    NotEnoughDataError
        Where there is no workflow record.
    """
    return feature_table(dataset, "workflow", _features, provenances=provenances)


def _features(workflows: Any) -> Any:
    workflows, declared = with_declared(workflows)
    return workflows.select(
        *_IDENTITY,
        "agents",
        *(column.name for column in WORKFLOW_CONTEXT),
        *WORKFLOW_TARGETS,
        "propensity",
        *declared,
    ).order_by("at", "record_id")
