import numpy as np
import pytest

from toolkit.policies import Problem
from toolkit.policies.rules import TableRule


def ask(columns: tuple[str, ...], actions: list[list[float]], **context: float) -> str:
    problem = Problem(
        context=context, action_columns=columns, actions=np.array(actions, float)
    )
    return TableRule().decide(problem).label


def test_a_batch_of_ten_is_the_nearest_in_log2() -> None:
    assert ask(("a_b",), [[1], [2], [3], [4]]) == "3"  # log2(10) = 3.32


def test_six_workers_answer_where_the_tasks_are_not_known() -> None:
    assert ask(("a_n",), [[0], [1], [2], [3]]) == "3"  # log2(6) = 2.58


@pytest.mark.parametrize(("tasks", "workers"), [(2.0, "2"), (5.0, "4")])
def test_more_tasks_ask_for_more_workers(tasks: float, workers: str) -> None:
    # 4 tasks of which half can run at once: the least, 3; 32 of them: the most, 12
    assert ask(("a_n",), [[0], [1], [2], [3], [4]], x_N=tasks) == workers


def test_both_columns_are_weighed_together() -> None:
    actions = [[a, b] for a in (0.0, 2.0, 4.0) for b in (0.0, 3.0, 6.0)]

    assert ask(("a_n", "a_b"), actions) == "2/3"


def test_without_a_column_that_it_knows_it_takes_the_middle() -> None:
    assert ask(("a_other",), [[0], [5], [10]]) == "5"


def test_a_context_beyond_all_numbers_is_clipped() -> None:
    assert ask(("a_n",), [[0], [1], [2], [3], [4]], x_N=1e308) == "4"
