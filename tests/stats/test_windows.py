"""Windows, quantiles, extremes and trends against their batch twins."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.feeding import fed
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.stats import (
    Ring,
    RollingMaximum,
    RollingMedian,
    RollingMinimum,
    RollingQuantile,
    TheilSen,
)

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=60)
windows = st.integers(1, 12)


@given(numbers, windows)
def test_ring_keeps_the_last_of_them(xs: list[float], window: int) -> None:
    ring = fed(Ring(window=window), xs)

    assert list(ring) == xs[-window:]


@given(numbers, windows, st.floats(0, 1))
def test_quantile_equals_its_batch_twin(xs: list[float], window: int, q: float) -> None:
    got = fed(RollingQuantile(q, window=window), xs).get()

    assert got == pytest.approx(np.quantile(xs[-window:], q), rel=1e-9, abs=1e-6)


@given(numbers, windows)
def test_median_equals_its_batch_twin(xs: list[float], window: int) -> None:
    got = fed(RollingMedian(window=window), xs).get()

    assert got == pytest.approx(np.median(xs[-window:]), rel=1e-12, abs=1e-9)


@given(numbers, windows)
def test_extremes_equal_their_batch_twins(xs: list[float], window: int) -> None:
    largest = fed(RollingMaximum(window=window), xs).get()
    smallest = fed(RollingMinimum(window=window), xs).get()

    assert (largest, smallest) == (max(xs[-window:]), min(xs[-window:]))


@given(numbers, st.integers(2, 12))
def test_slope_equals_its_batch_twin(xs: list[float], window: int) -> None:
    got = fed(TheilSen(window=window), xs).get()

    kept = xs[-window:]
    pairs = itertools.combinations(range(len(kept)), 2)
    twin = np.median([(kept[j] - kept[i]) / (j - i) for i, j in pairs])
    assert got == pytest.approx(twin, rel=1e-9, abs=1e-8)


def test_slope_ignores_one_outlier() -> None:
    xs = [float(x) for x in range(10)]
    xs[4] = 1e5

    assert fed(TheilSen(window=10), xs).get() == pytest.approx(1.0)


def test_forecast_continues_the_line() -> None:
    assert fed(TheilSen(window=5), [9, 1, 2, 3, 4, 5]).forecast(3) == pytest.approx(8)


def test_residuals_of_a_line_vanish() -> None:
    assert fed(TheilSen(window=4), [1, 3, 5, 7]).residuals() == pytest.approx([0] * 4)


def test_ring_is_full_when_the_next_one_displaces() -> None:
    ring = fed(Ring(window=2), [1.0])
    assert not ring.full

    ring.update(2.0)

    assert ring.full


def test_one_observation_has_no_slope() -> None:
    with pytest.raises(NotEnoughDataError, match="at least 2"):
        fed(TheilSen(window=5), [1.0]).get()


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_a_quantile_outside_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(UsageError, match="within 0 to 1"):
        RollingQuantile(q, window=3)


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="`window` must be 1 or more, got 0"):
        Ring(window=0)
