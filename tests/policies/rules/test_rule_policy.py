import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.policies import Problem, Value
from toolkit.policies.rules import (
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
    ConstantPolicy,
    RuleOfThumbPolicy,
)
from toolkit.policies.rules.rule_policy import nearest_action, number_of

SIZES = [1, 2, 4, 6, 8, 10, 15, 20]


def size(**context: Value) -> str:
    policy = BatchSizeRulePolicy(BatchSizeRule(), constant=4.0)
    return policy.decide(Problem.of("size", SIZES, **context)).label


def test_the_largest_known_load_decides() -> None:
    kind = "fileOperations"

    assert size(operation_type=kind, load_cpu=0.5) == "8"
    assert size(operation_type=kind, load_cpu=0.1, load_memory=0.9) == "6"
    assert size(operation_type=kind, load_cpu=0.1) == "10"


@pytest.mark.parametrize("load", [None, "much", math.nan, math.inf])
def test_a_load_that_is_no_number_leaves_the_optimum(load: Value) -> None:
    assert size(operation_type="fileOperations", load_cpu=load) == "8"


@pytest.mark.parametrize("kind", ["unheard of", None, 3.0])
def test_a_type_without_a_rule_gets_the_constant(kind: Value) -> None:
    assert size(operation_type=kind) == "4"


def test_agents_are_at_least_three_whatever_is_missing() -> None:
    policy = AgentCountRulePolicy(AgentCountRule())

    assert policy.decide(Problem.of("agents", [1, 2, 3, 6, 12])).label == "3"


@pytest.mark.parametrize(
    ("cores", "answer"), [(8.0, "4"), (1.0, "1"), (None, "1"), ("many", "1")]
)
def test_half_the_cores_needs_to_know_them(cores: Value, answer: str) -> None:
    (policy,) = (p for p in RuleOfThumbPolicy.of_agent_counts() if "cores" in p.name)

    assert (
        policy.decide(Problem.of("agents", [1, 2, 4], cpu_cores=cores)).label == answer
    )


@given(
    actions=st.lists(st.integers(1, 100), min_size=1, max_size=8, unique=True),
    target=st.floats(0.5, 200),
)
def test_the_nearest_action_is_the_nearest_in_ratio(
    actions: list[int], target: float
) -> None:
    found = actions[nearest_action(Problem.of("size", actions), target)]

    gap = abs(math.log2(found / target))
    assert all(gap <= abs(math.log2(other / target)) + 1e-5 for other in actions)


def test_of_two_as_near_the_smaller_is_taken() -> None:
    assert ConstantPolicy(10.0).decide(Problem.of("size", [20, 5])).label == "5"


@pytest.mark.parametrize("value", [None, "3", math.nan, math.inf])
def test_what_is_no_finite_number_is_not_known(value: Value) -> None:
    assert number_of(value) is None
