"""History as a prior that yields to own runs."""

import numpy as np
import pytest

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import CostCurve, Problem
from toolkit.policies.adaptation import (
    Adaptive,
    Belief,
    MeasurementPrior,
    curve_kernels,
    spend,
)

PRIOR = MeasurementPrior(
    axes=(0,),
    spread=(2.0,),
    amplitudes=((0.05, 0.02, 0.02, 0.02, 0.001), (0.3, 0.05, 0.1, 0.1, 0.001)),
    scales=(0.25, 1.0, 4.0, 16.0),
    weights=((0.2, 0.2, 0.1, 0.1), (0.1, 0.1, 0.1, 0.1)),
)
SIZES = np.arange(9.0)
POINTS = ((SIZES - 4) / 2.0)[:, None]


def bowl(best: float) -> np.ndarray:
    return 0.15 * (SIZES - best) ** 2


class Told:
    """A model that predicts the same curve for every problem."""

    def __init__(self, log_cost: np.ndarray) -> None:
        self.log_cost = log_cost

    def predict(self, problem: Problem) -> CostCurve:
        return CostCurve(
            log_cost=self.log_cost,
            log_low=self.log_cost,
            log_high=self.log_cost,
            support=np.ones(len(self.log_cost)),
            relative=True,
        )


def test_without_runs_history_answers() -> None:
    belief = Belief(PRIOR, POINTS, bowl(6))

    assert belief.answer() == 6


def test_one_run_tells_the_level_only_and_changes_no_answer() -> None:
    belief = Belief(PRIOR, POINTS, bowl(6))
    belief.observe(6, 1000.0)

    assert belief.answer() == 6


def first_two(history: np.ndarray, costs: np.ndarray) -> list[int]:
    belief = Belief(PRIOR, POINTS[: len(history)], history)
    spend(belief, lambda index: float(costs[index]), (2,))
    return belief.measured


def test_the_first_run_is_the_cheaper_of_the_pair() -> None:
    first, second = first_two(bowl(6), bowl(6))

    assert bowl(6)[first] <= bowl(6)[second]


def test_two_runs_see_through_a_history_that_runs_the_wrong_way() -> None:
    costs = bowl(1)
    belief = Belief(PRIOR, POINTS, bowl(7))

    answer = spend(belief, lambda index: float(costs[index]), (2,))[0]

    assert costs[answer] < costs[7] / 2


def test_a_single_action_is_what_is_measured() -> None:
    belief = Belief(PRIOR, np.zeros((1, 1)), np.zeros(1))

    assert belief.next() == 0


def test_the_first_run_does_not_depend_on_the_order_of_actions() -> None:
    turned = Belief(PRIOR, POINTS[::-1], bowl(6)[::-1]).next()

    assert Belief(PRIOR, POINTS, bowl(6)).next() == len(SIZES) - 1 - (turned or 0)


def test_a_wrong_history_yields_within_three_runs() -> None:
    truth = bowl(1)
    belief = Belief(PRIOR, POINTS, bowl(7))

    answers = spend(belief, lambda index: truth[index] + 5.0, [3])

    assert truth[answers[0]] < 0.2


def test_a_right_history_is_kept() -> None:
    truth = bowl(6)
    belief = Belief(PRIOR, POINTS, bowl(6))

    answers = spend(belief, truth.__getitem__, [1, 2, 3, 4])

    assert answers == [6, 6, 6, 6]


def test_contradicting_runs_lower_the_weight_of_history() -> None:
    belief = Belief(PRIOR, POINTS, bowl(8))
    before = belief.weight_of_history()
    for index in (8, 0, 4):
        belief.observe(index, bowl(0)[index])

    assert belief.weight_of_history() < before


def test_no_action_is_measured_twice() -> None:
    belief = Belief(PRIOR, POINTS, bowl(3))

    spend(belief, bowl(5).__getitem__, [20])

    assert sorted(belief.measured) == list(range(9))


def test_the_answer_does_not_depend_on_the_level_of_costs() -> None:
    low = Belief(PRIOR, POINTS, bowl(6))
    high = Belief(PRIOR, POINTS, bowl(6) + 40)

    answers = [
        spend(low, lambda i: bowl(2)[i], [1, 2, 3, 4]),
        spend(high, lambda i: bowl(2)[i] + 9, [1, 2, 3, 4]),
    ]

    assert answers[0] == answers[1]


def test_only_what_was_asked_for_is_read() -> None:
    asked: list[int] = []

    def measure(index: int) -> float:
        asked.append(index)
        return float(bowl(2)[index])

    belief = Belief(PRIOR, POINTS, bowl(6))
    spend(belief, measure, [3])

    assert asked == belief.measured


def test_a_cost_that_is_not_finite_is_refused() -> None:
    belief = Belief(PRIOR, POINTS, bowl(6))

    with pytest.raises(UsageError, match="finite"):
        belief.observe(0, float("nan"))


def test_the_policy_says_how_many_own_runs_stand_behind_an_answer() -> None:
    problem = Problem.of("size", SIZES.tolist())
    policy = Adaptive(Told(bowl(6)), PRIOR)
    belief = policy.believe(problem)
    belief.observe(6, 0.0)

    decision = policy.answer(problem, belief)

    assert (decision.reason.code, decision.reason.facts["own_runs"]) == ("measured", 1)


def test_a_decision_without_runs_takes_the_least_expected_cost() -> None:
    problem = Problem.of("size", SIZES.tolist())

    decision = Adaptive(Told(bowl(2)), PRIOR).decide(problem)

    assert decision.action == (2.0,)


def test_a_prior_survives_json() -> None:
    assert MeasurementPrior.from_json(PRIOR.to_json()) == PRIOR


def test_a_broken_prior_is_refused() -> None:
    value = PRIOR.to_json()
    del value["weights"]

    with pytest.raises(SchemaError, match="measurement prior"):
        MeasurementPrior.from_json(value)


def test_every_kernel_is_a_covariance() -> None:
    values = [np.linalg.eigvalsh(kernel).min() for kernel in curve_kernels(POINTS)]

    assert min(values) > -1e-9
