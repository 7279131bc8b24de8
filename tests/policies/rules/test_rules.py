import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.policies import Problem
from toolkit.policies.rules import (
    OPTIMUMS,
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
    ConstantPolicy,
    EfficiencyScore,
    MemoryStructureRule,
    RuleOfThumbPolicy,
    StrategyRule,
    TableRule,
    coordination_complexity,
)
from toolkit.policies.rules.batch_size_rule import system_load
from toolkit.policies.rules.rule_policy import nearest_action

ratio = st.floats(0, 1)


@given(st.sampled_from(sorted(OPTIMUMS)), ratio, ratio)
def test_a_batch_size_stays_within_its_types_range(
    kind: str, load: float, complexity: float
) -> None:
    size = (
        BatchSizeRule()
        .recommend(
            operation_type=kind, system_load=load, coordination_complexity=complexity
        )
        .batch_size
    )

    assert OPTIMUMS[kind].minimum <= size <= OPTIMUMS[kind].maximum


@given(st.floats(0, 1e6), ratio, ratio)
def test_an_agent_count_stays_within_three_and_twelve(
    components: float, parallelizable: float, needs: float
) -> None:
    answer = AgentCountRule().recommend(
        components=components, parallelizable=parallelizable, coordination_needs=needs
    )

    assert 3 <= answer.minimum <= answer.recommended <= answer.maximum <= 12


def test_dependencies_do_not_move_the_agent_count() -> None:
    rule = AgentCountRule()

    few = rule.recommend(components=9, dependencies=0, parallelizable=0.9)
    many = rule.recommend(components=9, dependencies=99, parallelizable=0.9)

    assert few.recommended == many.recommended


def test_an_unknown_operation_type_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(UsageError, match="Did you mean `todoWrite`"):
        BatchSizeRule().recommend(
            operation_type="todowrite", system_load=0.5, coordination_complexity=0.5
        )


def test_no_known_utilisation_is_an_error_not_idleness() -> None:
    with pytest.raises(UsageError, match="no utilisation is known"):
        system_load()


def test_the_busiest_resource_is_clipped_to_one() -> None:
    assert system_load(cpu=3.0, memory=0.2) == 1.0


def test_a_missing_factor_renormalises_the_weights() -> None:
    score = EfficiencyScore().score(
        operation_frequency=1.0, memory_consistency=1.0, duplicate_work=0.0
    )

    assert score == pytest.approx((0.2 + 0.25) / (0.2 + 0.25 + 0.15))


def test_fewer_than_three_factors_give_no_score() -> None:
    with pytest.raises(NotEnoughDataError):
        EfficiencyScore().score(operation_frequency=1.0, memory_consistency=1.0)


def test_the_nearer_of_two_equally_near_actions_is_the_smaller() -> None:
    assert nearest_action(Problem.of("size", [20, 5]), 10) == 1


def test_an_action_is_near_in_ratio() -> None:
    assert nearest_action(Problem.of("size", [8, 12]), 10) == 1


def test_without_a_ratio_the_difference_decides() -> None:
    assert nearest_action(Problem.of("size", [0, 4, 12]), 1) == 0


def test_a_type_without_a_rule_gets_the_constant_and_says_so() -> None:
    policy = BatchSizeRulePolicy(BatchSizeRule(), constant=4)

    decision = policy.decide(Problem.of("size", [2, 4, 8], operation_type="mixed"))

    assert (decision.label, decision.reason.code) == ("4", "no_rule_constant")


def test_an_unknown_load_leaves_the_size_at_its_optimum() -> None:
    policy = BatchSizeRulePolicy(BatchSizeRule(), constant=4)

    decision = policy.decide(
        Problem.of("size", range(1, 21), operation_type="fileOperations", load_cpu=None)
    )

    assert decision.label == "8"


def test_missing_components_count_as_one_like_in_the_specification() -> None:
    policy = AgentCountRulePolicy(AgentCountRule())

    decision = policy.decide(Problem.of("agents", range(1, 13), components=math.nan))

    assert decision.label == "3"


def test_half_the_cores_is_a_rule_of_thumb_for_agents() -> None:
    thumb = RuleOfThumbPolicy.of_agent_counts()[0]

    decision = thumb.decide(Problem.of("agents", range(1, 13), cpu_cores=8.0))

    assert decision.label == "4"


def test_a_constant_takes_the_nearest_offered_action() -> None:
    assert ConstantPolicy(7).decide(Problem.of("size", [1, 6, 12])).label == "6"


@pytest.mark.parametrize(
    ("agents", "needs", "dependencies", "sole", "strategy"),
    [
        (1, 0.9, 9, True, "single"),
        (4, 0.2, 5, False, "independent"),
        (4, 0.2, 6, False, "decentralized"),
        (4, 0.7, 0, False, "centralized"),
        (4, 0.5, 0, True, "centralized"),
        (7, 0.3, 6, False, "hybrid"),
        (6, 0.5, 6, False, "decentralized"),
    ],
)
def test_the_strategy_follows_needs_dependencies_and_capabilities(
    agents: int, needs: float, dependencies: float, sole: bool, strategy: str
) -> None:
    assert (
        StrategyRule().recommend(
            agents=agents,
            coordination_needs=needs,
            components=10,
            dependencies=dependencies,
            has_sole_expert=sole,
        )
        == strategy
    )


@pytest.mark.parametrize(
    ("strategy", "sharing", "agents", "structure"),
    [
        ("single", 0.9, 1, "isolated"),
        ("independent", 0.0, 9, "isolated"),
        ("hybrid", 0.29, 5, "sharded"),
        ("hybrid", 0.3, 5, "shared"),
        ("hybrid", 0.1, 4, "shared"),
        ("hybrid", None, 9, "shared"),
    ],
)
def test_the_memory_structure_follows_the_strategy_and_the_sharing(
    strategy: str, sharing: float | None, agents: int, structure: str
) -> None:
    assert (
        MemoryStructureRule().recommend(
            strategy=strategy, shared_key_share=sharing, agents=agents
        )
        == structure
    )


@given(st.floats(-1, 2), st.integers(0, 99), st.integers(0, 50), st.integers(0, 40))
def test_complexity_is_a_ratio(
    shared: float, dependencies: int, operations: int, agents: int
) -> None:
    value = coordination_complexity(
        shared_key_share=shared,
        dependencies=dependencies,
        operations=operations,
        agents=agents,
    )

    assert 0 <= value <= 1


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e308])
def test_numbers_beyond_every_task_end_no_rule(value: float) -> None:
    agents = Problem.of(
        "agents", [1, 6, 12], components=value, coordination_needs=value
    )
    workers = Problem.of("a_n", [0.0, 1.0, 3.0], x_N=value, x_par=value)

    assert AgentCountRulePolicy(AgentCountRule()).decide(agents).index in (0, 1, 2)
    assert TableRule().decide(workers).index in (0, 1, 2)


def test_a_whole_number_of_tasks_is_a_number() -> None:
    whole = Problem.of("a_n", [0.0, 2.0, 3.6], x_N=5)
    real = Problem.of("a_n", [0.0, 2.0, 3.6], x_N=5.0)

    assert TableRule().decide(whole).index == TableRule().decide(real).index == 2
