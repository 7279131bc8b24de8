"""Claims about what a feature table gives to learn from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.measured_history import batch_store
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.features import batch_table
from toolkit.history import RecordStore
from toolkit.models import DecisionTable
from toolkit.records import Batch, Provenance

START = datetime(2026, 3, 2, tzinfo=UTC)


def drawn(number: int, size: int, propensity: float | None, version: str) -> Batch:
    """A batch of one of eight sessions, whose size was drawn in one cell."""
    session = f"s{number % 8}"
    return Batch(
        record_id=f"b{number}",
        at=START + timedelta(minutes=number),
        source="test",
        provenance=Provenance.MEASURED,
        operation_type="shell",
        size=size,
        session_id=session,
        group_id=session,
        context_id=f"{session}|shell|0",
        cycle_s=2.0 + size,
        succeeded=size,
        failed=0,
        cancelled=0,
        load_cpu=0.1 + 0.01 * (number % 5),
        read_share=0.0,
        policy="guarded+explore",
        policy_version=version,
        propensity=propensity,
    )


def table_of(folder: Path, batches: list[Batch], **more: Any) -> DecisionTable:
    with RecordStore(folder) as store:
        store.add_all(batches)
        store.compact()
        frame = batch_table(store.dataset)
    rows = teaching_rows(frame, decision="batch_size")
    return recorded_table(rows, decision="batch_size", **more)


def of_chances(chances: dict[int, float | None], *versions: str) -> list[Batch]:
    sizes = sorted(chances)
    return [
        drawn(n, size, chances[size], versions[n % len(versions)])
        for n, size in enumerate(sizes[n // 8 % len(sizes)] for n in range(80))
    ]


@pytest.mark.parametrize(
    ("chances", "served"),
    [
        ({2: 0.1, 4: 0.8, 6: 0.1}, ("7", 1)),
        ({2: 0.1, 4: 0.1}, None),  # only explored sizes: none was the policy's own
        ({2: None, 4: None}, None),
    ],
)
def test_what_the_policy_in_force_served_is_the_size_of_the_largest_chance(
    tmp_path: Path, chances: dict[int, float | None], served: tuple[str, int] | None
) -> None:
    table = table_of(tmp_path, of_chances(chances, "7"))

    assert len(table.problems) == 8
    assert set(table.served) == {served}


def test_two_policies_in_one_context_served_nothing_that_is_known(
    tmp_path: Path,
) -> None:
    batches = of_chances({2: 0.1, 4: 0.9}, "7")
    mixed = [*batches, *(drawn(1000 + n, 4, 0.9, "8") for n in range(8))]

    assert set(table_of(tmp_path, mixed).served) == {None}


def test_a_model_reads_the_context_columns_that_it_may(tmp_path: Path) -> None:
    batches = of_chances({2: 0.1, 4: 0.9}, "7")
    table = table_of(tmp_path, batches, context=("load_cpu",))

    assert table.schema.names == ("operation_type=shell", "load_cpu", "log size")


def test_a_column_that_is_no_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="load_cpu"):
        table_of(tmp_path, of_chances({2: 0.1, 4: 0.9}, "7"), context=("load_cpus",))


def test_censored_and_unfinished_batches_teach_nothing(tmp_path: Path) -> None:
    with batch_store(tmp_path) as store:
        store.compact()
        frame = batch_table(store.dataset)
    frame.loc[0, "censored"] = True
    frame.loc[1, "cycle_s"] = np.nan

    kept = teaching_rows(frame, decision="batch_size")

    assert len(kept) == len(frame) - 2


def test_too_few_groups_are_not_enough_data(tmp_path: Path) -> None:
    with batch_store(tmp_path, groups=3) as store:
        store.compact()
        frame = batch_table(store.dataset)

    with pytest.raises(NotEnoughDataError, match="3 groups"):
        teaching_rows(frame, decision="batch_size")


def test_the_fingerprint_is_of_ids_contexts_actions_and_costs(tmp_path: Path) -> None:
    with batch_store(tmp_path) as store:
        store.compact()
        frame = batch_table(store.dataset)
    changes = [
        frame.assign(record_id="x" + frame["record_id"]),
        frame.assign(load_cpu=frame["load_cpu"] / 2),
        frame.assign(cycle_s=frame["cycle_s"] * 2),
        frame,
    ]
    prints = [
        recorded_table(
            teaching_rows(each, decision="batch_size"), decision="batch_size"
        ).records.fingerprint
        for each in [frame, *changes]
    ]

    assert len(set(prints)) == 4
    assert prints[0] == prints[-1]
