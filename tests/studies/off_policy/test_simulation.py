"""Claims about simulated logs, and what off-policy evaluation promises in them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.thorough import sampled
from toolkit.errors import UsageError
from toolkit.experiments.tables import FullFactorial
from toolkit.metrics.off_policy import OverlapLimits, Sampling
from toolkit.studies.off_policy import (
    LogDesign,
    scenarios_of,
    score_scenario,
    simulate_log,
)
from toolkit.studies.off_policy.simulation import (
    MODELS,
    SCENARIOS,
    EstimatorScore,
    Scenario,
    ScenarioScore,
)

WORLDS = sampled(100, whole=250)
MANY = 250
"""As many as it takes to see that an estimate drifts by less than a hundredth."""
DESIGN = LogDesign()


def table() -> FullFactorial:
    return FullFactorial.synthetic(np.random.default_rng(0))


def scenario(name: str) -> Scenario:
    return next(each for each in scenarios_of(table(), DESIGN) if each.name == name)


def scored(name: str, worlds: int = WORLDS) -> ScenarioScore:
    return score_scenario(
        scenario(name),
        DESIGN,
        worlds=worlds,
        rng=np.random.default_rng(1),
        sampling=Sampling(replicates=300),
        limits=OverlapLimits(),
    )


def of(
    score: ScenarioScore, model: str, quantity: str = "difference"
) -> EstimatorScore:
    return next(
        each
        for each in score.scores
        if (each.estimator, each.model, each.quantity) == ("dr", model, quantity)
    )


def test_every_scenario_is_posed() -> None:
    assert tuple(each.name for each in scenarios_of(table(), DESIGN)) == SCENARIOS


def test_without_gain_means_a_difference_of_exactly_nothing() -> None:
    assert scenario("no gain").difference == pytest.approx(0, abs=1e-12)


def test_the_rule_and_a_uniform_other_choice_are_logged_as_often_as_designed() -> None:
    design = replace(DESIGN, decisions=20_000)
    _, rule = simulate_log(
        scenario("learned"), design, np.random.default_rng(0), model="fitted"
    )

    share = float(rule.target.mean())

    assert share == pytest.approx(0.7 + 0.3 / 8, abs=0.02)


def test_a_propensity_is_the_chance_of_what_was_taken() -> None:
    _, rule = simulate_log(
        scenario("learned"), DESIGN, np.random.default_rng(0), model="fitted"
    )

    assert set(np.round(rule.propensities, 6)) == {0.7375, 0.0375}


def test_every_session_has_a_decision() -> None:
    log, _ = simulate_log(
        scenario("learned"), DESIGN, np.random.default_rng(0), model="fitted"
    )

    assert len(np.unique(log.clusters)) == DESIGN.sessions


@pytest.mark.parametrize("model", ["wrong", "half wrong"])
def test_a_wrong_model_errs_more_than_the_fitted_one(model: str) -> None:
    errors = {}
    for each in ("fitted", model):
        log, _ = simulate_log(
            scenario("learned"), DESIGN, np.random.default_rng(0), model=each
        )
        assert log.predicted is not None
        errors[each] = float(np.abs(log.predicted - log.costs).mean())

    assert errors[model] > 2 * errors["fitted"]


def test_a_table_with_more_than_fifteen_actions_is_refused() -> None:
    wide = FullFactorial.synthetic(np.random.default_rng(0), actions=25)

    with pytest.raises(UsageError, match="at most 15"):
        list(scenarios_of(wide, DESIGN))


@pytest.mark.slow
def test_doubly_robust_keeps_its_promises_with_every_model() -> None:
    scores = scored("learned")
    error = np.sqrt(0.95 * 0.05 / WORLDS)

    for model in MODELS:
        score = of(scores, model)
        assert abs(score.bias) <= 0.01 + 2 * score.bias_error, model
        assert 0.93 - 2 * error <= score.coverage <= 0.97 + 2 * error, model


@pytest.mark.slow
def test_improvement_is_seldom_claimed_where_there_is_none() -> None:
    scores = scored("no gain")

    for model in MODELS:
        claims = of(scores, model).claims
        assert claims <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / WORLDS), model


@pytest.mark.slow
def test_with_drift_the_truth_is_the_value_over_the_logged_period() -> None:
    found = scored("drift", worlds=MANY)

    assert abs(of(found, "fitted", "value").bias) <= 0.01 + 2 * (
        of(found, "fitted", "value").bias_error
    )
    assert found.difference != found.later_difference


def test_a_log_without_exploration_is_refused_and_counted() -> None:
    score = score_scenario(
        scenario("learned"),
        replace(DESIGN, epsilon=0.0),
        worlds=5,
        rng=np.random.default_rng(1),
        sampling=Sampling(replicates=300),
        limits=OverlapLimits(),
    )

    assert (score.refused, score.scores) == (5, ())
