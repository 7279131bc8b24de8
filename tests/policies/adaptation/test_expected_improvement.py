"""Own runs without history."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.policies.adaptation import grid_middle, own_runs_only


def test_the_first_run_is_in_the_middle() -> None:
    answers = own_runs_only(np.arange(5.0)[:, None], lambda _: 0.0, [1])

    assert answers == [2]


@given(
    costs=st.lists(st.floats(-5, 5), min_size=1, max_size=12),
    runs=st.integers(1, 15),
)
def test_the_answer_is_the_best_measured(costs: list[float], runs: int) -> None:
    asked: list[int] = []

    def measure(index: int) -> float:
        asked.append(index)
        return costs[index]

    (answer,) = own_runs_only(np.arange(float(len(costs)))[:, None], measure, [runs])

    assert costs[answer] == min(costs[index] for index in asked)


def test_a_smooth_valley_is_found_in_four_runs() -> None:
    sizes = np.arange(9.0)
    costs = 0.2 * (sizes - 6) ** 2

    (answer,) = own_runs_only(sizes[:, None], costs.__getitem__, [4])

    assert costs[answer] <= 0.2


def test_the_middle_of_one_action_is_it() -> None:
    assert grid_middle(np.array([[3.0, 4.0]])) == 0


def test_the_unit_of_actions_breaks_no_tie() -> None:
    grid = np.stack(np.meshgrid(np.arange(4.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    costs = ((grid - [2, 3]) ** 2).sum(axis=1)
    shifted = (grid - grid.mean(axis=0)) / [0.7, 1.3]

    assert own_runs_only(grid, costs.item, [1, 2, 3, 4]) == own_runs_only(
        shifted, costs.item, [1, 2, 3, 4]
    )
