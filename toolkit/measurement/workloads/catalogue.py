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


def batch_workloads() -> list[BatchWorkload]:
    """Make every batch workload anew, fourteen of three operation types."""
    return [
        _files("read-small", 16, read=0.8, failing=0.25),
        _files("read-large", 600, read=0.9, failing=0.15),
        _files("edit-medium", 128, read=0.3, failing=0.2),
        _files("durable-small", 8, read=0.2, failing=0.1, durable=True),
        _files("durable-mixed", 64, read=0.6, failing=0.2, durable=True),
        _files("durable-large", 300, read=0.1, failing=0.05, durable=True),
        _todos("short-list", 1, length=300, failing=0.2),
        _todos("long-list", 1, length=1200, failing=0.1),
        _todos("long-list-stale", 1, length=1000, failing=0.25),
        _todos("spilling", 100, length=400, failing=0.2, cache_pages=60),
        _todos("shared-store", 4, length=600, failing=0.15, agents=2),
        _tasks("light", 20, work=1000, result=2, failing=0.15),
        _tasks("briefed", 300, work=1000, result=2, failing=0.1),
        _tasks("fragile", 100, work=2000, result=40, failing=0.2),
    ]


def task_graphs() -> list[TaskGraph]:
    """Make every task graph anew, eight of four shapes."""
    shape = GraphShape
    return [
        _graph("chain-compute", shape.chain(10), 3000, briefing=40),
        _graph("independent-compute", shape.independent(16), 5000, briefing=10),
        _graph("independent-disk", shape.independent(16), 300, syncs=6, briefing=10),
        _graph("fork-join-disk", shape.fork_join(10), 500, syncs=6, briefing=20),
        _graph("fork-join-talk", shape.fork_join(5, 3), 1000, syncs=3, message=100),
        _graph("layered-disk", shape.layered(6, 3), 300, syncs=5, shared=100),
        _graph("layered-talk", shape.layered(5, 3), 600, syncs=5, message=200),
        _graph("wide-disk", shape.independent(24), 100, syncs=5, briefing=10),
    ]


def _files(
    name: str, size: int, *, read: float, failing: float, durable: bool = False
) -> FileOperations:
    variant = BatchVariant(
        name=f"files-{name}",
        operation_type="fileOperations",
        operation_bytes=size * KB,
        read_share=read,
        failure_rate=failing,
    )
    return FileOperations(variant, durable=durable)


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
        operation_bytes=size * KB,
        read_share=0.0,
        failure_rate=failing,
        shared_share=1 - 1 / agents,
        agents=agents,
    )
    return TodoWrites(variant, list_length=length, cache_pages=cache_pages)


def _tasks(
    name: str, size: int, *, work: int, result: int, failing: float
) -> TaskSpawning:
    variant = BatchVariant(
        name=f"tasks-{name}",
        operation_type="taskSpawning",
        operation_bytes=size * KB,
        read_share=0.0,
        failure_rate=failing,
        workers=12,
    )
    return TaskSpawning(variant, work_bytes=work * KB, result_bytes=result * KB)


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
