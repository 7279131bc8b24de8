"""Wilson's interval of a share."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics import wilson


@given(st.integers(1, 10_000), st.data())
def test_the_estimate_is_inside_and_the_bounds_are_shares(
    trials: int, data: st.DataObject
) -> None:
    successes = data.draw(st.integers(0, trials))

    bounds = wilson(successes, trials)

    assert 0.0 <= bounds.low <= bounds.estimate <= bounds.high <= 1.0


def test_all_of_a_few_is_not_certainty() -> None:
    assert wilson(5, 5).low < 0.6


def test_the_bounds_solve_the_score_equation() -> None:
    bounds = wilson(81, 263)

    for bound in (bounds.low, bounds.high):
        z = abs(81 / 263 - bound) / (bound * (1 - bound) / 263) ** 0.5
        assert z == pytest.approx(1.959964, rel=1e-6)


def test_coverage_is_as_promised() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(2000):
        successes = sum(rng.random() < 0.9 for _ in range(40))
        bounds = wilson(successes, 40)
        held += bounds.low <= 0.9 <= bounds.high

    assert 0.93 <= held / 2000 <= 0.98


def test_more_confidence_is_wider() -> None:
    narrow, wide = wilson(5, 10, confidence=0.8), wilson(5, 10, confidence=0.99)

    assert wide.low < narrow.low < narrow.high < wide.high


def test_no_trials_have_no_share() -> None:
    with pytest.raises(NotEnoughDataError, match="0 trials"):
        wilson(0, 0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(UsageError, match="successes"):
        wilson(successes, trials)


def test_certainty_is_refused() -> None:
    with pytest.raises(UsageError, match="confidence"):
        wilson(1, 2, confidence=1.0)
