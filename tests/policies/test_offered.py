"""Where an action lies among those on offer."""

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.policies import (
    Problem,
    distinct_axes,
    offered_columns,
    with_offered_range,
)


def test_columns_that_differ_by_a_constant_within_problems_are_one_axis() -> None:
    first = np.array([[0.0, 5.0], [1.0, 6.0]])
    second = np.array([[0.0, 9.0], [2.0, 11.0]])

    assert distinct_axes([first, second]) == (0,)


def test_columns_that_differ_by_more_are_two_axes() -> None:
    block = np.array([[0.0, 5.0], [1.0, 7.0], [0.0, 7.0]])

    assert distinct_axes([block]) == (0, 1)


def test_a_single_action_lies_at_the_start_of_its_range() -> None:
    assert offered_columns(np.array([[3.0]]), [0], 0).tolist() == [[0.0] * 4]


def test_shifting_all_actions_changes_nothing() -> None:
    actions = np.array([[1.0], [2.0], [5.0]])

    same = np.allclose(
        offered_columns(actions, [0], 0), offered_columns(actions + 7, [0], 0)
    )

    assert same


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="axes"):
        with_offered_range(Problem.of("size", [1, 2]), [1], rule=0)
