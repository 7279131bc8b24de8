"""A job log whose cost depends on a column that only its owner knows, end to end."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.features import batch_table
from toolkit.features.columns import declared_columns
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import

GPUS = {"l4": 4.0, "a100": 1.0, "h100": 0.5}
MAP = """
kind = "batch"
identity = ["job", "step"]
[columns]
at = "begun"
session_id = "job"
size = "rows"
failed = "bad"
cycle_s = { column = "took_ms", unit = "ms" }
[context]
gpu = "gpu"
model_bytes = { column = "model_gb", unit = "GB" }
[constants]
operation_type = "inference"
"""


def job_log(path: Path, jobs: int = 12, steps: int = 12) -> Path:
    """Write batches of several sizes for each job, each job on one processor."""
    rng = np.random.default_rng(0)
    begun = datetime(2026, 1, 5, tzinfo=UTC)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["job", "step", "begun", "rows", "bad", "took_ms", "gpu", "model_gb"]
        )
        for job in range(jobs):
            gpu = list(GPUS)[job % len(GPUS)]
            for step in range(steps):
                size = int(2 ** (step % 5))
                took = GPUS[gpu] * (20 + 4 * size) * rng.lognormal(0, 0.05)
                at = begun + timedelta(hours=job, minutes=step)
                writer.writerow(
                    [job, step, at.isoformat(), size, 0, f"{took:.3f}", gpu, 7]
                )
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordStore]:
    folder = tmp_path_factory.mktemp("declared")
    (folder / "map.toml").write_text(MAP)
    source = open_source("table", map_path=folder / "map.toml")
    with RecordStore(folder / "store") as opened:
        run_import(source, [job_log(folder / "log.csv")], opened)
        opened.compact()
        yield opened


def test_a_feature_table_has_a_column_for_each(store: RecordStore) -> None:
    frame = batch_table(store.dataset)
    gpu, model = sorted(declared_columns(frame), key=lambda column: column.name)

    assert (gpu.kind, gpu.categories) == ("category", ("a100", "h100", "l4"))
    assert (model.kind, model.unit, model.log) == ("number", "byte", True)
    assert frame["model_bytes"].unique().tolist() == [7e9]
    assert set(frame["gpu"]) == set(GPUS)


def test_what_did_not_fail_succeeded_and_nothing_was_cancelled(
    store: RecordStore,
) -> None:
    frame = batch_table(store.dataset)

    assert (frame["succeeded"] == frame["size"]).all()
    assert (frame["cancelled"] == 0).all()


def test_a_decision_table_reads_them(store: RecordStore) -> None:
    rows = teaching_rows(batch_table(store.dataset), decision="batch_size")
    table = recorded_table(rows, decision="batch_size")

    names = [column.name for column in table.schema.context]
    assert {"gpu", "model_bytes"} <= set(names)
    assert {problem.context["gpu"] for problem in table.problems} == set(GPUS)
    assert {problem.context["model_bytes"] for problem in table.problems} == {7e9}


def test_a_spec_may_read_a_declared_column_alone(store: RecordStore) -> None:
    rows = teaching_rows(batch_table(store.dataset), decision="batch_size")
    table = recorded_table(rows, decision="batch_size", context=["gpu"])

    assert [column.name for column in table.schema.context] == ["operation_type", "gpu"]
