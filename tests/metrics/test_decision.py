"""Claims about the grading of decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.errors import UsageError
from toolkit.metrics import geometric_mean_slowdown, share_within
from toolkit.metrics.decision import slowdown

COSTS = arrays(np.float64, (5, 4), elements=st.floats(0.01, 1e6))


@given(COSTS, st.floats(1e-3, 1e3))
def test_slowdown_does_not_depend_on_the_unit_of_cost(
    costs: np.ndarray, unit: float
) -> None:
    chosen, best = costs[:, 0], costs.min(axis=1)

    in_other_unit = slowdown(np.maximum(chosen, best) * unit, best * unit)

    np.testing.assert_allclose(in_other_unit, slowdown(chosen, best))


@given(COSTS)
def test_the_oracle_has_slowdown_one_everywhere(costs: np.ndarray) -> None:
    best = costs.min(axis=1)

    assert geometric_mean_slowdown(slowdown(best, best)) == 1.0


def test_twice_as_slow_and_half_as_slow_cancel() -> None:
    assert geometric_mean_slowdown([0.5, 2.0]) == pytest.approx(1.0)


def test_a_slowdown_of_exactly_the_tolerance_is_within_it() -> None:
    assert share_within([1.1, 1.05, 1.2], 0.1) == pytest.approx(2 / 3)


def test_a_choice_below_the_best_is_an_error_of_the_caller() -> None:
    with pytest.raises(
        UsageError, match="problem 1: chosen cost 1 is below the best 2"
    ):
        slowdown([2.0, 1.0], [2.0, 2.0])


@pytest.mark.parametrize(
    "slowdowns", [[], [0.0], [np.nan], [-1.0]], ids=["none", "zero", "nan", "negative"]
)
def test_what_is_not_a_cost_has_no_mean(slowdowns: list[float]) -> None:
    with pytest.raises(UsageError):
        geometric_mean_slowdown(slowdowns)
