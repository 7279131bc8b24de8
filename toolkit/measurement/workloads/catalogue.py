"""Which variants a sweep measures by default."""

from toolkit.measurement.workloads.batch_workload import (
    BatchVariant,
    BatchWorkload,
)
from toolkit.measurement.workloads.file_operations import FileOperations
from toolkit.measurement.workloads.graph_shape import GraphShape
from toolkit.measurement.workloads.task_graph import GraphVariant, TaskGraph
from toolkit.measurement.workloads.task_spawning import TaskSpawning
from toolkit.measurement.workloads.todo_writes import TodoWrites

__all__ = ["batch_workloads", "task_graphs"]

KB = 1000
TODO_BYTES = 56
"""Of one todo in the list, which every write reads and writes as a whole."""
WORK_BYTES = 1000 * KB
RESULT_BYTES = 2 * KB
"""What every spawned task computes on, and what it writes to the store."""


def batch_workloads() -> list[BatchWorkload]:
    """Make every batch workload, twenty-four of three operation types.

    Failure rates and the weight of an operation are varied against each other within
    each type, since the two set where the best size lies.

    Returns
    -------
    list of BatchWorkload
    """
    return [
        _files("read-tiny", 8, read=0.9, failing=0.02),
        _files("read-small", 24, read=0.8, failing=0.3),
        _files("read-medium", 150, read=0.9, failing=0.1),
        _files("read-large", 600, read=0.8, failing=0.4),
        _files("read-huge", 3000, read=0.9, failing=0.35),
        _files("read-huge-steady", 2000, read=1.0, failing=0.03),
        _files("edit-small", 8, read=0.2, failing=0.05),
        _files("edit-small-stale", 16, read=0.3, failing=0.35),
        _files("edit-medium", 128, read=0.3, failing=0.15),
        _files("edit-large", 400, read=0.1, failing=0.3),
        _todos("short-list", 1, length=100, failing=0.03),
        _todos("short-list-stale", 1, length=150, failing=0.35),
        _todos("medium-list", 1, length=500, failing=0.1),
        _todos("long-list", 1, length=1500, failing=0.05),
        _todos("long-list-stale", 1, length=2000, failing=0.3),
        _todos("spilling", 100, length=400, failing=0.2, cache_pages=60),
        _todos("shared-store", 4, length=600, failing=0.15, agents=2),
        _todos("shared-store-busy", 4, length=300, failing=0.25, agents=3),
        _tasks("light", 20, failing=0.02),
        _tasks("light-fragile", 20, failing=0.4),
        _tasks("briefed", 300, failing=0.1),
        _tasks("briefed-fragile", 300, failing=0.3),
        _tasks("long-briefed", 1200, failing=0.05),
        _tasks("long-briefed-fragile", 1200, failing=0.25),
    ]


def task_graphs() -> list[TaskGraph]:
    """Make every task graph, twenty of four shapes.

    Returns
    -------
    list of TaskGraph
    """
    shape = GraphShape
    chain, alone = shape.chain, shape.independent
    return [
        _graph("chain-compute", chain(8), 2500, briefing=40),
        _graph("chain-disk", chain(8), 200, syncs=4, briefing=20),
        _graph("chain-long", chain(5), 9000, briefing=40),
        _graph("independent-compute", alone(12), 3000, briefing=10),
        _graph("independent-long", alone(6), 20000, briefing=20),
        _graph("independent-disk", alone(14), 200, syncs=4, briefing=10),
        _graph("independent-shared", alone(12), 500, syncs=3, shared=3000),
        _graph("independent-talk", alone(12), 500, syncs=4, message=150),
        _graph("wide-disk", alone(24), 100, syncs=3, briefing=10),
        _graph("wide-tiny", alone(24), 300, briefing=10),
        _graph("fork-join-compute", shape.fork_join(6), 3000, briefing=20),
        _graph("fork-join-disk", shape.fork_join(8), 300, syncs=4, briefing=20),
        _graph("fork-join-long", shape.fork_join(5), 15000, briefing=20),
        _graph("fork-join-talk", shape.fork_join(4, 2), 1000, syncs=3, message=100),
        _graph("fork-join-twice", shape.fork_join(5, 2), 200, syncs=3, briefing=20),
        _graph("layered-compute", shape.layered(4, 3), 2500, briefing=20),
        _graph("layered-deep", shape.layered(3, 5), 300, syncs=3, briefing=20),
        _graph("layered-disk", shape.layered(5, 3), 200, syncs=4, shared=100),
        _graph("layered-long", shape.layered(3, 3), 10000, briefing=20),
        _graph("layered-talk", shape.layered(4, 3), 600, syncs=3, message=200),
    ]


def _files(name: str, size: int, *, read: float, failing: float) -> FileOperations:
    variant = BatchVariant(
        name=f"files-{name}",
        operation_type="fileOperations",
        operation_bytes=size * KB,
        read_share=read,
        failure_rate=failing,
    )
    return FileOperations(variant)


def _todos(
    name: str,
    size: int,
    *,
    length: int,
    failing: float,
    agents: int = 1,
    cache_pages: int = 2000,
) -> TodoWrites:
    variant = BatchVariant(
        name=f"todos-{name}",
        operation_type="todoWrite",
        operation_bytes=size * KB + length * TODO_BYTES,
        read_share=0.0,
        failure_rate=failing,
        shared_share=1 - 1 / agents,
        agents=agents,
    )
    return TodoWrites(
        variant,
        list_length=length,
        payload_bytes=size * KB,
        cache_pages=cache_pages,
    )


def _tasks(name: str, size: int, *, failing: float) -> TaskSpawning:
    variant = BatchVariant(
        name=f"tasks-{name}",
        operation_type="taskSpawning",
        operation_bytes=size * KB,
        read_share=0.0,
        failure_rate=failing,
        workers=12,
    )
    return TaskSpawning(variant, work_bytes=WORK_BYTES, result_bytes=RESULT_BYTES)


def _graph(
    name: str,
    shape: GraphShape,
    compute: int,
    *,
    syncs: int = 0,
    shared: int = 0,
    message: int = 0,
    briefing: int = 100,
) -> TaskGraph:
    variant = GraphVariant(
        name=f"graph-{name}",
        shape=shape,
        compute_bytes=compute * KB,
        syncs=syncs,
        shared_bytes=shared * KB,
        message_bytes=message * KB,
        briefing_bytes=briefing * KB,
    )
    return TaskGraph(variant)
