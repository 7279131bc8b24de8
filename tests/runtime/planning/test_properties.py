import math
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bundle_factory import AGENTS
from toolkit.notifier import MemoryNotifier
from toolkit.policies.rules import OPTIMUMS
from toolkit.runtime.planning import (
    AgentCapabilities,
    MonitoringPlan,
    MonitoringSettings,
    PlanFollower,
    PredictiveWorkflowOptimizer,
    SystemResources,
    TaskComplexity,
)
from toolkit.runtime.planning.monitoring import alert_rules
from toolkit.runtime.planning.observation import Observation

T = TypeVar("T")

RATIO = st.floats(0, 1)
COUNT = st.floats(0, allow_nan=False, allow_infinity=False)
SECONDS = st.floats(0, 1e12)
TYPES = st.sampled_from([*OPTIMUMS, "deploy", "mixed"])

STRATEGIES = {"single", "independent", "centralized", "hybrid", "decentralized"}
STRUCTURES = {"isolated", "sharded", "shared"}


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


TASKS = st.builds(
    TaskComplexity,
    components=st.floats(0, 60) | COUNT,
    dependencies=maybe(COUNT),
    parallelizable=maybe(RATIO),
    coordination_needs=maybe(RATIO),
    operations=st.dictionaries(TYPES, st.integers(1, 10**6), max_size=3),
    shared_key_share=maybe(RATIO),
    component_s=maybe(COUNT),
    component_cv=maybe(COUNT),
    critical_path_share=maybe(RATIO),
)
CAPABILITIES = st.builds(
    AgentCapabilities,
    agents=st.dictionaries(st.text(max_size=3), st.sets(TYPES), max_size=4),
)
RESOURCES = st.builds(
    SystemResources,
    cpu_cores=maybe(st.integers(1, 512)),
    memory_bytes=maybe(COUNT),
    agent_memory_bytes=maybe(st.floats(1, 1e12)),
    load_cpu=maybe(RATIO),
    load_memory=maybe(RATIO),
    load_io=maybe(RATIO),
    agent_limit=maybe(st.integers(1, 20)),
    price_per_agent_s=maybe(st.floats(0, 1e6)),
)
ANY = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=["ruled", "learned"])
def planner(request: pytest.FixtureRequest) -> PredictiveWorkflowOptimizer:
    answer = request.getfixturevalue(request.param)
    assert isinstance(answer, PredictiveWorkflowOptimizer)
    return answer


@ANY
@given(task=TASKS, capabilities=CAPABILITIES, resources=RESOURCES)
def test_counts_stay_within_their_limits(
    planner: PredictiveWorkflowOptimizer,
    task: TaskComplexity,
    capabilities: AgentCapabilities,
    resources: SystemResources,
) -> None:
    prediction = planner.predict(task, capabilities, resources)
    agents = prediction.plan.agents
    most = min(resources.most_agents or 12, 12)

    assert 1 <= agents.minimum <= agents.recommended <= agents.maximum <= most
    assert all(1 <= other.agents <= most for other in prediction.alternatives)


@ANY
@given(task=TASKS, capabilities=CAPABILITIES, resources=RESOURCES)
def test_coordination_fits_the_count(
    planner: PredictiveWorkflowOptimizer,
    task: TaskComplexity,
    capabilities: AgentCapabilities,
    resources: SystemResources,
) -> None:
    prediction = planner.predict(task, capabilities, resources)
    plan = prediction.plan
    decided = [(plan.agents.recommended, plan.strategy, plan.memory_structure)]
    decided += [
        (o.agents, o.strategy, o.memory_structure) for o in prediction.alternatives
    ]

    for count, strategy, memory in decided:
        assert (strategy == "single") == (count == 1)
        assert (memory == "isolated") == (strategy in {"single", "independent"})
        assert strategy in STRATEGIES
        assert memory in STRUCTURES


@ANY
@given(task=TASKS, resources=RESOURCES)
def test_intervals_hold_what_is_expected(
    learned: PredictiveWorkflowOptimizer,
    task: TaskComplexity,
    resources: SystemResources,
) -> None:
    prediction = learned.predict(task, resources=resources)
    expected = [other.expected for other in prediction.alternatives]
    if prediction.plan.expected is not None:
        expected.append(prediction.plan.expected)

    for each in expected:
        for estimate in (each.cost, each.makespan_s, each.agent_seconds, each.price):
            if estimate is not None:
                assert 0 <= estimate.low <= estimate.expected <= estimate.high
                assert math.isfinite(estimate.high)


@ANY
@given(task=TASKS, resources=RESOURCES)
def test_batches_hold_every_operation(
    planner: PredictiveWorkflowOptimizer,
    task: TaskComplexity,
    resources: SystemResources,
) -> None:
    batches = planner.predict(task, resources=resources).plan.batches

    assert {b.operation_type for b in batches} == set(task.operations or OPTIMUMS)
    for batch in batches:
        assert 1 <= batch.size <= 20
        if batch.operations is not None and batch.batches is not None:
            assert (batch.batches - 1) * batch.size < batch.operations
            assert batch.operations <= batch.batches * batch.size


@ANY
@given(task=TASKS, resources=RESOURCES)
def test_a_learned_count_is_one_that_history_supports(
    learned: PredictiveWorkflowOptimizer,
    task: TaskComplexity,
    resources: SystemResources,
) -> None:
    prediction = learned.predict(task, resources=resources)
    agents = prediction.plan.agents

    assert agents.learned or prediction.confidence is None
    if agents.learned and agents.recommended != agents.rule:
        assert agents.support >= 5
        assert agents.recommended in AGENTS or agents.recommended == (
            resources.most_agents
        )


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    operations = draw(st.integers(1, 1000))
    batch: dict[str, Any] = {
        "operation_type": draw(TYPES),
        "operations": operations,
        "succeeded": draw(st.integers(0, operations)),
        "cycle_s": draw(SECONDS),
    }
    progress: dict[str, Any] = {
        "tasks_completed": draw(SECONDS),
        "elapsed_s": draw(SECONDS),
    }
    return Observation(
        **(batch if draw(st.booleans()) else {}),
        **(progress if draw(st.booleans()) else {}),
        spawn_s=tuple(draw(st.lists(maybe(SECONDS), max_size=3))),
        median_wait_s=draw(maybe(SECONDS)),
        coordination_efficiency=draw(maybe(RATIO)),
        memory_consistency=draw(maybe(RATIO)),
    )


@ANY
@given(seen=st.lists(observations(), max_size=30), task=TASKS)
def test_whatever_is_observed_is_followed(
    learned: PredictiveWorkflowOptimizer, seen: list[Observation], task: TaskComplexity
) -> None:
    told = MemoryNotifier()
    follower = PlanFollower(learned.predict(task).monitoring, notifier=told)
    fired = [alert for each in seen for alert in follower.observe(each)]
    snapshot = follower.snapshot()

    assert len(fired) == told.count == sum(snapshot.raised.values())
    assert snapshot.observations == len(seen)
    assert all(factor > 0 for factor in snapshot.corrections.values())


@ANY
@given(ratios=st.lists(st.floats(0.3, 3.0), max_size=60))
def test_an_alert_lasts_until_it_is_cleared_and_never_fires_twice(
    ratios: list[float],
) -> None:
    plan = MonitoringPlan(
        baseline=None,
        components=1,
        batch_costs_s={"shell": 1.0},
        alerts=alert_rules(MonitoringSettings()),
    )
    follower = PlanFollower(plan, notifier=MemoryNotifier())
    lasting: set[str] = set()
    for ratio in ratios:
        fired = follower.observe(
            Observation(
                operation_type="shell", operations=5, succeeded=5, cycle_s=5 / ratio
            )
        )
        assert not lasting & {alert.kind for alert in fired}
        lasting = {alert.kind for alert in follower.snapshot().alerts}

    assert len(lasting) <= 1
