"""Training, calibration across groups, and the exported policy."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from toolkit.bundle import read_bundle
from toolkit.experiments.bench_baselines import rule_action
from toolkit.experiments.decision_table import DecisionTable
from toolkit.experiments.relative_bundle import RelativePolicy, Trained, train_bundle
from toolkit.experiments.relative_calibration import (
    curve_deviation,
    fit_confidence,
    half_width_factor,
)
from toolkit.models import RelativeEnsemble, RelativeRows, learn_measurement_prior
from toolkit.models.relative_quadratic import RelativeQuadratic
from toolkit.policies import MeasurementPrior, Problem

LIGHT = RelativeEnsemble(seed=0, members=(("quadratic", RelativeQuadratic()),))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DecisionTable:
    return table(tmp_path_factory.mktemp("tables"), groups=6, problems=6)


@pytest.fixture(scope="module")
def trained(made: DecisionTable, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    return train_bundle(made, folder, ensemble=LIGHT, created_at=NOW)


@pytest.fixture(scope="module")
def policy(trained: Trained) -> RelativePolicy:
    return RelativePolicy(read_bundle(trained.bundle.path))


def test_the_exported_policy_decides_as_the_fitted_ensemble(
    made: DecisionTable, trained: Trained, policy: RelativePolicy
) -> None:
    rows = made.rows()
    predicted = trained.ensemble.predict(rows.X)
    fitted = [
        int(np.argmin(predicted[rows.problem == place]))
        for place in range(len(made.problems))
    ]

    exported = [policy.adaptive.decide(problem).index for problem in made.problems]

    assert exported == fitted


def test_an_interval_holds_its_own_prediction(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    problem = made.problems[0]
    log_cost = policy.model.predict(problem).log_cost

    low, high = policy.interval(problem)

    assert (
        (low <= log_cost - log_cost.mean()) & (log_cost - log_cost.mean() <= high)
    ).all()


def test_the_rules_own_answer_is_stated_as_certain(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    problem = made.problems[0]
    answer = policy.adaptive.decide(problem).index

    assert policy.probability_not_worse(problem, answer) == 1.0


def test_an_order_of_actions_does_not_matter(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    problem = made.problems[0]
    turned = replace(
        problem, actions=problem.actions[::-1].copy(), labels=problem.labels[::-1]
    )

    labels = [policy.adaptive.decide(each).label for each in (problem, turned)]

    assert labels[0] == labels[1]


def test_a_context_that_is_not_known_still_gets_an_answer(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    unknown = dict.fromkeys(made.problems[0].context)
    problem = Problem(
        context=unknown,
        action_columns=made.problems[0].action_columns,
        actions=made.problems[0].actions,
    )

    assert policy.adaptive.decide(problem).index in range(len(problem.actions))


def noisy(made: DecisionTable) -> tuple[RelativeRows, np.ndarray, MeasurementPrior]:
    rows = made.rows()
    noise = np.random.default_rng(0).normal(0, 0.1, len(rows.X))
    held_out = rows.regret + noise
    return rows, held_out, learn_measurement_prior(rows, held_out, made.axes, 0)


def test_the_half_width_covers_more_than_its_level_of_the_groups_it_knows(
    made: DecisionTable,
) -> None:
    rows, held_out, prior = noisy(made)
    factor = half_width_factor(rows, held_out, prior, level=0.8)
    inside = []
    for place, problem in enumerate(made.problems):
        error = (rows.regret - held_out)[rows.problem == place]
        half = factor * curve_deviation(prior, prior.points(problem))
        inside.append(float((np.abs(error - error.mean()) <= half).mean()))

    assert 0.8 <= np.mean(inside) <= 0.95


def test_a_higher_level_is_wider(made: DecisionTable) -> None:
    rows, held_out, prior = noisy(made)

    factors = [
        half_width_factor(rows, held_out, prior, level=level) for level in (0.5, 0.9)
    ]

    assert factors[0] < factors[1]


def test_a_model_that_knows_the_costs_is_confident(made: DecisionTable) -> None:
    rows, held_out, prior = noisy(made)
    rules = [rule_action(problem) for problem in made.problems]

    curve = fit_confidence(rows, held_out, prior, rules)

    assert curve.probability(saving=0.7, deviation=0.1) > 0.9


def test_where_rule_and_model_always_agree_nothing_is_learned(
    made: DecisionTable,
) -> None:
    rows, held_out, prior = noisy(made)
    same = [
        int(np.argmin(held_out[rows.problem == place]))
        for place in range(len(made.problems))
    ]

    curve = fit_confidence(rows, held_out, prior, same)

    assert curve.intercept == 0.0


def test_a_bundle_of_the_policy_is_small(trained: Trained) -> None:
    size = sum(path.stat().st_size for path in Path(trained.bundle.path).iterdir())

    assert size < 4 << 20
