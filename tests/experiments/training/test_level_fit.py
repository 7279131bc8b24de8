from dataclasses import replace

import numpy as np
import pytest

from tests.experiments.training.test_outcome_fit import table
from toolkit.experiments.training.level_fit import fit_level, ridge
from toolkit.models import DecisionTable


def costly(made: DecisionTable) -> DecisionTable:
    """Make the level of each problem's costs follow its load."""
    loads = [float(p.context["load"] or 0.0) for p in made.problems]
    rng = np.random.default_rng(0)
    return replace(
        made,
        log_costs=tuple(
            2 + 3 * load + rng.normal(0, 0.02, len(costs))
            for load, costs in zip(loads, made.log_costs, strict=True)
        ),
    )


def test_the_level_follows_the_context() -> None:
    level = fit_level(costly(table(0)))

    low, _ = level.predict([0.1])
    high, _ = level.predict([0.9])

    assert (low, high) == pytest.approx((2.3, 4.7), abs=0.15)


def test_a_context_that_is_not_known_is_the_mean_and_less_sure() -> None:
    level = fit_level(costly(table(0)))

    known, sure = level.predict([0.5])
    guessed, unsure = level.predict([float("nan")])

    assert guessed == pytest.approx(known, abs=0.3)
    assert unsure > 2 * sure


def test_a_level_without_signal_does_not_follow_noise() -> None:
    made = table(0)
    rng = np.random.default_rng(1)
    noise = tuple(np.full(len(c), rng.normal()) for c in made.log_costs)

    level = fit_level(replace(made, log_costs=noise))

    assert level.deviation == pytest.approx(1.0, abs=0.25)


def test_a_large_penalty_leaves_no_slope() -> None:
    X = np.arange(10.0)[:, None] - 4.5

    assert ridge(X, 2 * X[:, 0], 1e-9)[0] == pytest.approx(2.0)
    assert abs(ridge(X, 2 * X[:, 0], 1e9)[0]) < 1e-6
