from typing import Any

import pytest

from toolkit.runtime.healing import (
    Activity,
    ActivityKind,
    AgentResponsiveness,
    AgentState,
    CoordinationEfficiency,
    EntryState,
    Finding,
    HealthCheck,
    IssueKind,
    MemoryConsistency,
    MissingResult,
    ResourceHeadroom,
    ResultIntegrity,
    SilenceThresholds,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
    WorkflowProgress,
)
from toolkit.runtime.healing.swarm import WaitsOn

NOW_S = 1000.0
KNOWN = SilenceThresholds(unknown_s=60.0)


def agent(slot: str = "a1", **given: Any) -> AgentState:
    known = {
        "agent_id": slot,
        "slot": slot,
        "alive": True,
        "since_s": 0.0,
        "active_s": NOW_S,
        "operation_type": "edit",
        "operation_s": NOW_S,
    }
    return AgentState(**{**known, **given})


def task(task_id: str = "t1", **given: Any) -> TaskState:
    known = {
        "task_id": task_id,
        "status": TaskStatus.RUNNING,
        "owner": "a1",
        "since_s": NOW_S,
    }
    return TaskState(**{**known, **given})


def snapshot(*agents: AgentState, **given: Any) -> SwarmSnapshot:
    return SwarmSnapshot(at_s=NOW_S, agents=agents, **given)


def test_an_idle_agent_owes_no_sign_of_life() -> None:
    idle = agent(operation_type=None, active_s=NOW_S - 900)

    result = AgentResponsiveness(KNOWN).measure(snapshot(idle))

    assert (result.value, result.findings) == (None, ())


def test_an_idle_agent_that_leaves_work_waiting_owes_one() -> None:
    idle = agent(operation_type=None, active_s=NOW_S - 900)
    waiting = task(status=TaskStatus.QUEUED, owner=None, since_s=NOW_S - 300)

    result = AgentResponsiveness(KNOWN).measure(snapshot(idle, tasks=(waiting,)))

    assert [found.cause for found in result.findings] == ["agent:a1"]


def test_one_dead_agent_of_ten_is_found_though_the_share_is_fine() -> None:
    agents = [agent(f"a{n}") for n in range(9)]

    result = AgentResponsiveness(KNOWN).measure(
        snapshot(*agents, agent("a9", alive=False))
    )

    assert result.value == pytest.approx(0.9)
    assert [found.cause for found in result.findings] == ["agent:a9"]


def test_work_that_is_usually_silent_for_long_explains_a_long_silence() -> None:
    silences = SilenceThresholds()
    for n in range(50):
        silences.learn("build", 500.0 + n)
    builder = agent(operation_type="build", active_s=NOW_S - 700)

    result = AgentResponsiveness(silences).measure(snapshot(builder))

    assert result.findings == ()


def test_the_same_silence_is_ill_in_work_that_is_usually_talkative() -> None:
    editor = agent(active_s=NOW_S - 700)

    result = AgentResponsiveness(KNOWN).measure(snapshot(editor))

    assert result.findings[0].severity_name == "critical"


def test_memory_that_cannot_be_seen_is_unknown() -> None:
    result = MemoryConsistency().measure(snapshot(agent()))

    assert result.value is None


def test_an_inconsistent_entry_is_found_with_its_writer() -> None:
    entries = tuple(
        EntryState(key=f"k{n}", consistent=n > 0, writer="a2") for n in range(10)
    )

    result = MemoryConsistency().measure(snapshot(agent(), entries=entries))

    assert result.value == pytest.approx(0.9)
    assert result.findings[0].evidence == {"slot": "a2"}


def test_a_task_that_two_work_on_is_found() -> None:
    doubled = task(runners=("a1", "a2"))

    result = CoordinationEfficiency().measure(snapshot(agent(), tasks=(doubled,)))

    assert [found.cause for found in result.findings] == ["task:t1"]


def test_an_assignment_that_a_busy_owner_could_not_yet_begin_is_in_order() -> None:
    assigned = task(status=TaskStatus.ASSIGNED, since_s=NOW_S - 500)
    building = task("t2", since_s=NOW_S - 600)

    result = CoordinationEfficiency().measure(
        snapshot(agent(), tasks=(assigned, building))
    )

    assert result.findings == ()


def test_an_assignment_that_its_owner_passed_over_is_lost() -> None:
    assigned = task(status=TaskStatus.ASSIGNED, since_s=NOW_S - 500)
    claimed_since = task("t2", since_s=NOW_S - 60)

    result = CoordinationEfficiency().measure(
        snapshot(agent(), tasks=(assigned, claimed_since))
    )

    assert [found.cause for found in result.findings] == ["task:t1"]


def test_the_holder_of_a_lock_is_the_cause_of_a_long_wait() -> None:
    waiter = agent(waiting_for="a2", waiting_s=NOW_S - 200)

    result = CoordinationEfficiency().measure(snapshot(waiter, agent("a2")))

    assert [found.cause for found in result.findings] == ["agent:a2"]


def test_the_monitors_score_is_the_value_where_there_is_a_monitor() -> None:
    result = CoordinationEfficiency(score=lambda: 0.7).measure(snapshot(agent()))

    assert result.value == 0.7


def test_an_agent_that_speaks_and_does_not_get_on_is_slow() -> None:
    slow = agent(operation_s=NOW_S - 400, expected_s=60.0)

    result = WorkflowProgress().measure(snapshot(slow))

    assert result.findings[0].evidence == {"why": "slow"}


def storage_failure(slot: str, at_s: float) -> Activity:
    return Activity(
        slot=slot, agent_id=slot, at_s=at_s, kind=ActivityKind.FAIL, storage=True
    )


def test_writes_that_fail_everywhere_are_the_stores_illness_not_the_agents() -> None:
    failures = tuple(
        storage_failure(slot, NOW_S - n) for n in (1, 2) for slot in ("a1", "a2")
    )
    agents = (agent(), agent("a2", operation_s=NOW_S - 500, expected_s=30.0))

    result = WorkflowProgress().measure(snapshot(*agents, activity=failures))

    assert [found.cause for found in result.findings] == ["store"]


def test_a_workflow_without_a_plan_has_no_progress() -> None:
    result = WorkflowProgress().measure(snapshot(agent()))

    assert result.value is None


def test_being_behind_a_handful_of_planned_tasks_is_chance() -> None:
    result = WorkflowProgress().measure(snapshot(agent(), completed=1, planned=5))

    assert (result.value, result.findings) == (None, ())


def test_being_far_behind_the_plan_is_found_for_the_whole_swarm() -> None:
    result = WorkflowProgress().measure(snapshot(agent(), completed=3, planned=12))

    assert [found.cause for found in result.findings] == ["swarm"]


def test_a_swarm_that_waits_for_a_lock_is_not_ill_as_a_whole() -> None:
    waiter = agent(waiting_for="a2", waiting_s=NOW_S - 60)

    result = WorkflowProgress().measure(snapshot(waiter, completed=3, planned=12))

    assert result.findings == ()


def test_the_fullest_agent_is_the_weakest_cause() -> None:
    result = ResourceHeadroom().measure(
        snapshot(agent(memory_share=0.2), agent("a2", memory_share=0.7))
    )

    assert result.value == pytest.approx(0.3)
    assert result.weakest == "agent:a2"


CHECKS: dict[IssueKind, HealthCheck] = {
    IssueKind.STUCK_AGENT: AgentResponsiveness(KNOWN),
    IssueKind.MEMORY_INCONSISTENCY: MemoryConsistency(),
    IssueKind.COORDINATION_BREAKDOWN: CoordinationEfficiency(),
    IssueKind.PERFORMANCE_DEGRADATION: WorkflowProgress(),
}


def finding(cause: str, issue: IssueKind = IssueKind.STUCK_AGENT) -> Finding:
    return Finding(issue=issue, cause=cause, value=0.1, threshold=0.5)


def holds(found: Finding, seen: SwarmSnapshot, acted_s: float) -> bool | None:
    """Ask the check that finds such an issue."""
    return CHECKS[IssueKind(found.issue)].recovered(found, seen, acted_s)


def test_a_sign_from_before_the_action_proves_nothing() -> None:
    spoke_before = agent(active_s=NOW_S - 100)

    assert holds(finding("agent:a1"), snapshot(spoke_before), NOW_S - 50) is None


def test_a_dead_process_refutes_at_once() -> None:
    assert holds(finding("agent:a1"), snapshot(agent(alive=False)), NOW_S - 50) is False


def test_an_agent_that_others_still_wait_for_is_not_mended() -> None:
    speaks = agent(active_s=NOW_S)
    waiter = agent("a2", waiting_for="a1", waiting_s=NOW_S - 300)

    assert holds(finding("agent:a1"), snapshot(speaks, waiter), NOW_S - 50) is None


def test_a_task_with_one_runner_who_owns_it_is_mended() -> None:
    found = finding("task:t1", IssueKind.COORDINATION_BREAKDOWN)
    owned = snapshot(agent(), tasks=(task(runners=("a1",)),))

    assert holds(found, owned, NOW_S - 15) is True


def test_a_store_needs_a_finished_write_to_count_as_mended() -> None:
    found = finding("store", IssueKind.PERFORMANCE_DEGRADATION)

    assert holds(found, snapshot(agent()), NOW_S - 15) is None


SLOW = finding("agent:a1", IssueKind.PERFORMANCE_DEGRADATION)


def finished(slot: str, at_s: float) -> Activity:
    return Activity(slot=slot, agent_id=slot, at_s=at_s, kind=ActivityKind.FINISH)


def test_a_renewed_agent_that_has_begun_work_keeps_up() -> None:
    renewed = agent(since_s=NOW_S - 30)
    begun = Activity(slot="a1", agent_id="a1", at_s=NOW_S - 10, kind=ActivityKind.START)

    assert holds(SLOW, snapshot(renewed, activity=(begun,)), NOW_S - 50) is True


@pytest.mark.parametrize(
    ("waits_s", "keeps_up"),
    [((), None), ((15.0,), True), ((30.0, 15.0), True)],
)
def test_a_wait_for_a_lock_is_not_the_time_of_the_one_that_waits(
    waits_s: tuple[float, ...], keeps_up: bool | None
) -> None:
    busy = agent(since_s=NOW_S - 120, operation_s=NOW_S - 60, expected_s=45.0)
    waits = [activity(ActivityKind.WAIT, NOW_S - ago_s) for ago_s in waits_s]
    seen = (finished("a1", NOW_S - 60), *waits)

    assert holds(SLOW, snapshot(busy, activity=seen), NOW_S - 120) is keeps_up


def test_an_agent_that_was_held_up_by_locks_is_not_slow() -> None:
    held_up = agent(operation_s=NOW_S - 200, expected_s=60.0)
    seen = (
        activity(ActivityKind.WAIT, NOW_S - 140),
        activity(ActivityKind.STEP, NOW_S - 20),
    )

    result = WorkflowProgress().measure(snapshot(held_up, activity=seen))

    assert result.findings == ()


def test_an_agent_that_is_still_as_full_has_not_recovered() -> None:
    seen = snapshot(agent(memory_share=0.9), activity=(finished("a1", NOW_S),))

    assert ResourceHeadroom().recovered(SLOW, seen, NOW_S - 50) is None


def activity(kind: ActivityKind, at_s: float, **given: Any) -> Activity:
    return Activity(slot="a1", agent_id="a1", at_s=at_s, kind=kind, **given)


def test_an_agent_that_hangs_most_of_its_time_is_found() -> None:
    silences = SilenceThresholds()
    for _ in range(30):
        silences.learn("edit", 15.0)
    gaps = [15.0, 15.0, 15.0, 105.0] * 3
    seen = tuple(
        activity(ActivityKind.STEP, NOW_S, gap_s=gap_s, gap_of="edit") for gap_s in gaps
    )

    result = AgentResponsiveness(silences).measure(snapshot(agent(), activity=seen))

    assert [found.evidence["why"] for found in result.findings] == ["halts"]


def test_an_agent_that_gives_back_what_it_takes_is_found() -> None:
    seen = tuple(activity(ActivityKind.RETURN, NOW_S - n) for n in range(4))

    result = AgentResponsiveness(KNOWN).measure(snapshot(agent(), activity=seen))

    assert [found.cause for found in result.findings] == ["agent:a1"]


def test_an_agent_that_waits_for_a_person_owes_no_sign_of_life() -> None:
    asking = agent(active_s=NOW_S - 900, waits_on=WaitsOn.PERSON)

    assert AgentResponsiveness(KNOWN).measure(snapshot(asking)).findings == ()


def test_an_operation_that_was_never_seen_may_be_silent_for_ten_minutes() -> None:
    builder = agent(operation_type="build", active_s=NOW_S - 700)

    assert (
        AgentResponsiveness(SilenceThresholds()).measure(snapshot(builder)).findings
        == ()
    )


def test_of_agents_that_wait_for_each_other_one_is_found() -> None:
    circle = (
        agent(waiting_for="a2", waiting_s=NOW_S - 200, operation_s=NOW_S - 300),
        agent("a2", waiting_for="a1", waiting_s=NOW_S - 200, operation_s=NOW_S - 250),
        agent("a3", waiting_for="a1", waiting_s=NOW_S - 200),
    )

    (found,) = CoordinationEfficiency().measure(snapshot(*circle)).findings

    assert (found.cause, found.first_rung) == ("agent:a2", "task_redistribution")


def test_a_reported_result_that_is_missing_is_found_with_its_agent() -> None:
    missing = (MissingResult(task_id="t1", slot="a1", at_s=NOW_S),)

    result = ResultIntegrity().measure(snapshot(agent(), missing=missing))

    assert [found.cause for found in result.findings] == ["agent:a1"]


def test_an_agent_whose_writes_still_fail_does_not_keep_up() -> None:
    failing = (finished("a1", NOW_S - 5), storage_failure("a1", NOW_S))

    assert holds(SLOW, snapshot(agent(), activity=failing), NOW_S - 50) is None


def test_an_agent_that_has_gone_is_not_mended() -> None:
    assert holds(SLOW, snapshot(), NOW_S - 50) is False
    assert holds(finding("agent:a1"), snapshot(), NOW_S - 50) is False


def test_a_repaired_entry_that_is_harmed_again_is_refuted() -> None:
    entry = (EntryState(key="k1", consistent=False),)
    found = finding("key:k1", IssueKind.MEMORY_INCONSISTENCY)

    assert holds(found, snapshot(entries=entry), NOW_S - 15) is False


def test_memory_that_cannot_be_seen_proves_no_repair() -> None:
    found = finding("key:k1", IssueKind.MEMORY_INCONSISTENCY)

    assert holds(found, snapshot(), NOW_S - 60) is None


def test_a_task_that_is_done_needs_no_owner() -> None:
    found = finding("task:t1", IssueKind.COORDINATION_BREAKDOWN)

    assert holds(found, snapshot(tasks=()), NOW_S - 15) is True
    assert holds(found, snapshot(), NOW_S - 15) is None


def test_a_task_back_in_the_queue_with_nobody_on_it_is_mended() -> None:
    found = finding("task:t1", IssueKind.COORDINATION_BREAKDOWN)
    queued = task(status=TaskStatus.QUEUED, owner=None)

    assert holds(found, snapshot(tasks=(queued,)), NOW_S - 15) is True


def test_a_store_that_took_a_write_is_mended() -> None:
    found = finding("store", IssueKind.PERFORMANCE_DEGRADATION)

    assert holds(found, snapshot(activity=(finished("a1", NOW_S),)), NOW_S - 15) is True


def test_a_swarm_progresses_when_everybody_has_finished_something() -> None:
    found = finding("swarm", IssueKind.PERFORMANCE_DEGRADATION)
    done = tuple(finished(slot, NOW_S) for slot in ("a1", "a2"))
    two = (agent(), agent("a2"))

    assert holds(found, snapshot(*two, activity=done[:1]), NOW_S - 15) is None
    assert holds(found, snapshot(*two, activity=done), NOW_S - 15) is True
    assert holds(found, snapshot(*two, tasks=()), NOW_S - 15) is True
