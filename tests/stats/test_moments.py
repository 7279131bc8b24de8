"""Means and variances against their batch twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.feeding import fed
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.stats import EWMean, EWVariance, Mean, Proportion, Variance

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=80)
half_lives = st.floats(0.5, 200)


def weights(
    count: int, half_life: float
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.asarray(0.5 ** (np.arange(count)[::-1] / half_life), dtype=np.float64)


@given(numbers)
def test_mean_equals_its_batch_twin(xs: list[float]) -> None:
    assert fed(Mean(), xs).get() == pytest.approx(np.mean(xs), rel=1e-9, abs=1e-9)


@given(numbers, st.sampled_from([0, 1]))
def test_variance_equals_its_batch_twin(xs: list[float], ddof: int) -> None:
    got = fed(Variance(ddof=ddof), xs).get()

    assert got == pytest.approx(np.var(xs, ddof=ddof), rel=1e-9, abs=1e-4)


@given(numbers, half_lives)
def test_weighted_mean_equals_its_batch_twin(xs: list[float], half_life: float) -> None:
    got = fed(EWMean(half_life=half_life), xs).get()

    twin = np.average(xs, weights=weights(len(xs), half_life))
    assert got == pytest.approx(twin, rel=1e-9, abs=1e-7)


@given(numbers, half_lives)
def test_weighted_variance_equals_its_batch_twin(
    xs: list[float], half_life: float
) -> None:
    got = fed(EWVariance(half_life=half_life), xs).get()

    shares = weights(len(xs), half_life)
    around = np.asarray(xs) - np.average(xs, weights=shares)
    twin = np.average(around**2, weights=shares)
    assert got == pytest.approx(twin, rel=1e-9, abs=1e-3)


@given(st.lists(st.booleans(), min_size=1))
def test_proportion_equals_its_batch_twin(trials: list[bool]) -> None:
    share = fed(Proportion(), [float(trial) for trial in trials])

    assert share.get() == sum(trials) / len(trials)


def test_half_life_is_where_the_weight_halves() -> None:
    xs = [1.0] + [0.0] * 10

    assert fed(EWMean(half_life=10), xs).get() * sum(weights(11, 10)) == pytest.approx(
        0.5
    )


def test_the_mean_of_huge_numbers_does_not_overflow() -> None:
    assert fed(Mean(), [1.7e308, 1.7e308]).get() == pytest.approx(1.7e308)


def test_one_observation_has_a_mean_and_no_spread() -> None:
    variance = fed(EWVariance(half_life=3), [4.0])

    assert variance.mean == 4.0
    with pytest.raises(NotEnoughDataError, match="at least 2"):
        variance.get()


def test_nothing_observed_has_no_mean() -> None:
    for empty in (Variance(), EWVariance(half_life=3)):
        with pytest.raises(NotEnoughDataError):
            empty.mean  # noqa: B018 - the read is what raises


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="half_life"):
        EWMean(half_life=0)


def test_a_negative_ddof_is_refused() -> None:
    with pytest.raises(UsageError, match="ddof"):
        Variance(ddof=-1)
