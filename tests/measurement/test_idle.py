from collections.abc import Callable, Iterator
from time import perf_counter

import pytest

from toolkit.measurement.idle import Calm
from toolkit.measurement.load import Utilisation


def seen(cpu: float, io: float | None = 0.0) -> Utilisation:
    return Utilisation(
        cpu=cpu, memory=0.5, io=io, memory_total_bytes=8, memory_used_bytes=4
    )


def observing(*views: Utilisation) -> Callable[[], Utilisation]:
    left: Iterator[Utilisation] = iter(views)
    return lambda: next(left)


def test_a_calm_machine_is_not_waited_for() -> None:
    calm = Calm(5.0, observing(seen(0.1)))

    assert (calm.wait(), calm.left_s) == (True, 5.0)


@pytest.mark.parametrize("busy", [seen(0.9), seen(0.1, 0.9)], ids=["cpu", "disk"])
def test_a_busy_machine_is_waited_for(busy: Utilisation) -> None:
    assert Calm(5.0, observing(busy, busy, seen(0.1))).wait()


def test_a_disk_that_does_not_tell_counts_as_calm() -> None:
    assert Calm(5.0, observing(seen(0.1, None))).wait()


def test_patience_runs_out() -> None:
    def busy() -> Utilisation:
        started_s = perf_counter()
        while perf_counter() - started_s < 0.001:
            pass
        return seen(1.0)

    assert not Calm(0.05, busy).wait()


def test_one_wait_leaves_patience_for_the_next() -> None:
    def busy() -> Utilisation:
        started_s = perf_counter()
        while perf_counter() - started_s < 0.001:
            pass
        return seen(1.0)

    calm = Calm(5.0, busy)
    calm.wait()

    assert calm.left_s > 1.0


def test_without_patience_nothing_is_observed() -> None:
    assert not Calm(0.0, observing()).wait()
