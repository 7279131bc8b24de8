"""The rolling quantile against its batch twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.feeding import fed
from toolkit.errors import UsageError
from toolkit.stats import RollingQuantile

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=60)


@given(numbers, st.integers(1, 12), st.floats(0, 1))
def test_quantile_equals_its_batch_twin(xs: list[float], window: int, q: float) -> None:
    got = fed(RollingQuantile(q, window=window), xs).get()

    assert got == pytest.approx(np.quantile(xs[-window:], q), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_a_quantile_outside_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(UsageError, match="within 0 to 1"):
        RollingQuantile(q, window=3)


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="`window` must be 1 or more, got 0"):
        RollingQuantile(0.5, window=0)
