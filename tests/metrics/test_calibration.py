"""Claims about the check of stated confidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.errors import UsageError
from toolkit.metrics import expected_calibration_error, reliability
from toolkit.metrics.calibration import coverage

PROBABILITIES = arrays(np.float64, 40, elements=st.floats(0, 1))


@given(PROBABILITIES, st.integers(1, 12))
def test_every_answer_is_in_exactly_one_bin(stated: np.ndarray, bins: int) -> None:
    found = reliability(stated, stated > 0.5, bins=bins)

    assert sum(each.count for each in found) == len(stated)
    assert len(found) <= bins


@given(PROBABILITIES)
def test_bins_ascend_and_do_not_overlap(stated: np.ndarray) -> None:
    means = [each.stated for each in reliability(stated, stated > 0.5)]

    assert means == sorted(means)


def test_answers_of_one_confidence_share_one_bin() -> None:
    found = reliability([0.7] * 20, [1] * 14 + [0] * 6)

    assert [each.count for each in found] == [20]
    assert found[0].observed == pytest.approx(0.7)


def test_a_calibrated_forecast_has_a_small_error() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(size=20_000)

    error = expected_calibration_error(stated, rng.uniform(size=20_000) < stated)

    assert error < np.sqrt(10 / 20_000)


def test_an_overconfident_forecast_has_its_overconfidence_as_error() -> None:
    error = expected_calibration_error([0.9] * 100, [1] * 60 + [0] * 40)

    assert error == pytest.approx(0.3)


def test_the_ends_of_an_interval_belong_to_it() -> None:
    assert coverage([0.0, 0.0], [1.0, 1.0], [0.0, 1.0]) == 1.0


def test_crossed_bounds_are_refused() -> None:
    with pytest.raises(UsageError, match="above its upper bound"):
        coverage([1.0], [0.0], [0.5])


@pytest.mark.parametrize(
    ("stated", "outcomes"),
    [([], []), ([1.2], [1]), ([0.5], [1, 0])],
    ids=["empty", "above one", "lengths"],
)
def test_unusable_forecasts_are_refused(
    stated: list[float], outcomes: list[int]
) -> None:
    with pytest.raises(UsageError):
        reliability(stated, outcomes)
