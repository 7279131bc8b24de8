"""Claims about made-up tables and the promises kept on them."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.errors import InputDataError
from toolkit.studies.benchmark import (
    SuiteGrade,
    made_up_table,
    run_suite,
    suite_report,
)


def grade(seed: int, **slowdowns: float) -> SuiteGrade:
    lines = {
        "rule": 1.5,
        "constant": 1.4,
        "ours": 1.2,
        "ours, 3 own runs": 1.1,
        "own runs only, 3": 1.3,
    }
    return SuiteGrade(
        seed=seed,
        shape="smooth",
        history="helps",
        noise=0.0,
        groups=3,
        axes=1,
        actions=5,
        slowdowns=lines | slowdowns,
    )


def test_a_seed_draws_the_same_table_twice() -> None:
    first, second = made_up_table(5), made_up_table(5)

    assert np.array_equal(first.table.rows().X, second.table.rows().X)
    assert np.array_equal(first.truth[0], second.truth[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_table_lies_within_the_declared_ranges(seed: int) -> None:
    made = made_up_table(seed)

    assert 3 <= len(made.table.group_names) <= 12
    assert 3 <= len(made.truth[0]) <= 400
    assert made.noise == 0 or made.table.noise == pytest.approx(made.noise**2, rel=0.5)


def test_an_answer_worse_than_the_constant_breaks_a_promise() -> None:
    figures = suite_report([grade(1), grade(2, ours=1.45)])

    assert (figures["share_broken"], figures["broken"][0]["seed"]) == (0.5, 2)


def test_a_store_of_something_else_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "suite.jsonl"
    store.write_text("{}\n")

    with pytest.raises(InputDataError, match="not grades of this suite"):
        run_suite([1], store, print)


@pytest.mark.slow
def test_a_graded_table_is_not_graded_again(tmp_path: Path) -> None:
    store = tmp_path / "suite.jsonl"
    (first,) = run_suite([10_009], store, print)
    said: list[str] = []

    (again,) = run_suite([10_009], store, said.append)

    assert (first, said) == (again, [])
