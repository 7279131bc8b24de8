"""The Theil-Sen slope against its batch twin."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats import theil_sen_slope


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=30))
def test_slope_equals_its_batch_twin(xs: list[float]) -> None:
    pairs = itertools.combinations(range(len(xs)), 2)
    twin = np.median([(xs[j] - xs[i]) / (j - i) for i, j in pairs])

    assert theil_sen_slope(xs) == pytest.approx(twin, rel=1e-9, abs=1e-8)


def test_slope_ignores_one_outlier() -> None:
    xs = [float(x) for x in range(10)]
    xs[4] = 1e5

    assert theil_sen_slope(xs) == pytest.approx(1.0)
