"""Batches of one size say what those of another would, where a failure undoes all."""

import math

import numpy as np
import pytest

from toolkit.policies.adaptation import AdaptationSettings
from toolkit.runtime.batching.atomic_law import AtomicLaw
from toolkit.runtime.batching.observed_sizes import ObservedSizes

SIZES = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 15])
RULE = 6
TURN_S = 4.0


def fed(batches: int, done: int, *, size: int = 8, every: int = 6) -> AtomicLaw:
    """Batches of one size, of which one in so many succeeds and the others do `done`."""
    law = AtomicLaw(SIZES, memory=200.0)
    for number in range(batches):
        whole = number % every == 0
        law.add(RULE, spent=TURN_S, done=size if whole else done, size=size)
    return law


def test_one_size_tells_the_cost_of_the_others() -> None:
    curve = fed(200, 0).curve()
    rate = -math.log(1 / 6) / 8

    assert curve is not None
    expected = np.log(TURN_S / SIZES) + rate * SIZES
    assert curve - curve[RULE] == pytest.approx(expected - expected[RULE], abs=0.15)
    assert SIZES[np.argmin(curve)] in (4, 5)


@pytest.mark.parametrize(
    "law",
    [fed(200, 3), fed(9, 0), fed(200, 0, every=1)],
    ids=["partial", "few", "none"],
)
def test_nothing_is_predicted_of_batches_that_are_not_undone(law: AtomicLaw) -> None:
    assert law.curve() is None


def test_batches_that_all_fail_leave_the_curve_finite() -> None:
    curve = fed(300, 0, every=1000).curve()

    assert curve is not None
    assert np.isfinite(curve).all()
    assert np.argmin(curve) < RULE


def slowdowns(failures: float, seed: int) -> tuple[float, float, float]:
    """Log cost of the rule, of a run and of its second half, over the best size."""
    random, observed = (
        np.random.default_rng(seed),
        ObservedSizes(SIZES, AdaptationSettings(), None),
    )
    taken = []
    for step in range(400):
        chances = observed.adaptation(None).chances(
            RULE, observed.predicted(), share=0.2
        )
        place = int(random.choice(len(chances), p=chances))
        size = int(SIZES[place])
        done = 0 if (random.random(size) < failures).any() else size
        taken.append(place)
        observed.observe(
            size, cycle_s=TURN_S, succeeded=done, at_s=float(step), history=None
        )
    logs = -np.log(SIZES) - SIZES * math.log(1 - failures)
    regret = logs - logs.min()
    return regret[RULE], regret[taken].mean(), regret[taken[200:]].mean()


@pytest.mark.slow
@pytest.mark.parametrize("failures", [0.03, 0.2])
def test_exploring_closes_half_of_the_gap_though_a_failure_undoes_all(
    failures: float,
) -> None:
    rule, whole, late = np.mean(
        [slowdowns(failures, seed) for seed in range(6)], axis=0
    )

    assert whole < rule + math.log(1.05)
    assert late <= 0.5 * rule
