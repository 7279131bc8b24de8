"""Training, calibration across groups, and the exported policy."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from toolkit.bundle import read_bundle
from toolkit.experiments.evaluation import fit_intervals
from toolkit.experiments.evaluation.calibration import fit_confidence, saving_errors
from toolkit.experiments.training import RelativePolicy, TrainedStack, train_bundle
from toolkit.models import (
    DecisionTable,
    RelativeRows,
    Stack,
)
from toolkit.models.measurement_learning import learn_measurement_prior
from toolkit.models.members import RelativeQuadratic
from toolkit.policies import Problem
from toolkit.policies.adaptation import (
    Intervals,
    MeasurementPrior,
    curve_deviation,
)
from toolkit.policies.rules import TableRule

LIGHT = Stack(seed=0, members=(("quadratic", RelativeQuadratic()),))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DecisionTable:
    return table(tmp_path_factory.mktemp("tables"), groups=6, problems=6)


@pytest.fixture(scope="module")
def trained(
    made: DecisionTable, tmp_path_factory: pytest.TempPathFactory
) -> TrainedStack:
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    return train_bundle(made, folder, ensemble=LIGHT, created_at=NOW)


@pytest.fixture(scope="module")
def policy(trained: TrainedStack) -> RelativePolicy:
    return RelativePolicy(read_bundle(trained.bundle.path))


def test_the_exported_policy_decides_as_the_fitted_ensemble(
    made: DecisionTable, trained: TrainedStack, policy: RelativePolicy
) -> None:
    rows = made.rows()
    predicted = trained.ensemble.predict(rows.X)
    fitted = [
        int(np.argmin(predicted[rows.problem == place]))
        for place in range(len(made.problems))
    ]

    exported = [policy.adaptive.decide(problem).index for problem in made.problems]

    assert exported == fitted


def test_an_interval_has_the_predicted_best_action_at_its_lowest_centre(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    problem = made.problems[0]

    low, high = policy.interval(problem)

    assert int(np.argmin(low + high)) == policy.model.predict(problem).log_cost.argmin()


def test_the_guard_answers_with_the_rule_or_the_learned_action(
    made: DecisionTable, policy: RelativePolicy
) -> None:
    answers = [policy.guarded.decide(problem).index for problem in made.problems]
    allowed = [
        {TableRule().decide(problem).index, policy.adaptive.decide(problem).index}
        for problem in made.problems
    ]

    assert all(a in both for a, both in zip(answers, allowed, strict=True))


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


def test_intervals_cover_about_their_level_of_the_groups_they_know(
    made: DecisionTable,
) -> None:
    rows, held_out, prior = noisy(made)
    intervals = fit_intervals(rows, held_out, prior, level=0.8)
    inside = []
    for place, problem in enumerate(made.problems):
        mine = rows.problem == place
        deviation = curve_deviation(prior, prior.points(problem))
        low, high = intervals.bounds(held_out[mine], deviation)
        truth = rows.regret[mine] - rows.regret[mine].mean()
        inside.append(float(((low <= truth) & (truth <= high)).mean()))

    assert 0.8 <= np.mean(inside) <= 0.95


def test_a_higher_level_is_wider(made: DecisionTable) -> None:
    rows, held_out, prior = noisy(made)

    factors = [
        fit_intervals(rows, held_out, prior, level=level).factor for level in (0.5, 0.9)
    ]

    assert factors[0] < factors[1]


@pytest.mark.parametrize("steepness", [1.0, 30.0, 3000.0])
def test_half_widths_reach_as_far_as_the_errors_of_groups_left_out(
    made: DecisionTable, steepness: float
) -> None:
    rows, held_out, prior = noisy(made)
    steep = replace(rows, regret=steepness * rows.regret)

    intervals = fit_intervals(steep, np.zeros(len(held_out)), prior, level=0.9)

    means = np.bincount(rows.problem, steep.regret) / np.bincount(rows.problem)
    largest = np.abs(steep.regret - means[rows.problem]).max()
    assert intervals.widest == pytest.approx(min(1.5 * largest, 100.0))


def test_groups_that_differ_widen_the_intervals_of_a_new_one(
    made: DecisionTable,
) -> None:
    rows, _, prior = noisy(made)
    noise = np.random.default_rng(0).normal(0, 0.1, len(rows.X))
    apart = np.where(rows.group % 2 == 0, 0.25, 4.0)

    alike, differing = (
        fit_intervals(rows, rows.regret + noise * scale, prior, level=0.9).factor
        for scale in (1.0, apart)
    )

    assert differing > alike


def test_a_prediction_of_half_the_size_is_stretched(made: DecisionTable) -> None:
    rows, _, prior = noisy(made)

    whole, half = (
        fit_intervals(rows, share * rows.regret, prior, level=0.9).slope
        for share in (1.0, 0.5)
    )

    assert half > whole


def test_intervals_are_widest_where_an_action_is_predicted_to_be_bad() -> None:
    low, high = Intervals(slope=1.0, factor=1.0).bounds(
        np.array([0.0, 0.1, 1.0]), np.ones(3)
    )

    assert (np.diff(high - low) > 0).all()


def test_the_errors_of_savings_of_a_perfect_history_are_none(
    made: DecisionTable,
) -> None:
    rows, _, _ = noisy(made)
    rules = list(made.rules)

    errors = saving_errors(rows, rows.regret, rules, (0.05, 0.5, 0.95))

    np.testing.assert_allclose(errors, 0.0, atol=1e-12)


def test_the_errors_of_savings_ascend(made: DecisionTable) -> None:
    rows, held_out, _ = noisy(made)
    rules = list(made.rules)

    errors = saving_errors(rows, held_out, rules, (0.05, 0.5, 0.95))

    assert (np.diff(errors) >= 0).all()


def test_a_model_that_knows_the_costs_is_confident(made: DecisionTable) -> None:
    rows, held_out, prior = noisy(made)
    rules = list(made.rules)

    curve = fit_confidence(rows, held_out, prior, rules)

    assert curve.probability(saving=0.7, deviation=0.1) > 0.9


def test_the_same_evidence_of_fewer_groups_moves_the_confidence_less(
    made: DecisionTable,
) -> None:
    rows, held_out, prior = noisy(made)
    pairs = replace(rows, group=rows.problem % 2)
    alone = replace(rows, group=rows.problem)

    few, many = (
        fit_confidence(each, held_out, prior, list(made.rules)).probability(
            saving=0.1, deviation=0.1
        )
        for each in (pairs, alone)
    )

    usual = 1 / (1 + np.exp(-0.1 - 0.3))
    assert usual < few < many


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


def test_a_bundle_of_the_policy_is_small(trained: TrainedStack) -> None:
    size = sum(path.stat().st_size for path in Path(trained.bundle.path).iterdir())

    assert size < 4 << 20
