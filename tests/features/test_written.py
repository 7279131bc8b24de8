"""A feature table that was written is read as it is built."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.large_history import LargeHistory
from toolkit.errors import InputDataError, NotEnoughDataError
from toolkit.features import (
    batch_table,
    read_feature_table,
    workflow_table,
    write_batch_table,
    write_workflow_table,
)
from toolkit.history import Dataset, RecordStore, read_store
from toolkit.records import Provenance, Workflow

AT = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("history")
    LargeHistory(batches=600, days=2, seed=4).write(root)
    return read_store(root)


@pytest.fixture(scope="module")
def written(history: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "table.parquet"
    write_batch_table(history, path)
    return path


def test_a_written_table_is_the_one_that_was_built(
    history: Dataset, written: Path
) -> None:
    pd.testing.assert_frame_equal(
        read_feature_table(written, "batch"), batch_table(history)
    )


def test_a_folder_of_files_in_any_order_is_one_table(
    written: Path, tmp_path: Path
) -> None:
    whole = pq.read_table(written)
    half = whole.num_rows // 2
    pq.write_table(whole.slice(half), tmp_path / "part-0.parquet")
    pq.write_table(whole.slice(0, half), tmp_path / "part-1.parquet")
    (tmp_path / "_SUCCESS").touch()

    pd.testing.assert_frame_equal(
        read_feature_table(tmp_path, "batch"), read_feature_table(written, "batch")
    )


def test_rows_of_other_provenance_are_left_out(tmp_path: Path) -> None:
    with RecordStore(tmp_path / "store") as store:
        store.add_all(
            [
                Workflow(
                    record_id=f"w{n}",
                    at=AT,
                    source="test",
                    provenance=Provenance.SIMULATED if n else Provenance.MEASURED,
                    agents=n + 1,
                    makespan_s=2.0,
                )
                for n in range(3)
            ]
        )
        store.compact()
    every, path = (Provenance.MEASURED, Provenance.SIMULATED), tmp_path / "t.parquet"
    write_workflow_table(store.dataset, path, provenances=every)

    pd.testing.assert_frame_equal(
        read_feature_table(path, "workflow"), workflow_table(store.dataset)
    )
    assert len(read_feature_table(path, "workflow", provenances=every)) == 3
    with pytest.raises(NotEnoughDataError, match="derived: 0 rows"):
        read_feature_table(path, "workflow", provenances=("derived",))


def test_a_folder_that_spark_has_not_finished_is_refused(
    written: Path, tmp_path: Path
) -> None:
    os.link(written, tmp_path / "part-0.parquet")

    with pytest.raises(InputDataError, match="no table that Spark has finished"):
        read_feature_table(tmp_path, "batch")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["size"]), "no batch table: without `size`"),
        (lambda t: _as_text(t, "load_cpu"), "field `load_cpu`: no numbers"),
        (lambda t: _as_text(t, "at"), "field `at`: no instants"),
    ],
)
def test_columns_that_nothing_can_learn_from_are_named(
    written: Path, tmp_path: Path, change: object, said: str
) -> None:
    assert callable(change)
    pq.write_table(change(pq.read_table(written)), tmp_path / "t.parquet")

    with pytest.raises(InputDataError, match=said):
        read_feature_table(tmp_path / "t.parquet", "batch")


def _as_text(table: pa.Table, name: str) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, table[name].cast(pa.string()))


@pytest.mark.parametrize("keep", [0, 3, 4_000])
def test_a_file_that_is_cut_is_refused(
    written: Path, tmp_path: Path, keep: int
) -> None:
    (tmp_path / "t.parquet").write_bytes(written.read_bytes()[:keep])

    with pytest.raises(InputDataError, match="not readable as Parquet"):
        read_feature_table(tmp_path / "t.parquet", "batch")


def test_a_batch_table_is_no_workflow_table(written: Path) -> None:
    with pytest.raises(InputDataError, match="features build workflow"):
        read_feature_table(written, "workflow")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such feature table"):
        read_feature_table(tmp_path / "t.parquet", "batch")
