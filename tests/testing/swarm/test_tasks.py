from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from toolkit.testing.swarm.tasks import TaskCounts, TaskQueue, open_memory


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[TaskQueue]:
    with closing(open_memory(tmp_path)) as memory:
        queue = TaskQueue(memory)
        queue.fill(5)
        yield queue


def test_no_task_is_handed_out_twice(queue: TaskQueue) -> None:
    assert queue.take("a", 3) == [1, 2, 3]
    assert queue.take("b", 3) == [4, 5]
    assert queue.take("c", 1) == []
    assert queue.counts() == TaskCounts(done=0, held=5, waiting=0)


def test_what_is_given_back_goes_to_another_and_what_is_done_stays(
    queue: TaskQueue,
) -> None:
    queue.take("a", 2)
    queue.finish("a")
    queue.take("a", 2)

    assert queue.give_back("a") == 2
    assert queue.take("b", 9) == [3, 4, 5]
    assert queue.counts() == TaskCounts(done=2, held=3, waiting=0)


def test_only_who_finished_a_task_has_done_it(queue: TaskQueue) -> None:
    queue.take("a", 1)
    queue.give_back("a")
    queue.take("b", 1)
    before = queue.was_done_by("b", 1)
    queue.finish("b")

    assert [before, queue.was_done_by("a", 1), queue.was_done_by("b", 1)] == [
        False,
        False,
        True,
    ]


def test_a_second_connection_sees_the_same_tasks(
    queue: TaskQueue, tmp_path: Path
) -> None:
    with closing(open_memory(tmp_path)) as other:
        assert TaskQueue(other).take("b", 1) == [1]
    assert queue.take("a", 1) == [2]
