"""The batch feature table is point in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from toolkit.features import batch_table
from toolkit.features.columns import BATCH_TARGETS
from toolkit.history import RecordStore
from toolkit.records import Batch, Provenance, Record, Turn

START = datetime(2026, 1, 5, tzinfo=UTC)


def batch(number: int, **changed: object) -> Batch:
    made = Batch(
        record_id=f"b{number:03d}",
        at=START + timedelta(seconds=10 * number),
        source="test",
        provenance=Provenance.MEASURED,
        operation_type="fileOperations",
        size=1 + number % 5,
        session_id="s",
        agent_id="main",
        cycle_s=4.0 + number,
        execution_s=2.0,
        turn_s=1.0,
        succeeded=1 + number % 5,
        failed=0,
        cancelled=0,
    )
    return replace(made, **changed)  # type: ignore[arg-type] # the fields under test


def table_of(batches: list[Record], folder: Path) -> pd.DataFrame:
    with RecordStore(folder) as store:
        for record in batches:
            store.add(record)
        store.compact()
    return batch_table(store.dataset)


def test_windows_average_the_last_ten_ended_batches(tmp_path: Path) -> None:
    table = table_of([batch(n) for n in range(15)], tmp_path)

    last = table.iloc[-1]

    assert last.recent_batches == 10
    assert last.recent_size == pytest.approx(sum(1 + n % 5 for n in range(4, 14)) / 10)


def test_the_first_batch_of_an_agent_knows_nothing(tmp_path: Path) -> None:
    first = table_of([batch(0), batch(1)], tmp_path).iloc[0]

    assert first.recent_batches == 0
    assert pd.isna(first.recent_size)


def test_a_batch_still_running_is_not_in_the_window(tmp_path: Path) -> None:
    table = table_of([batch(0, execution_s=60.0), batch(1)], tmp_path)

    assert table.iloc[1].recent_batches == 0


def test_a_batch_that_ends_as_the_next_begins_is_in_the_window(tmp_path: Path) -> None:
    table = table_of([batch(0, execution_s=10.0), batch(1)], tmp_path)

    assert table.iloc[1].recent_batches == 1


def test_another_agents_batches_are_not_in_the_window(tmp_path: Path) -> None:
    table = table_of([batch(0, agent_id="other"), batch(1)], tmp_path)

    assert table.iloc[1].recent_batches == 0


@pytest.mark.slow
def test_perturbing_the_future_leaves_every_earlier_row_as_it_was(
    tmp_path: Path,
) -> None:
    now = 9
    past = [batch(n) for n in range(now + 1)]
    future = [batch(n) for n in range(now + 1, 20)]
    changed = [
        replace(record, size=90, succeeded=1, failed=89, cycle_s=999.0, execution_s=0.1)
        for record in future
    ]
    outcome = replace(past[now], cycle_s=777.0, execution_s=500.0, succeeded=0)

    before = table_of([*past, *future], tmp_path / "before")
    after = table_of([*past[:now], outcome, *changed], tmp_path / "after")

    known = [name for name in before.columns if name not in BATCH_TARGETS]
    pd.testing.assert_frame_equal(
        before.loc[:now, known], after.loc[:now, known], check_exact=True
    )


def test_suspect_and_simulated_rows_stay_out_unless_named(tmp_path: Path) -> None:
    batches = [batch(0), batch(1, provenance=Provenance.SUSPECT)]
    table = table_of([*batches, batch(2, provenance=Provenance.SIMULATED)], tmp_path)

    assert table.provenance.tolist() == ["measured"]


def turn(number: int, **tokens: int) -> Turn:
    return Turn(
        record_id=f"t{number}",
        at=START,
        source="test",
        provenance=Provenance.DERIVED,
        **tokens,  # type: ignore[arg-type] # counts of tokens only
    )


def test_a_batch_has_the_tokens_of_its_turn(tmp_path: Path) -> None:
    spent = {"input_tokens": 10, "cache_read_tokens": 90, "output_tokens": 5}
    table = table_of(
        [
            *(batch(n, turn_id=f"t{n}") for n in range(3)),
            batch(3),
            turn(0, **spent, reasoning_tokens=4),
            turn(1, input_tokens=10),
            turn(9, **spent),
        ],
        tmp_path,
    )

    assert len(table) == 4
    assert table["turn_tokens"].iloc[0] == 105
    assert table["turn_tokens"].iloc[1:].isna().all()


def test_without_turns_no_tokens_are_known(tmp_path: Path) -> None:
    table = table_of([batch(0)], tmp_path)

    assert table["turn_tokens"].isna().all()
