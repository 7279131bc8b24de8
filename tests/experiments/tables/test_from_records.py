"""Claims about decision tables made of records."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.experiments.tables.test_feature_rows import drawn
from tests.measured_history import batch_store
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.features import batch_table
from toolkit.history import RecordStore
from toolkit.models import DecisionTable

SIZES = (2, 4, 8)


@cache
def made(*, observed: bool, sizes: tuple[int, ...] = SIZES) -> DecisionTable:
    batches = [
        replace(
            drawn(n, sizes[n // 8 % len(sizes)], None, "0"),
            cycle_s=1.0 + n % 7,
            context_id=None if observed else f"s{n % 8}|shell|0",
        )
        for n in range(240)
    ]
    with TemporaryDirectory() as folder, RecordStore(Path(folder)) as store:
        store.add_all(batches)
        store.compact()
        frame = batch_table(store.dataset)
    rows = teaching_rows(frame, decision="batch_size")
    return recorded_table(rows, decision="batch_size")


@pytest.mark.parametrize("observed", [False, True])
def test_a_history_and_a_measured_store_are_the_same_table(*, observed: bool) -> None:
    table = made(observed=observed)

    assert (table.observed, len(table.problems)) == (observed, 8)
    assert table.problems[0].actions[:, 0].tolist() == [2.0, 4.0, 8.0]
    assert table.weights[0].tolist() == [10.0, 10.0, 10.0]


def test_a_cost_is_what_was_spent_over_what_succeeded() -> None:
    table = made(observed=False)

    spent, done = table.runs[0][0].sum(axis=0)
    assert table.log_costs[0][0] == pytest.approx(np.log(spent / done))


def test_the_halves_share_no_run() -> None:
    table = made(observed=False)
    first, second = table.halves(seed=0)

    together = np.concatenate([first.runs[0][0], second.runs[0][0]])
    assert np.allclose(np.sort(together[:, 0]), np.sort(table.runs[0][0][:, 0]))


def test_the_noise_is_that_of_the_repeats() -> None:
    table = made(observed=False)

    assert table.noise == pytest.approx(0.3, abs=0.1)


def test_a_size_alone_is_no_comparison() -> None:
    with pytest.raises(NotEnoughDataError, match="two actions"):
        made(observed=False, sizes=(4,))


def test_actions_that_were_not_assigned_are_compared_within_one_session() -> None:
    table = made(observed=True)

    assert table.names[0] == "s0/shell"
    assert table.groups == tuple(f"s{n}" for n in range(8))


def test_the_best_is_named_by_other_sessions_than_those_that_grade(
    tmp_path: Path,
) -> None:
    with batch_store(tmp_path) as store:
        store.compact()
        frame = batch_table(store.dataset)
    # Two sessions tried every size of a context, one after the other.
    turn = frame.groupby(["context_id", "size"]).cumcount()
    frame["session_id"] = "s-" + turn.astype(str)
    table = recorded_table(
        teaching_rows(frame, decision="batch_size"), decision="batch_size"
    )

    halves = table.alternating_halves(0)
    assert halves is not None
    first, second = halves
    by_hand = [
        graded - graded[named.argmin()] for named, graded in (halves, halves[::-1])
    ]
    rows = frame[frame["context_id"] == table.names[0]]
    alone = rows[(rows["session_id"] == "s-0") & (rows["size"] == 2)].iloc[0]
    assert first[1] == pytest.approx(np.log(alone["cycle_s"] / alone["succeeded"]))
    assert np.allclose(table.log_slowdowns(0), np.mean(by_hand, axis=0))
    assert not np.allclose(first, second)


def test_one_session_alone_has_no_halves() -> None:
    table = made(observed=False)

    assert table.alternating_halves(0) is None
    assert table.log_slowdowns(0).min() == 0


def test_the_problems_after_a_moment_are_those_with_a_later_run() -> None:
    table = made(observed=False)

    assert len(table.after(table.latest[3]).problems) == 4
    assert table.of_groups(["s1"]).latest == (table.latest[1],)
