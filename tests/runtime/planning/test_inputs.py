from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.records import Batch, Provenance
from toolkit.runtime.planning import AgentCapabilities, SystemResources, TaskComplexity
from toolkit.runtime.planning.observation import Observation


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: TaskComplexity(components=-1), "`components`"),
        (lambda: TaskComplexity(components=float("nan")), "finite number"),
        (lambda: TaskComplexity(components=1, parallelizable=1.1), "`parallelizable`"),
        (lambda: TaskComplexity(components=1, operations={"a": 0}), "operations of a"),
        (lambda: TaskComplexity(components=1, operations={"": 1}), "operation type"),
        (lambda: SystemResources(agent_limit=0), "`agent_limit`"),
        (lambda: SystemResources(load_cpu=2.0), "`load_cpu`"),
        (lambda: SystemResources(price_per_agent_s=-1.0), "`price_per_agent_s`"),
        (lambda: Observation(tasks_completed=1), "`elapsed_s` is missing"),
        (lambda: Observation(operation_type="a"), "`operations` is missing"),
        (lambda: Observation(memory_consistency=1.2), "`memory_consistency`"),
        (lambda: Observation(spawn_s=(1.0, -1.0)), "`spawn_s`"),
    ],
)
def test_a_number_outside_its_range_is_named(
    make: Callable[[], object], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        make()


def test_more_successes_than_operations_are_refused() -> None:
    with pytest.raises(UsageError, match="succeeded"):
        Observation(operation_type="a", operations=2, succeeded=3, cycle_s=1.0)


def test_only_types_that_the_task_needs_make_a_sole_expert() -> None:
    able = AgentCapabilities(agents={"a": ["edit", "deploy"], "b": ["edit"]})

    assert able.sole_experts(["edit"]) == ()


def test_without_named_agents_nothing_is_missing() -> None:
    assert AgentCapabilities().missing(["edit"]) == ()


def test_the_tighter_of_limit_and_memory_counts() -> None:
    resources = SystemResources(agent_limit=5, memory_bytes=7e9, agent_memory_bytes=2e9)

    assert resources.most_agents == 3


def test_memory_for_less_than_one_agent_still_leaves_one() -> None:
    assert SystemResources(memory_bytes=1, agent_memory_bytes=2).most_agents == 1


def test_memory_without_what_an_agent_needs_limits_nothing() -> None:
    assert SystemResources(memory_bytes=1e9).most_agents is None


def batch(**changed: Any) -> Batch:
    values: dict[str, Any] = {
        "record_id": "b",
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "source": "test",
        "provenance": Provenance.SIMULATED,
        "operation_type": "shell",
        "size": 4,
        "succeeded": 3,
        "failed": 1,
        "cycle_s": 6.0,
    }
    return Batch(**{**values, **changed})


def test_a_batch_record_is_an_observation_of_its_cost() -> None:
    assert Observation.of_batch(batch()) == Observation(
        operation_type="shell", operations=4, succeeded=3, cycle_s=6.0
    )


@pytest.mark.parametrize(
    "unknown", [{"censored": True}, {"cycle_s": None}, {"succeeded": None}]
)
def test_a_batch_of_unknown_cost_is_no_observation(unknown: dict[str, Any]) -> None:
    assert Observation.of_batch(batch(**unknown)) is None
