"""One cell measured: the records of its batches, or of its run of a task graph."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil

from toolkit.measurement.design import Cell, Design
from toolkit.measurement.load import Utilisation
from toolkit.measurement.workloads.batch_workload import (
    Attempt,
    BatchVariant,
    BatchWorkload,
)
from toolkit.measurement.workloads.task_graph import TaskGraph
from toolkit.records import (
    Batch,
    Outcome,
    Provenance,
    Record,
    Workflow,
    record_id,
)

__all__ = ["Stopwatch", "measure_batches", "measure_graph"]

SOURCE = "measure"
DIGITS = 7
"""A tenth of a microsecond, finer than the clock of most machines."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Turns readings of the performance counter into times of day.

    Parameters
    ----------
    origin : datetime
        Time of day when the counter stood at `origin_s`; aware, UTC.
    origin_s : float
    """

    origin: datetime
    origin_s: float

    @classmethod
    def start(cls, now: Callable[[], datetime]) -> "Stopwatch":
        """Read both clocks."""
        return cls(now(), perf_counter())

    def at(self, reading_s: float) -> datetime:
        """Turn a reading into a time of day."""
        return self.origin + timedelta(seconds=reading_s - self.origin_s)


def measure_batches(
    workload: BatchWorkload,
    cell: Cell,
    design: Design,
    *,
    load: Utilisation,
    stopwatch: Stopwatch,
    run: str,
) -> list[Record]:
    """Do batches of the cell's size until enough operations have succeeded.

    A batch that failed is put right and tried again, so the cell's cost, all cycles over
    all successes, holds what failures cost.

    Parameters
    ----------
    workload : BatchWorkload
    cell : Cell
    design : Design
    load : Utilisation
        Observed before the block.
    stopwatch : Stopwatch
    run : str
        Identity of the sweep.
    """
    wanted = design.operations_of(cell.group)
    workload.reset(design.failing(cell, workload.variant.failure_rate))
    done, records = 0, list[Record]()
    try:
        while done < wanted:
            memory_bytes, previous_s = _resident_bytes(), perf_counter()
            attempt = workload.attempt(range(done, done + cell.action))
            grown_bytes = _resident_bytes() - memory_bytes
            row = {
                **_common(cell, run, len(records), stopwatch.at(previous_s)),
                **_expected(workload.variant),
                **_observed(attempt, previous_s, workload.variant.workers),
                **_loads(load),
                "memory_delta_bytes": grown_bytes,
            }
            records.append(Batch(size=cell.action, calls=cell.action, **row))
            done += attempt.succeeded
    finally:
        workload.release()
    return records


def measure_graph(
    graph: TaskGraph, cell: Cell, *, load: Utilisation, stopwatch: Stopwatch, run: str
) -> list[Record]:
    """Run the whole graph once with the cell's number of workers."""
    shape = graph.variant.shape
    began_s = perf_counter()
    done = graph.run(cell.action)
    whole = done.succeeded == shape.components and not done.failed
    return [
        Workflow(
            **_common(cell, run, 0, stopwatch.at(began_s)),
            **_loads(load),
            agents=cell.action,
            components=shape.components,
            dependencies=shape.dependencies,
            parallelizable=round(shape.parallelizable, 4),
            critical_path_share=round(shape.critical_path_share, 4),
            coordination_needs=graph.variant.coordination_needs,
            component_s=round(graph.component_s, DIGITS),
            component_cv=round(graph.component_cv, 4),
            strategy="decentralized" if cell.action > 1 else "single",
            memory_structure="shared" if cell.action > 1 else "isolated",
            makespan_s=round(done.makespan_s, DIGITS),
            agent_seconds=round(done.agent_seconds, DIGITS),
            waiting_s=round(done.waited_s, DIGITS),
            tasks_succeeded=done.succeeded,
            tasks_failed=shape.components - done.succeeded,
            outcome=Outcome.SUCCEEDED if whole else Outcome.FAILED,
            cpu_cores=psutil.cpu_count(),
        )
    ]


def _common(cell: Cell, run: str, number: int, at: datetime) -> dict[str, Any]:
    return {
        "record_id": record_id(SOURCE, run, cell.key, str(number)),
        "at": at,
        "source": SOURCE,
        "provenance": Provenance.MEASURED,
        "session_id": f"{run}-{cell.repeat}",
        "context_id": cell.context,
        "group_id": cell.group,
    }


def _expected(variant: BatchVariant) -> dict[str, Any]:
    return {
        "operation_type": variant.operation_type,
        "agent_id": "main",
        "read_share": variant.read_share,
        "operation_bytes": variant.operation_bytes,
        "failure_rate": variant.failure_rate,
        "coordination_complexity": variant.coordination_complexity,
        "active_agents": variant.agents,
        "workers": variant.workers,
    }


def _observed(attempt: Attempt, previous_s: float, workers: int) -> dict[str, Any]:
    execution_s = attempt.ended_s - attempt.began_s
    together = min(len(attempt.durations_s), workers)
    share = sum(attempt.durations_s) / (execution_s * together) if together else 0.0
    return {
        "cycle_s": round(attempt.ended_s - previous_s, DIGITS),
        "turn_s": round(attempt.began_s - previous_s, DIGITS),
        "execution_s": round(execution_s, DIGITS),
        "waiting_s": round(attempt.waited_s, DIGITS),
        "operations_s": round(sum(attempt.durations_s), DIGITS),
        "longest_s": round(max(attempt.durations_s), DIGITS),
        "median_s": round(median(attempt.durations_s), DIGITS),
        "parallelism": round(min(1.0, share), 4),
        "censored": False,
        "succeeded": attempt.succeeded,
        "failed": attempt.failed,
        "cancelled": attempt.cancelled,
    }


def _loads(load: Utilisation) -> dict[str, Any]:
    return {"load_cpu": load.cpu, "load_memory": load.memory, "load_io": load.io}


def _resident_bytes() -> int:
    """Resident bytes of this process, read from the kernel in a few microseconds."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * _PAGE_BYTES


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
