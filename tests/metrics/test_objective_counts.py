"""One definition of each objective: what counts, and what does not."""

import datetime as dt
from collections import Counter
from typing import Any

from toolkit.metrics import ObjectiveCounter
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Provenance,
    Record,
    Recovery,
    Workflow,
)

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def shared(number: int, at_s: float) -> dict[str, Any]:
    return {
        "record_id": f"r{number}",
        "at": START + dt.timedelta(seconds=at_s),
        "source": "test",
        "provenance": Provenance.MEASURED,
        "session_id": "s",
    }


def batch(number: int, at_s: float, agent: str, **given: Any) -> Batch:
    known: dict[str, Any] = {
        "agent_id": agent,
        "operation_type": "shell",
        "size": 1,
        "execution_s": 10.0,
        **given,
    }
    return Batch(**shared(number, at_s), **known)


def counted(records: list[Record], objective: str) -> tuple[int, int]:
    counter, total = ObjectiveCounter(), Counter[str]()
    for record in records:
        for count in counter.add(record):
            if count.objective == objective:
                total["successes"] += count.successes
                total["count"] += count.trials
    return total["successes"], total["count"]


def parallel(*records: Record) -> tuple[int, int]:
    return counted(list(records), "parallel_execution_rate")


def test_shell_batches_of_two_agents_at_one_time_are_parallel() -> None:
    assert parallel(batch(1, 0, "a"), batch(2, 5, "b")) == (2, 2)


def test_batches_of_one_agent_are_not_parallel_to_each_other() -> None:
    assert parallel(batch(1, 0, "a"), batch(2, 5, "a")) == (0, 2)


def test_a_parent_that_waits_is_not_parallel_to_its_child() -> None:
    spawn = batch(1, 0, "main", operation_type="taskSpawning", execution_s=60.0)

    assert parallel(spawn, batch(2, 5, "child")) == (0, 2)


def test_calls_of_one_batch_that_overlapped_are_parallel() -> None:
    assert parallel(batch(1, 0, "a", size=3, operations_s=25.0)) == (3, 3)


def test_failed_runs_lower_the_reliability() -> None:
    wave = Workflow(
        **shared(1, 0),
        agents=3,
        runs=4,
        runs_succeeded=2,
        runs_failed=1,
        runs_refused=1,
    )

    assert counted([wave], "workflow_reliability") == (2, 3)


def access(number: int, at_s: float, agent: str, action: str, **given: Any) -> Record:
    return CoordinationEvent(
        **shared(number, at_s),
        agent_id=agent,
        operation="op",
        action=action,
        memory_key="k",
        **given,
    )


def test_an_access_without_versions_is_no_check() -> None:
    rows = [access(1, 0, "a", "write"), access(2, 1, "b", "read")]

    assert counted(rows, "memory_consistency") == (0, 0)


def test_a_read_of_an_older_version_is_inconsistent() -> None:
    rows = [
        access(1, 0, "a", "write", version=2),
        access(2, 1, "b", "read", version_seen=1),
        access(3, 2, "b", "read", version_seen=2),
    ]

    assert counted(rows, "memory_consistency") == (1, 2)


def recovery(number: int, held: bool | None) -> Recovery:
    return Recovery(
        **shared(number, number),
        issue="stuck_agent",
        rung="r",
        action="r",
        healing_id="h",
        post_condition=held,
    )


def test_an_issue_counts_by_its_latest_post_condition() -> None:
    name = "self_healing_effectiveness"
    healed = [recovery(1, None), recovery(2, False), recovery(3, True)]

    assert counted([*healed], name) == (1, 1)
    assert counted([*healed, recovery(4, False)], name) == (0, 1)
