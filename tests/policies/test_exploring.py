"""Claims about exploration."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.policies import CostCurve, Exploring, Greedy, Problem
from toolkit.policies.rules import ConstantPolicy

PROBLEM = Problem.of("size", [1, 2, 4, 8])


class Known:
    """Expects the third action to be cheapest; nothing is known of the last."""

    def predict(self, problem: Problem) -> CostCurve:
        costs = np.array([3.0, 2.0, 1.0, 4.0])
        return CostCurve(
            log_cost=costs,
            log_low=costs - 1,
            log_high=costs + 1,
            support=np.array([9.0, 9.0, 9.0, 0.0]),
        )


def exploring(epsilon: float, seed: int = 0) -> Exploring:
    return Exploring(
        Greedy(Known()),
        model=Known(),
        rng=np.random.default_rng(seed),
        epsilon=epsilon,
    )


def test_it_is_off_by_default() -> None:
    policy = Exploring(Greedy(Known()), model=Known(), rng=np.random.default_rng(0))

    decisions = {policy.decide(PROBLEM).label for _ in range(50)}

    assert (decisions, policy.name) == ({"4"}, "greedy")


def test_without_exploration_an_answer_is_the_inner_policys_own() -> None:
    assert exploring(0.0).decide(PROBLEM) == Greedy(Known()).decide(PROBLEM)


def test_an_action_without_support_is_never_tried() -> None:
    policy = exploring(1.0)

    labels = {policy.decide(PROBLEM).label for _ in range(300)}

    assert labels == {"1", "2", "4"}


def test_propensities_are_the_frequencies_of_what_is_taken() -> None:
    policy = exploring(0.3)
    worlds = 4000
    decisions = [policy.decide(PROBLEM) for _ in range(worlds)]
    counts = Counter(each.label for each in decisions)
    stated = {each.label: each.propensity for each in decisions}

    for label, propensity in stated.items():
        error = np.sqrt(propensity * (1 - propensity) / worlds)
        assert counts[label] / worlds == pytest.approx(propensity, abs=4 * error)

    assert sum(stated.values()) == pytest.approx(1.0)


def test_an_explored_action_says_what_it_stands_in_for() -> None:
    policy = exploring(1.0)
    explored = next(
        each
        for each in (policy.decide(PROBLEM) for _ in range(100))
        if each.reason.code == "explored"
    )

    assert explored.reason.facts["instead_of"] == "4"


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(epsilon: float) -> None:
    with pytest.raises(UsageError, match="epsilon"):
        exploring(epsilon)


def test_exploring_around_a_policy_that_explores_is_refused() -> None:
    outer = Exploring(
        exploring(0.3),
        model=Known(),
        rng=np.random.default_rng(1),
        epsilon=0.1,
    )

    with pytest.raises(UsageError, match="draws by itself"):
        outer.decide(PROBLEM)


@given(
    support=st.lists(st.integers(0, 20), min_size=2, max_size=8),
    epsilon=st.floats(0.001, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_only_supported_sizes_are_tried_and_each_with_its_stated_chance(
    support: list[int], epsilon: float, seed: int
) -> None:
    costs = np.arange(len(support), dtype=float)

    class Counted:
        def predict(self, problem: Problem) -> CostCurve:
            return CostCurve(
                log_cost=costs,
                log_low=costs,
                log_high=costs,
                support=np.array(support, dtype=float),
            )

    always_last = ConstantPolicy(float(len(support)))
    policy = Exploring(
        always_last,
        model=Counted(),
        rng=np.random.default_rng(seed),
        epsilon=epsilon,
    )

    decision = policy.decide(Problem.of("size", range(1, len(support) + 1)))

    allowed = {i for i, rows in enumerate(support) if rows >= 5} | {len(support) - 1}
    own = 1 - epsilon if decision.index == len(support) - 1 else 0.0
    assert decision.index in allowed
    assert decision.propensity == pytest.approx(own + epsilon / len(allowed))
