"""What every policy owes, each of them enrolled."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

import toolkit.policies
import toolkit.policies.adaptation
import toolkit.policies.rules
from tests.policies.greedy import Greedy
from toolkit.policies import CostCurve, Evidence, Ladder, Policy, Problem, Rung
from toolkit.policies.adaptation import Adaptive, MeasurementPrior
from toolkit.policies.rules import (
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
    ConstantPolicy,
    RuleOfThumbPolicy,
    TableRule,
)

PRIOR = MeasurementPrior(
    axes=(0,),
    spread=(2.0,),
    amplitudes=((0.1, 0.1, 0.1, 0.1, 0.01), (0.3, 0.1, 0.1, 0.1, 0.01)),
    scales=(1.0,),
    weights=((0.7,), (0.3,)),
)


class Bowl:
    """Costs least at 5, with plenty of support."""

    def predict(self, problem: Problem) -> CostCurve:
        log_cost = 0.1 * (problem.actions[:, 0] - 5) ** 2
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost - 0.1,
            log_high=log_cost + 0.1,
            support=np.full(len(log_cost), 50.0),
        )


def ladder() -> Policy:
    shown = Evidence(
        below="rule",
        groups=30,
        groups_needed=19,
        difference=-0.3,
        upper=-0.1,
        level=0.95,
        not_worse=0.9,
    )
    return Ladder(
        rule=ConstantPolicy(2.0),
        rungs=[Rung(name="learned", policy=Greedy(Bowl()), evidence=shown)],
        model=Bowl(),
    )


POLICIES: list[Callable[[], Policy]] = [
    lambda: Adaptive(Bowl(), PRIOR),
    ladder,
    lambda: AgentCountRulePolicy(AgentCountRule()),
    lambda: BatchSizeRulePolicy(BatchSizeRule(), constant=4.0),
    lambda: ConstantPolicy(4.0),
    lambda: RuleOfThumbPolicy.of_agent_counts()[0],
    TableRule,
]
PROBLEM = Problem.of(
    "size",
    [1, 2, 5, 9],
    operation_type="fileOperations",
    components=6.0,
    cpu_cores=8.0,
    load_cpu=0.5,
)

enrolled = pytest.mark.parametrize(
    "make", POLICIES, ids=lambda make: type(make()).__name__
)


def test_every_policy_of_both_rooms_is_enrolled() -> None:
    found = {
        member
        for room in (
            toolkit.policies,
            toolkit.policies.adaptation,
            toolkit.policies.rules,
        )
        for name in room.__all__
        if inspect.isclass(member := getattr(room, name))
        and member is not Policy
        and hasattr(member, "decide")
    }

    assert found == {type(make()) for make in POLICIES}


@enrolled
def test_the_answer_is_one_of_the_offered_actions(make: Callable[[], Policy]) -> None:
    decision = make().decide(PROBLEM)

    assert decision.label == PROBLEM.labels[decision.index]


@enrolled
def test_the_numbers_are_those_of_the_answer(make: Callable[[], Policy]) -> None:
    decision = make().decide(PROBLEM)

    assert decision.action == tuple(PROBLEM.actions[decision.index])


@enrolled
def test_the_propensity_is_a_probability_above_zero(
    make: Callable[[], Policy],
) -> None:
    assert 0 < make().decide(PROBLEM).propensity <= 1


@enrolled
def test_the_decision_is_signed_and_gives_a_reason(make: Callable[[], Policy]) -> None:
    decision = make().decide(PROBLEM)

    assert all((decision.policy, decision.version, str(decision.reason)))


@enrolled
def test_the_same_policy_takes_the_same_decision_again(
    make: Callable[[], Policy],
) -> None:
    assert make().decide(PROBLEM) == make().decide(PROBLEM)


@enrolled
def test_a_single_action_is_taken(make: Callable[[], Policy]) -> None:
    only = Problem.of("size", [3], operation_type="fileOperations", load_cpu=0.5)

    assert make().decide(only).index == 0
