"""Claims about decision tables made of records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.tables.test_feature_rows import drawn
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables import measured_table, observed_table
from toolkit.features import batch_table
from toolkit.history import RecordStore
from toolkit.models import DecisionTable

SIZES = (2, 4, 8)


def made(
    folder: Path, *, observed: bool, sizes: tuple[int, ...] = SIZES
) -> DecisionTable:
    batches = [
        replace(drawn(n, sizes[n // 8 % len(sizes)], None, "0"), cycle_s=1.0 + n % 7)
        for n in range(240)
    ]
    with RecordStore(folder) as store:
        store.add_all(batches)
        store.compact()
        frame = batch_table(store.dataset)
    build = observed_table if observed else measured_table
    return build(frame, decision="batch_size")


@pytest.mark.parametrize("observed", [False, True])
def test_a_history_and_a_measured_store_are_the_same_table(
    tmp_path: Path, *, observed: bool
) -> None:
    table = made(tmp_path, observed=observed)

    assert (table.observed, len(table.problems)) == (observed, 8)
    assert table.problems[0].actions[:, 0].tolist() == [2.0, 4.0, 8.0]
    assert table.weights[0].tolist() == [10.0, 10.0, 10.0]


def test_a_cost_is_what_was_spent_over_what_succeeded(tmp_path: Path) -> None:
    table = made(tmp_path, observed=False)

    spent, done = table.runs[0][0].sum(axis=0)
    assert table.log_costs[0][0] == pytest.approx(np.log(spent / done))


def test_the_halves_share_no_run(tmp_path: Path) -> None:
    table = made(tmp_path, observed=False)
    first, second = table.halves(seed=0)

    together = np.concatenate([first.runs[0][0], second.runs[0][0]])
    assert np.allclose(np.sort(together[:, 0]), np.sort(table.runs[0][0][:, 0]))


def test_the_noise_is_that_of_the_repeats(tmp_path: Path) -> None:
    table = made(tmp_path, observed=False)

    assert table.noise == pytest.approx(0.3, abs=0.1)


def test_a_size_alone_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError, match="several actions"):
        made(tmp_path, observed=False, sizes=(4,))
