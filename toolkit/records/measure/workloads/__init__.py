"""The real work that is measured: batches of three types, and task graphs.

Variants differ in what is known before a batch runs (payload, share of reads, how often
an operation fails, how many others write the same store), so that a model can learn
from some what to expect of another. Failure rates span what histories show (2 to 7 % of
calls) up to work on code that somebody else is changing.
"""

from toolkit.records.measure.workloads.batch_workload import (
    Attempt,
    BatchVariant,
    BatchWorkload,
)
from toolkit.records.measure.workloads.catalogue import (
    batch_workloads,
    task_graphs,
)
from toolkit.records.measure.workloads.file_operations import FileOperations
from toolkit.records.measure.workloads.graph_shape import GraphShape
from toolkit.records.measure.workloads.task_graph import (
    GraphRun,
    GraphVariant,
    TaskGraph,
)
from toolkit.records.measure.workloads.task_spawning import TaskSpawning
from toolkit.records.measure.workloads.todo_writes import TodoWrites

__all__ = [
    "Attempt",
    "BatchVariant",
    "BatchWorkload",
    "FileOperations",
    "GraphRun",
    "GraphShape",
    "GraphVariant",
    "TaskGraph",
    "TaskSpawning",
    "TodoWrites",
    "batch_workloads",
    "task_graphs",
]
