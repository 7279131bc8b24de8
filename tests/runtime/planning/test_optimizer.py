import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.bundle_factory import LEARNED, NOW, SHOWN, agent_bundle
from toolkit.bundle import Fallback
from toolkit.clock import VirtualClock
from toolkit.errors import UsageError
from toolkit.policies.rules import OPTIMUMS, AgentCountRule
from toolkit.runtime.planning import (
    AgentCapabilities,
    PredictiveWorkflowOptimizer,
    SystemResources,
    TaskComplexity,
    WorkflowPrediction,
    open_planner,
)
from toolkit.runtime.planning.costing import AgentCosting
from toolkit.runtime.planning.monitoring import MonitoringPoint

Planner = PredictiveWorkflowOptimizer

INDEPENDENT = TaskComplexity(
    components=20, parallelizable=0.8, coordination_needs=0.05, dependencies=2
)
ENTANGLED = TaskComplexity(
    components=20, parallelizable=0.8, coordination_needs=0.6, dependencies=40
)


def codes(prediction: WorkflowPrediction) -> list[str]:
    return [reason.code for reason in prediction.plan.reasons]


@pytest.mark.parametrize("components", [0, 1, 3, 4.5, 10, 40])
@pytest.mark.parametrize("parallelizable", [None, 0.0, 0.25, 1.0])
@pytest.mark.parametrize("needs", [None, 0.0, 1.0])
def test_without_a_bundle_the_count_is_the_rules_verbatim(
    ruled: Planner, components: float, parallelizable: float | None, needs: float | None
) -> None:
    task = TaskComplexity(
        components=components, parallelizable=parallelizable, coordination_needs=needs
    )
    agents = ruled.predict(task).plan.agents
    rule = AgentCountRule().recommend(
        components=components, parallelizable=parallelizable, coordination_needs=needs
    )

    assert (agents.recommended, agents.minimum, agents.maximum) == (
        rule.recommended,
        rule.minimum,
        rule.maximum,
    )


def test_without_a_bundle_nothing_is_expected_and_a_reason_says_so(
    ruled: Planner,
) -> None:
    prediction = ruled.predict(INDEPENDENT)

    assert prediction.plan.expected is None
    assert prediction.confidence is None
    assert prediction.alternatives == ()
    assert "performance_not_known" in codes(prediction)


def test_one_agent_is_a_legal_learned_answer(learned: Planner) -> None:
    plan = learned.predict(ENTANGLED).plan

    assert (plan.agents.recommended, plan.agents.rule) == (1, 12)
    assert plan.agents.reason.code == "learned_better"
    assert (plan.strategy, plan.memory_structure) == ("single", "isolated")


def test_a_learned_answer_carries_its_calibrated_probability(learned: Planner) -> None:
    confidence = learned.predict(ENTANGLED).confidence

    assert confidence is not None
    assert 0.9 <= confidence < 1


def test_a_rung_that_is_not_shown_better_leaves_the_rule(tmp_path: Path) -> None:
    closed = replace(LEARNED, evidence=replace(SHOWN, groups=3, upper=math.inf))
    agent_bundle(tmp_path / "b", ladder=(closed,))
    planner = open_planner(clock=VirtualClock(NOW), agent_bundle=tmp_path / "b")
    prediction = planner.predict(ENTANGLED)

    assert prediction.plan.agents.recommended == prediction.plan.agents.rule == 12
    assert prediction.plan.agents.reason.code == "not_shown_better"
    assert not prediction.plan.agents.learned
    assert prediction.confidence is None
    assert prediction.plan.expected is not None


def test_a_column_beyond_the_history_counts_as_missing(learned: Planner) -> None:
    def width(components: float) -> float:
        task = TaskComplexity(
            components=components, parallelizable=0.01, coordination_needs=0.1
        )
        found = learned.predict(task).plan.expected
        assert found is not None
        return found.cost.high / found.cost.low

    assert width(500) > width(20)


def test_the_range_of_a_learned_answer_holds_what_is_not_shown_to_be_worse(
    learned: Planner,
) -> None:
    agents = learned.predict(INDEPENDENT).plan.agents

    assert agents.minimum < agents.recommended < agents.maximum


def test_alternatives_trade_time_against_money(learned: Planner) -> None:
    found = learned.predict(INDEPENDENT).alternatives
    times = [a.expected.makespan_s.expected for a in found if a.expected.makespan_s]
    money = [
        a.expected.agent_seconds.expected for a in found if a.expected.agent_seconds
    ]

    assert len(times) == len(money) == len(found) >= 3
    assert times == sorted(times)
    assert money == sorted(money, reverse=True)


def test_an_alternative_has_an_interval_and_its_own_coordination(
    learned: Planner,
) -> None:
    found = learned.predict(ENTANGLED).alternatives
    many = max(found, key=lambda other: other.agents)
    time = many.expected.makespan_s
    assert time is not None

    assert time.low < time.expected < time.high
    assert many.strategy == "hybrid"


def test_the_chosen_count_is_no_alternative_to_itself(learned: Planner) -> None:
    prediction = learned.predict(INDEPENDENT)

    assert prediction.plan.agents.recommended not in {
        other.agents for other in prediction.alternatives
    }


def test_the_expected_cost_is_what_its_time_and_money_make(learned: Planner) -> None:
    expected = learned.predict(INDEPENDENT).plan.expected
    assert expected is not None
    assert expected.makespan_s is not None
    assert expected.agent_seconds is not None

    assert expected.cost.expected == pytest.approx(
        (expected.makespan_s.expected * expected.agent_seconds.expected) ** 0.5
    )


def test_a_price_is_expected_where_agents_have_one(learned: Planner) -> None:
    resources = SystemResources(price_per_agent_s=0.5)
    expected = learned.predict(INDEPENDENT, resources=resources).plan.expected
    assert expected is not None
    assert expected.price is not None
    assert expected.agent_seconds is not None

    assert expected.price.expected == pytest.approx(
        expected.agent_seconds.expected * 0.5
    )


def test_a_bundle_that_states_no_exponent_leaves_time_unknown(tmp_path: Path) -> None:
    agent_bundle(tmp_path / "b", price_exponent=None)
    planner = open_planner(clock=VirtualClock(NOW), agent_bundle=tmp_path / "b")
    prediction = planner.predict(INDEPENDENT)
    assert prediction.plan.expected is not None

    assert prediction.plan.expected.makespan_s is None
    assert prediction.alternatives == ()
    assert "price_exponent_not_known" in codes(prediction)


def test_a_constant_to_fall_back_on_is_its_own_range(tmp_path: Path) -> None:
    fallback = Fallback(rule="constant", constant=4.0)
    agent_bundle(tmp_path / "b", fallback=fallback, ladder=())
    planner = open_planner(clock=VirtualClock(NOW), agent_bundle=tmp_path / "b")
    agents = planner.predict(TaskComplexity(components=1e6)).plan.agents

    assert (agents.minimum, agents.recommended, agents.maximum) == (4, 4, 4)


def test_a_cost_that_is_no_number_is_neither_expected_nor_supported(
    learned: Planner,
) -> None:
    bundle = learned.agents.bundle
    assert bundle is not None
    problem = learned.agents.problem({"components": 20.0})
    model = learned.agents.policy.model
    assert model is not None
    curve = model.predict(problem)
    costing = AgentCosting(
        bundle=bundle,
        problem=problem,
        curve=replace(curve, log_cost=np.full_like(curve.log_cost, np.nan)),
        components=20,
        price_per_agent_s=None,
    )

    assert costing.expect(0) is None
    assert costing.supported() == []


def test_a_cost_beyond_what_a_number_holds_is_not_expected(learned: Planner) -> None:
    bundle = learned.agents.bundle
    assert bundle is not None
    problem = learned.agents.problem({"components": 20.0})
    model = learned.agents.policy.model
    assert model is not None
    curve = model.predict(problem)
    huge = np.full_like(curve.log_cost, 800.0)  # exp(709) is the largest double
    costing = AgentCosting(
        bundle=bundle,
        problem=problem,
        curve=replace(curve, log_cost=huge, log_low=huge, log_high=huge),
        components=20,
        price_per_agent_s=None,
    )

    assert costing.expect(0) is None


def test_an_expired_bundle_leaves_the_rule(bundles: dict[str, Path]) -> None:
    late = VirtualClock(NOW + timedelta(days=31))
    planner = open_planner(clock=late, agent_bundle=bundles["agents"])
    plan = planner.predict(ENTANGLED).plan

    assert plan.agents.recommended == plan.agents.rule
    assert plan.agents.reason.code == "bundle_expired"


def test_a_refused_bundle_leaves_the_rule(tmp_path: Path) -> None:
    planner = open_planner(clock=VirtualClock(NOW), agent_bundle=tmp_path)
    plan = planner.predict(ENTANGLED).plan

    assert plan.agents.recommended == plan.agents.rule
    assert plan.agents.reason.code == "bundle_refused"


@pytest.mark.parametrize("limit", [1, 2, 5, 7])
def test_a_limit_below_the_rule_is_kept_and_said(ruled: Planner, limit: int) -> None:
    resources = SystemResources(agent_limit=limit)
    prediction = ruled.predict(INDEPENDENT, resources=resources)

    assert prediction.plan.agents.recommended == limit
    assert prediction.plan.agents.maximum == limit
    assert "agent_limit" in codes(prediction)


def test_learned_alternatives_keep_the_limit(learned: Planner) -> None:
    resources = SystemResources(agent_limit=4)
    prediction = learned.predict(INDEPENDENT, resources=resources)

    assert prediction.plan.agents.recommended <= 4
    assert all(other.agents <= 4 for other in prediction.alternatives)


def test_agents_beyond_those_named_are_to_be_spawned(ruled: Planner) -> None:
    able = AgentCapabilities(agents={"a": ["edit"], "b": ["edit"]})
    reasons = ruled.predict(INDEPENDENT, able).plan.reasons
    spawn = next(r for r in reasons if r.code == "agents_to_spawn")

    assert spawn.facts == {"agents": 10.0}


def test_an_operation_that_no_agent_can_do_is_said(ruled: Planner) -> None:
    task = TaskComplexity(components=5, operations={"deploy": 1})
    able = AgentCapabilities(agents={"a": ["edit"]})

    assert "no_agent_can" in codes(ruled.predict(task, able))


def test_strategy_and_memory_are_the_rules_and_say_so_beside_a_learned_count(
    learned: Planner,
) -> None:
    plan = learned.predict(INDEPENDENT).plan

    assert plan.agents.learned
    assert [reason.code for reason in plan.reasons[:3]] == [
        "learned_better",
        "strategy_rule",
        "memory_structure_rule",
    ]


def test_a_sole_expert_centralizes(ruled: Planner) -> None:
    task = TaskComplexity(
        components=20, coordination_needs=0.5, operations={"deploy": 1}
    )
    able = AgentCapabilities(agents={"a": ["deploy"], "b": ["edit"]})

    assert ruled.predict(task).plan.strategy == "hybrid"
    assert ruled.predict(task, able).plan.strategy == "centralized"


def test_few_shared_keys_and_many_agents_shard_the_memory(ruled: Planner) -> None:
    task = TaskComplexity(components=20, coordination_needs=0.5, shared_key_share=0.1)

    assert ruled.predict(task).plan.memory_structure == "sharded"


def test_batches_cover_the_tasks_operations(learned: Planner) -> None:
    task = TaskComplexity(
        components=20,
        coordination_needs=0.6,
        operations={"todoWrite": 25, "fileOperations": 40},
    )
    batches = learned.predict(task).plan.batches

    assert [b.operation_type for b in batches] == ["fileOperations", "todoWrite"]
    assert all(b.batches == -(-(b.operations or 0) // b.size) for b in batches)
    assert all(b.cost_s is not None for b in batches)


def test_a_task_that_names_no_operations_gets_every_type_with_a_rule(
    ruled: Planner,
) -> None:
    batches = ruled.predict(INDEPENDENT).plan.batches

    assert {b.operation_type: b.size for b in batches} == {
        name: optimum.optimal for name, optimum in OPTIMUMS.items()
    }


def test_load_shrinks_the_batches_of_the_rule(ruled: Planner) -> None:
    busy = SystemResources(load_cpu=0.9)
    batches = ruled.predict(INDEPENDENT, resources=busy).plan.batches

    assert {b.operation_type: b.size for b in batches}["todoWrite"] == 7


def test_the_monitoring_plan_is_the_specifications(ruled: Planner) -> None:
    plan = ruled.predict(INDEPENDENT).monitoring

    assert plan.points == tuple(MonitoringPoint)
    assert {rule.action: rule.threshold for rule in plan.alerts} == {
        "adaptive_workflow_adjustment": 0.2,
        "emergency_coordination_reset": 0.3,
        "capture_optimization_pattern": 0.15,
    }
    assert (plan.adjustment.every, plan.adjustment.rate) == (5, 0.1)


def test_the_adjustment_is_each_bundles_own(learned: Planner) -> None:
    plan = learned.predict(INDEPENDENT).monitoring

    assert (plan.adjustment.every, plan.adjustment.rate) == (5, 0.1)
    assert (plan.batch_adjustment.every, plan.batch_adjustment.rate) == (7, 0.25)


def test_the_plan_is_watched_against_what_was_predicted(learned: Planner) -> None:
    prediction = learned.predict(INDEPENDENT)

    assert prediction.monitoring.baseline == prediction.plan.expected
    assert set(prediction.monitoring.batch_costs_s) == {"fileOperations", "todoWrite"}


def test_advisors_of_other_decisions_are_refused(ruled: Planner) -> None:
    with pytest.raises(UsageError, match="agent_count"):
        Planner(agents=ruled.batches, batches=ruled.agents)
