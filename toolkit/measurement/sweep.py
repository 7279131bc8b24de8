"""The sweep: presses on the machine, measures every cell, keeps what it has.

Each measured cell is one line of a file; a sweep that was interrupted reads that file
and goes on where it was, a block whose cells are all known being skipped.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.measurement.cells import Stopwatch, measure_batches, measure_graph
from toolkit.measurement.design import Cell, Design
from toolkit.measurement.idle import Calm
from toolkit.measurement.load import Utilisation, pressure, utilisation
from toolkit.measurement.priority import raised_priority
from toolkit.measurement.workloads.batch_workload import BatchWorkload
from toolkit.measurement.workloads.catalogue import batch_workloads, task_graphs
from toolkit.measurement.workloads.task_graph import TaskGraph
from toolkit.records import LoadSample, Provenance, Record, Spool, record_id

__all__ = ["Sweep", "default_design", "quick_design"]

BEGIN = "begin"
"""In place of a cell's key: the line that names a sweep."""

MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made in it
"""Where batches keep their files: a disk that others write to would be most of the noise."""

Progress = Callable[[float, float, str], None]


def default_design(*, seed: int, repeats: int) -> Design:
    """Measure every variant under every load level: minutes.

    Parameters
    ----------
    seed : int
        Of the cells' order.
    repeats : int
        Times each cell is measured, at least 1.

    Returns
    -------
    Design
    """
    return Design(
        seed=seed,
        repeats=repeats,
        batch_groups=[workload.variant.name for workload in batch_workloads()],
        graph_groups=[graph.variant.name for graph in task_graphs()],
    )


def quick_design(*, seed: int, repeats: int) -> Design:
    """Measure one variant of each kind under two load levels: seconds.

    Parameters
    ----------
    seed : int
        Of the cells' order.
    repeats : int
        Times each cell is measured, at least 1.

    Returns
    -------
    Design
    """
    return Design(
        seed=seed,
        repeats=repeats,
        batch_groups=["files-edit-small", "todos-short-list", "tasks-light"],
        graph_groups=["graph-fork-join-disk"],
        sizes=(1, 3, 8, 20),
        spawn_sizes=(1, 3, 8),
        workers=(1, 2, 4, 12),
        operations=12,
        spawn_operations=6,
    )


class Sweep:
    """Measures a design and keeps every cell as soon as it is measured.

    Parameters
    ----------
    design : Design
    directory : path
        Where measured cells are kept until they are archived.
    now : callable
        Reads the time of day, aware and in UTC.
    """

    def __init__(
        self, design: Design, directory: Path, *, now: Callable[[], datetime]
    ) -> None:
        self.design = design
        self.spool = Spool(directory)
        self._now = now
        self._run = record_id("sweep", repr(design.to_json()), _variants())[:12]

    def measured(self) -> dict[str, list[Mapping[str, Any]]]:
        """Read the records of the cells of this design that are measured, by cell.

        Returns
        -------
        dict of str to list of mapping
            Records as rows, by the name of the cell.
        """
        rows = (line.row for line in self.spool.lines())
        return {
            row["cell"]: row["records"]
            for row in rows
            if row is not None and row["run"] == self._run and row["cell"] != BEGIN
        }

    def measure(
        self,
        *,
        scratch: Path | None = None,
        patience_s: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        """Measure what is not measured yet; interrupted, call it again.

        Parameters
        ----------
        scratch : path, optional
            Existing directory on the disk that task graphs and writers use; by default
            that of temporary files. Batches work in memory where the system has a file
            system there, else here as well. What is made is removed.
        patience_s : float
            How long to wait, in all, for others to leave the machine alone before a
            block; when it is used up, blocks are measured whatever they do.
        progress : callable, optional
            Called with how many of how many cells are measured, and under what load.
        """
        known = set(self.measured())
        begun = self._begun()
        done = len([key for key in known if not key.startswith("load/")])
        calm = Calm(patience_s)
        with (
            TemporaryDirectory(dir=scratch, prefix="toolkit-measure-") as name,
            TemporaryDirectory(
                dir=MEMORY if MEMORY.is_dir() else scratch, prefix="toolkit-measure-"
            ) as memory,
            raised_priority(),
        ):
            work = _Workbench(self.design, Path(name), Path(memory), begun)
            work.prepare()
            for level, blocks in self.design.rounds():
                for block in blocks:
                    cells = [cell for cell in block if cell.key not in known]
                    if not cells:
                        continue
                    calm.wait()
                    with pressure(level, Path(name)):
                        self._block(work, cells)
                    done += len(cells)
                    if progress is not None:
                        progress(done, self.design.cells, f"{level.name} load")

    def _begun(self) -> str:
        """Name this sweep among all of the same design: the moment it first began."""
        for line in self.spool.lines():
            row = line.row or {}
            if row.get("run") == self._run and row.get("cell") == BEGIN:
                return str(row["name"])
        name = record_id(self._run, self._now().isoformat())[:12]
        self.spool.append({"run": self._run, "cell": BEGIN, "name": name})
        return name

    def _block(self, work: "_Workbench", cells: list[Cell]) -> None:
        """Observe the machine, then measure one context's actions one after another."""
        stopwatch = Stopwatch.start(self._now)
        load = utilisation()
        place = record_id(work.run, cells[0].key)
        self._keep(f"load/{cells[0].key}", [self._sample(load, place)])
        for cell in cells:
            self._keep(cell.key, work.measure(cell, load, stopwatch))

    def _keep(self, key: str, records: list[Record]) -> None:
        rows = [record.to_json() for record in records]
        self.spool.append({"run": self._run, "cell": key, "records": rows})

    def _sample(self, load: Utilisation, place: str) -> LoadSample:
        return LoadSample(
            record_id=place,
            at=self._now(),
            source="measure",
            provenance=Provenance.MEASURED,
            host="measured",
            cpu=load.cpu,
            memory=load.memory,
            io=load.io,
            memory_total_bytes=load.memory_total_bytes,
            memory_used_bytes=load.memory_used_bytes,
        )


def _variants() -> str:
    """Write down what the workloads are, so that a changed one is measured again."""
    batches = [workload.variant for workload in batch_workloads()]
    return repr([*batches, *(graph.variant for graph in task_graphs())])


class _Workbench:
    """The workloads of a design, ready to be measured."""

    def __init__(self, design: Design, directory: Path, memory: Path, run: str) -> None:
        self._design = design
        self._directory = directory
        self._memory = memory
        self.run = run
        self._batches: dict[str, BatchWorkload] = {
            workload.variant.name: workload
            for workload in batch_workloads()
            if workload.variant.name in design.batch_groups
        }
        self._graphs: dict[str, TaskGraph] = {
            graph.variant.name: graph
            for graph in task_graphs()
            if graph.variant.name in design.graph_groups
        }

    def prepare(self) -> None:
        for name, workload in self._batches.items():
            workload.prepare(self._memory / name)
        for name, graph in self._graphs.items():
            graph.prepare(self._directory / name, seed=self._design.seed)

    def measure(
        self, cell: Cell, load: Utilisation, stopwatch: Stopwatch
    ) -> list[Record]:
        if cell.group in self._graphs:
            return measure_graph(
                self._graphs[cell.group],
                cell,
                load=load,
                stopwatch=stopwatch,
                run=self.run,
            )
        return measure_batches(
            self._batches[cell.group],
            cell,
            self._design,
            load=load,
            stopwatch=stopwatch,
            run=self.run,
        )
