"""Claims about what a feature table gives to learn from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.experiments.tables import LearningTable, learning_table
from toolkit.features import batch_table
from toolkit.history import RecordStore
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


def table_of(folder: Path, batches: list[Batch], **more: Any) -> LearningTable:
    with RecordStore(folder) as store:
        store.add_all(batches)
        store.compact()
        frame = batch_table(store.dataset)
    return learning_table(frame, decision="batch_size", price_exponent=0.0, **more)


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
    assert {problem.served for problem in table.problems} == {served}


def test_two_policies_in_one_context_served_nothing_that_is_known(
    tmp_path: Path,
) -> None:
    batches = of_chances({2: 0.1, 4: 0.9}, "7")
    mixed = [*batches, *(drawn(1000 + n, 4, 0.9, "8") for n in range(8))]

    assert {problem.served for problem in table_of(tmp_path, mixed).problems} == {None}


def test_a_model_reads_the_context_columns_that_it_may(tmp_path: Path) -> None:
    batches = of_chances({2: 0.1, 4: 0.9}, "7")
    table = table_of(tmp_path, batches, context=("load_cpu",))

    assert table.schema.names == ("operation_type=shell", "load_cpu", "log size")


def test_a_column_that_is_no_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="load_cpu"):
        table_of(tmp_path, of_chances({2: 0.1, 4: 0.9}, "7"), context=("load_cpus",))
