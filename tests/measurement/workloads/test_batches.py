"""One suite for every batch workload: what they cost differs, what they promise not."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from toolkit.measurement.workloads.batch_workload import (
    Attempt,
    BatchVariant,
    BatchWorkload,
)
from toolkit.measurement.workloads.catalogue import batch_workloads
from toolkit.measurement.workloads.file_operations import FileOperations
from toolkit.measurement.workloads.task_spawning import TaskSpawning
from toolkit.measurement.workloads.todo_writes import TodoWrites


def variant(name: str, *, agents: int = 1) -> BatchVariant:
    return BatchVariant(
        name=name,
        operation_type="fileOperations",
        operation_bytes=3000,
        read_share=0.4,
        failure_rate=0.2,
        agents=agents,
        workers=4,
    )


MAKERS: dict[str, Callable[[], BatchWorkload]] = {
    "files": lambda: FileOperations(variant("files")),
    "todos": lambda: TodoWrites(variant("todos"), list_length=20, payload_bytes=3000),
    "todos that spill": lambda: TodoWrites(
        variant("spill"), list_length=20, payload_bytes=3000, cache_pages=2
    ),
    "todos with a rival": lambda: TodoWrites(
        variant("rival", agents=2), list_length=20, payload_bytes=3000
    ),
    "tasks": lambda: TaskSpawning(variant("tasks"), work_bytes=1000, result_bytes=100),
}


@pytest.fixture(params=MAKERS)
def workload(request: pytest.FixtureRequest, tmp_path: Path) -> BatchWorkload:
    made = MAKERS[request.param]()
    made.prepare(tmp_path / "work")
    return made


def attempts(workload: BatchWorkload, size: int, failing: set[int]) -> list[Attempt]:
    workload.reset(failing)
    try:
        return [workload.attempt(range(size)) for _ in range(1 + len(failing))]
    finally:
        workload.release()


def test_an_undisturbed_batch_succeeds_as_a_whole(workload: BatchWorkload) -> None:
    (only,) = attempts(workload, 5, set())

    assert (only.succeeded, only.failed, only.cancelled) == (5, 0, 0)


def test_a_failing_operation_takes_its_siblings_along(workload: BatchWorkload) -> None:
    first, _ = attempts(workload, 5, {3})

    assert (first.succeeded, first.failed, first.cancelled) == (0, 1, 4)


def test_what_failed_succeeds_when_it_is_tried_again(workload: BatchWorkload) -> None:
    _, second = attempts(workload, 5, {3})

    assert (second.succeeded, second.failed, second.cancelled) == (5, 0, 0)


def test_outcomes_add_up_to_the_size(workload: BatchWorkload) -> None:
    for attempt in attempts(workload, 6, {0, 4}):
        total = attempt.succeeded + attempt.failed + attempt.cancelled

        assert total == 6


def test_a_reset_forgets_what_was_done(workload: BatchWorkload) -> None:
    attempts(workload, 5, {1})
    first, _ = attempts(workload, 5, {1})

    assert first.failed == 1


def test_operations_are_clocked_inside_the_batch(workload: BatchWorkload) -> None:
    (only,) = attempts(workload, 3, set())

    assert 0 < max(only.durations_s) <= only.ended_s - only.began_s


def test_no_process_is_left_behind(workload: BatchWorkload) -> None:
    attempts(workload, 3, set())

    assert psutil.Process().children(recursive=True) == []


def test_a_taken_back_write_set_leaves_the_files_as_they_were(tmp_path: Path) -> None:
    workload = FileOperations(variant("files"))
    workload.prepare(tmp_path / "work")
    workload.reset(set())
    before = {p.name: p.read_bytes() for p in (tmp_path / "work").glob("file-*")}
    workload.reset({4})
    workload.attempt(range(5))
    after = {p.name: p.read_bytes() for p in (tmp_path / "work").glob("file-*")}

    assert {n for n in after if after[n] != before.get(n)} == {"file-4"}


def test_rivals_that_hold_the_lock_are_waited_for(tmp_path: Path) -> None:
    workload = TodoWrites(
        variant("rival", agents=3), list_length=20, payload_bytes=3000
    )
    workload.prepare(tmp_path / "work")
    workload.reset(set())
    waits = [workload.attempt(range(n, n + 1)).waited_s for n in range(20)]
    workload.release()

    assert max(waits) > 0


def test_every_catalogued_variant_has_a_name_of_its_own() -> None:
    names = [workload.variant.name for workload in batch_workloads()]

    assert len(set(names)) == len(names)


def test_complexity_grows_with_sharing_and_crowding() -> None:
    alone = variant("alone").coordination_complexity
    crowded = variant("crowded", agents=6).coordination_complexity

    assert alone < crowded < 1


def test_catalogued_workloads_use_the_types_of_the_rules() -> None:
    types = {workload.variant.operation_type for workload in batch_workloads()}

    assert types == {"fileOperations", "taskSpawning", "todoWrite"}


def test_a_child_that_raises_ends_with_code_one_and_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    from toolkit.measurement.child import Child

    def fails() -> None:
        raise ValueError("inside")

    code = Child.start(fails).wait()

    assert (code, capfd.readouterr().err) == (1, "")


def test_a_killed_child_is_reaped() -> None:
    from toolkit.measurement.child import Child

    reader, writer = os.pipe()
    child = Child.start(lambda: sys.exit(len(os.read(reader, 1))))
    child.kill()
    os.close(reader)
    os.close(writer)

    assert child.wait() == -9
