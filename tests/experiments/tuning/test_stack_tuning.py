"""Tuning inside the training groups: adopted where it is shown to help, else not."""

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from toolkit.experiments.tuning import TunedStack
from toolkit.models import RelativeRows, decision_weights

NAMES = ("plain", "plain; other", "noise")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> RelativeRows:
    return table(tmp_path_factory.mktemp("tables"), groups=7, problems=6).rows()


def predictions(rows: RelativeRows, first: float, second: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    draws = rng.normal(0, 1, (3, len(rows.X)))
    return rows.regret + np.array([[first], [second], [5.0]]) * draws


def test_an_alternative_that_is_plainly_better_is_adopted(rows: RelativeRows) -> None:
    found = TunedStack(seed=0)(predictions(rows, 3.0, 0.0), rows, NAMES)

    assert (found.tuned, found.weights[0]) == (True, 0.0)


def test_an_alternative_that_is_no_better_leaves_the_default(
    rows: RelativeRows,
) -> None:
    held_out = predictions(rows, 0.01, 0.01)

    found = TunedStack(seed=0)(held_out, rows, NAMES)

    assert (found.tuned, found.weights[1]) == (False, 0.0)


def test_what_is_not_tuned_is_weighed_as_without_tuning(rows: RelativeRows) -> None:
    held_out = predictions(rows, 0.01, 0.01)

    found = TunedStack(seed=0)(held_out, rows, NAMES)

    np.testing.assert_allclose(
        found.weights[[0, 2]],
        decision_weights(held_out[[0, 2]], rows, ("plain", "noise")),
    )


def test_tuning_is_the_same_for_the_same_seed(rows: RelativeRows) -> None:
    held_out = predictions(rows, 1.0, 0.5)

    first, second = (TunedStack(seed=3)(held_out, rows, NAMES) for _ in range(2))

    assert first.weights.tolist() == second.weights.tolist()


def test_five_groups_are_too_few_to_tune(rows: RelativeRows) -> None:
    few = rows.take(rows.group < 5)

    found = TunedStack(seed=0)(predictions(few, 3.0, 0.0), few, NAMES)

    assert not found.tuned
