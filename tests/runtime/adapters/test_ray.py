"""The wrapper of a real Ray actor, in a local Ray of its own."""

from collections.abc import Iterator

import pytest

pytest.importorskip("ray", reason="`make adapters` installs it")

import ray

from tests.runtime.adapters.bench import Bench
from tests.runtime.adapters.documented import batches, operations, run_example
from toolkit.runtime.adapters.ray import BatchedActor

# Ray starts a cluster of processes.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def local_ray() -> Iterator[None]:
    ray.init(num_cpus=1, include_dashboard=False)
    yield
    ray.shutdown()


def test_the_documented_actor_is_called_in_batches_of_the_recommended_size() -> None:
    names = run_example("Ray")

    assert names["answers"] == [1, 2, 3, 4, 1]
    assert batches(names) == [(3, 3), (2, 2)]
    assert operations(names) == {"length"}


@pytest.mark.usefixtures("local_ray")
def test_a_call_that_raises_is_a_failure_and_stands_in_its_place() -> None:
    class Divider:
        def divide(self, number: int) -> float:
            return 6 / number

    bench = Bench()
    divider = BatchedActor(ray.remote(Divider).remote(), bench.calls)

    first, second = divider.map("divide", [2, 0], "shell")

    assert first == 3
    assert isinstance(second, ZeroDivisionError)
    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [(2, 1, 1)]
