"""What every health check owes, each of them enrolled."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit.runtime.healing
from toolkit.runtime.healing import (
    Activity,
    ActivityKind,
    AgentResponsiveness,
    AgentState,
    CheckPlan,
    CoordinationEfficiency,
    EntryState,
    MemoryConsistency,
    ResourceHeadroom,
    ResultIntegrity,
    SilenceThresholds,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
    ValueCheck,
    WorkflowProgress,
)
from toolkit.runtime.healing.issues import LADDERS

OWN = CheckPlan(
    name="own", interval_s=60.0, threshold=0.5, issue="performance_degradation"
)

CHECKS: dict[type, Callable[[], Any]] = {
    AgentResponsiveness: lambda: AgentResponsiveness(SilenceThresholds()),
    CoordinationEfficiency: CoordinationEfficiency,
    MemoryConsistency: MemoryConsistency,
    ResourceHeadroom: ResourceHeadroom,
    ResultIntegrity: ResultIntegrity,
    ValueCheck: lambda: ValueCheck(
        OWN, lambda snapshot: 0.2 if snapshot.agents else None
    ),
    WorkflowProgress: WorkflowProgress,
}

enrolled = pytest.mark.parametrize(
    "make", CHECKS.values(), ids=[each.__name__ for each in CHECKS]
)

MOMENTS = st.floats(0, 1000)
SLOTS = st.sampled_from(["a1", "a2", "a3"])
MAYBE_MOMENT = st.none() | MOMENTS

AGENTS = st.builds(
    AgentState,
    agent_id=SLOTS,
    slot=SLOTS,
    alive=st.none() | st.booleans(),
    since_s=MOMENTS,
    active_s=MAYBE_MOMENT,
    operation_type=st.none() | st.sampled_from(["edit", "build"]),
    operation_s=MAYBE_MOMENT,
    expected_s=st.none() | st.floats(0, 500),
    owned=st.integers(0, 5),
    waiting_for=st.none() | SLOTS,
    waiting_s=MAYBE_MOMENT,
    memory_share=st.none() | st.floats(0, 3),
)
ACTIVITY = st.builds(
    Activity,
    slot=SLOTS,
    agent_id=SLOTS,
    at_s=MOMENTS,
    kind=st.sampled_from(list(ActivityKind)),
    storage=st.booleans(),
)
TASKS = st.builds(
    TaskState,
    task_id=st.sampled_from(["t1", "t2"]),
    status=st.sampled_from(list(TaskStatus)),
    owner=st.none() | SLOTS,
    since_s=MOMENTS,
    by_message=st.booleans(),
    runners=st.lists(SLOTS, max_size=3, unique=True).map(tuple),
)
ENTRIES = st.builds(
    EntryState,
    key=st.sampled_from(["k1", "k2"]),
    consistent=st.booleans(),
    writer=st.none() | SLOTS,
)


def several(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(each, max_size=4).map(tuple)


SNAPSHOTS = st.builds(
    SwarmSnapshot,
    at_s=st.just(1000.0),
    agents=several(AGENTS),
    activity=several(ACTIVITY),
    tasks=st.none() | several(TASKS),
    entries=st.none() | several(ENTRIES),
    completed=st.none() | st.integers(0, 50),
    planned=st.none() | st.integers(0, 50),
)


def test_every_check_of_the_room_is_enrolled() -> None:
    members = inspect.getmembers(toolkit.runtime.healing, inspect.isclass)
    checks = {
        each for name, each in members if "measure" in vars(each) and name in str(each)
    }

    assert {each for each in checks if each.__name__ != "HealthCheck"} == set(CHECKS)


@enrolled
def test_where_nothing_can_be_seen_a_check_says_unknown(
    make: Callable[[], Any],
) -> None:
    result = make().measure(SwarmSnapshot(at_s=0.0, agents=()))

    assert (result.value, result.findings) == (None, ())


@enrolled
@settings(max_examples=40, deadline=None)
@given(SNAPSHOTS)
def test_a_value_is_a_share_and_a_finding_is_below_its_threshold(
    make: Callable[[], Any], snapshot: SwarmSnapshot
) -> None:
    result = make().measure(snapshot)

    assert result.value is None or 0 <= result.value <= 1
    assert all(0 <= f.value < f.threshold for f in result.findings)
    assert all(0 <= f.severity <= 1 for f in result.findings)


@enrolled
@settings(max_examples=40, deadline=None)
@given(SNAPSHOTS, st.floats(0, 1000))
def test_the_post_condition_of_every_finding_can_be_asked_of_any_sight(
    make: Callable[[], Any], snapshot: SwarmSnapshot, acted_s: float
) -> None:
    check = make()
    for finding in check.measure(snapshot).findings:
        assert check.recovered(finding, snapshot, acted_s) in (True, False, None)


@enrolled
def test_a_check_leads_to_an_issue_with_a_ladder(make: Callable[[], Any]) -> None:
    assert make().plan.issue in LADDERS


@pytest.mark.parametrize(
    ("check", "interval_s", "threshold"),
    [
        (AgentResponsiveness, 30.0, 0.5),
        (MemoryConsistency, 45.0, 0.8),
        (CoordinationEfficiency, 60.0, 0.6),
        (WorkflowProgress, 120.0, 0.4),
    ],
)
def test_the_four_checks_have_the_intervals_and_thresholds_of_the_specification(
    check: type, interval_s: float, threshold: float
) -> None:
    plan = CHECKS[check]().plan

    assert (plan.interval_s, plan.threshold) == (interval_s, threshold)
