"""Records to feature tables: point in time, with columns declared once."""

from toolkit.features.batch import WINDOW, batch_features, batch_table
from toolkit.features.columns import (
    BATCH_CONTEXT,
    BATCH_TARGETS,
    BATCH_WINDOW,
    IDENTITY,
    WORKFLOW_CONTEXT,
    WORKFLOW_TARGETS,
    batch_schema,
    workflow_schema,
)
from toolkit.features.coordination import (
    COORDINATION_COLUMNS,
    coordination_features,
    coordination_table,
)
from toolkit.features.engine import TRAINABLE, connect, read_records
from toolkit.features.objectives import objective_periods
from toolkit.features.workflow import workflow_table

__all__ = [
    "BATCH_CONTEXT",
    "BATCH_TARGETS",
    "BATCH_WINDOW",
    "COORDINATION_COLUMNS",
    "IDENTITY",
    "TRAINABLE",
    "WINDOW",
    "WORKFLOW_CONTEXT",
    "WORKFLOW_TARGETS",
    "batch_features",
    "batch_schema",
    "batch_table",
    "connect",
    "coordination_features",
    "coordination_table",
    "objective_periods",
    "read_records",
    "workflow_schema",
    "workflow_table",
]
