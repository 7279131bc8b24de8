"""The detector of a sudden drop against the sums it avoids."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.feeding import fed
from toolkit.errors import UsageError
from toolkit.stats import PageHinkley

scores = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=80)


def detector(minimum: int = 2) -> PageHinkley:
    return PageHinkley(tolerance=0.05, threshold=0.5, minimum=minimum)


@given(scores)
def test_fall_equals_its_batch_twin(xs: list[float]) -> None:
    got = fed(detector(), xs).get()

    means = [sum(xs[: n + 1]) / (n + 1) for n in range(len(xs))]
    steps = (mean - x - 0.05 for mean, x in zip(means, xs, strict=True))
    sums = list(itertools.accumulate(steps, initial=0.0))
    assert got == pytest.approx(sums[-1] - min(sums), abs=1e-9)


def test_a_level_stream_never_alarms() -> None:
    assert not fed(detector(), [0.7] * 5000).detected


def test_a_sudden_drop_alarms() -> None:
    assert fed(detector(), [0.9] * 30 + [0.3] * 3).detected


def test_it_waits_for_its_minimum() -> None:
    assert not fed(detector(minimum=40), [0.9] * 30 + [0.0] * 3).detected


def test_a_rise_never_alarms() -> None:
    assert not fed(detector(), [0.1] * 30 + [0.9] * 30).detected


def test_reset_forgets() -> None:
    drop = fed(detector(), [0.9] * 30 + [0.3] * 3)

    drop.reset()

    assert (drop.count, drop.ready) == (0, False)


def test_a_threshold_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="threshold"):
        PageHinkley(tolerance=0, threshold=0, minimum=1)
