import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psutil
import pytest

from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import
from toolkit.measurement import Sweep, describe_machine, write_archive
from toolkit.measurement.design import Design
from toolkit.measurement.load import LOAD_LEVELS
from toolkit.measurement.machine import Machine
from toolkit.measurement.report import summarise_sweep
from toolkit.records import KINDS, Batch, Record, Workflow

pytestmark = pytest.mark.slow  # it measures

DESIGN = Design(
    seed=2,
    repeats=2,
    batch_groups=["todos-short-list", "tasks-light"],
    graph_groups=["graph-fork-join-disk"],
    loads=LOAD_LEVELS[:1],
    sizes=(1, 4),
    spawn_sizes=(1, 3),
    workers=(1, 3),
    operations=8,
    spawn_operations=3,
)


class Ticks:
    """A clock that moves by a second each time it is read."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, tzinfo=UTC)) -> None:
        self._start = start
        self._count = count()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=next(self._count))


def records(sweep: Sweep) -> list[Record]:
    return [
        KINDS[str(row["kind"])].from_json(row)
        for rows in sweep.measured().values()
        for row in rows
    ]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    sweep = Sweep(DESIGN, tmp_path_factory.mktemp("sweep"), now=Ticks())
    sweep.measure()
    return sweep


def test_every_cell_is_measured(measured: Sweep) -> None:
    keys = {key for key in measured.measured() if not key.startswith("load/")}

    assert len(keys) == DESIGN.cells


def test_a_cell_ends_when_enough_operations_have_succeeded(measured: Sweep) -> None:
    for key, rows in measured.measured().items():
        if key.startswith("todos"):
            succeeded = sum(int(row["succeeded"]) for row in rows)

            assert DESIGN.operations <= succeeded < DESIGN.operations + 4


def test_rows_of_a_context_differ_in_size_and_chance_only(measured: Sweep) -> None:
    known = {
        (b.operation_type, b.operation_bytes, b.failure_rate, b.read_share, b.workers)
        for b in records(measured)
        if isinstance(b, Batch) and b.context_id == "todos-short-list/idle"
    }

    assert len(known) == 1


def test_a_cycle_is_the_turn_and_the_execution(measured: Sweep) -> None:
    for batch in records(measured):
        if isinstance(batch, Batch):
            parts = (batch.turn_s or 0) + (batch.execution_s or 0)

            assert batch.cycle_s == pytest.approx(parts, abs=1e-6)


def test_agent_seconds_lie_between_one_and_all_workers(measured: Sweep) -> None:
    for run in records(measured):
        if isinstance(run, Workflow):
            makespan_s, agent_seconds = run.makespan_s or 0, run.agent_seconds or 0

            assert 0 < agent_seconds <= run.agents * makespan_s


def test_measuring_again_measures_nothing(measured: Sweep) -> None:
    before = measured.measured()
    Sweep(DESIGN, measured.spool.directory, now=Ticks()).measure()

    assert measured.measured() == before


def test_an_interrupted_sweep_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    def interrupt(done: float, total: float, what: str) -> None:
        raise KeyboardInterrupt

    sweep = Sweep(replace(DESIGN, repeats=1), tmp_path, now=Ticks())
    with pytest.raises(KeyboardInterrupt):
        sweep.measure(progress=interrupt)
    kept = sweep.measured()
    sweep.measure()

    assert 0 < len(kept) < len(sweep.measured())
    assert all(sweep.measured()[key] == rows for key, rows in kept.items())


def test_an_interrupted_sweep_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def interrupt(done: float, total: float, what: str) -> None:
        raise KeyboardInterrupt

    design = replace(DESIGN, loads=LOAD_LEVELS[1:2])
    with pytest.raises(KeyboardInterrupt):
        Sweep(design, tmp_path / "work", now=Ticks()).measure(
            scratch=scratch, progress=interrupt
        )

    assert psutil.Process().children(recursive=True) == []
    assert list(scratch.iterdir()) == []


def test_two_sweeps_of_one_design_are_two_sets_of_records(
    measured: Sweep, tmp_path: Path
) -> None:
    later = datetime(2026, 2, 1, tzinfo=UTC)
    other = Sweep(DESIGN, tmp_path, now=Ticks(later))
    other.measure()
    ids = [{record.record_id for record in records(s)} for s in (measured, other)]

    assert ids[0].isdisjoint(ids[1])


@pytest.fixture(scope="module")
def archive(measured: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("archive")
    machine = describe_machine(directory)
    write_archive(directory, measured.measured(), design=DESIGN, machine=machine)
    return directory


def test_an_archive_holds_every_record(archive: Path, measured: Sweep) -> None:
    lines = [
        json.loads(line)
        for path in archive.glob("*.jsonl.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]

    assert len(lines) == len(records(measured))


def test_the_same_records_make_the_same_archive(
    archive: Path, measured: Sweep, tmp_path: Path
) -> None:
    turned = dict(reversed(measured.measured().items()))
    machine = Machine(**json.loads((archive / "machine.json").read_text()))
    write_archive(tmp_path, turned, design=DESIGN, machine=machine)

    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        p.name: p.read_bytes() for p in archive.iterdir()
    }


def test_an_archive_is_imported_once(archive: Path, tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        first = run_import(open_source("spool"), [archive], store)
        second = run_import(open_source("spool"), [archive], store)

    assert (first.added > 0, first.rejected, second.added) == (True, 0, 0)


def test_the_data_sheet_says_how_many_records_there_are(
    archive: Path, measured: Sweep
) -> None:
    batches = summarise_sweep(records(measured)).rows["batch"]

    assert f"one batch a line: {batches:,}" in (archive / "README.md").read_text()
