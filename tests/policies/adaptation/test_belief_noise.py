"""Claims about own runs that are noisy."""

from dataclasses import replace

import numpy as np

from toolkit.policies.adaptation import Belief, MeasurementPrior

POINTS = np.linspace(-1, 1, 5)[:, None]
CURVE = np.array([0.4, 0.1, 0.0, 0.1, 0.4])


def after_one_lucky_run(noise: float) -> int:
    prior = replace(MeasurementPrior.default(1), noise=noise)
    belief = Belief(prior, POINTS, CURVE)
    for index, cost in ((2, 0.0), (1, -0.02), (4, 0.4)):
        belief.observe(index, cost)
    return belief.answer()


def test_a_lucky_run_within_the_noise_does_not_move_the_answer() -> None:
    assert after_one_lucky_run(noise=0.1) == 2


def test_without_noise_the_cheapest_run_is_believed() -> None:
    assert after_one_lucky_run(noise=0.0) == 1
