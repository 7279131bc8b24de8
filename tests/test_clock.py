"""Time that can be moved."""

import datetime as dt

import anyio
import pytest

from toolkit.clock import Clock, SystemClock, VirtualClock
from toolkit.errors import UsageError

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock(START)])
def test_it_is_a_clock_in_utc(clock: Clock) -> None:
    assert isinstance(clock, Clock)
    assert clock.now().utcoffset() == dt.timedelta(0)


def test_a_virtual_clock_stands_still() -> None:
    clock = VirtualClock(START)

    assert clock.now() == clock.now() == START


def test_moving_moves_both_times() -> None:
    clock = VirtualClock(START)

    clock.move(2.5)

    assert (clock.now() - START, clock.monotonic_s()) == (
        dt.timedelta(seconds=2.5),
        2.5,
    )


@pytest.mark.parametrize("step_s", [-1.0, float("nan"), float("inf")])
def test_time_does_not_move_oddly(step_s: float) -> None:
    with pytest.raises(UsageError, match="forwards"):
        VirtualClock(START).move(step_s)


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="aware"):
        VirtualClock(dt.datetime(2026, 1, 5))  # noqa: DTZ001 - that is what is refused


def test_sleepers_wake_at_their_deadlines_in_order() -> None:
    clock = VirtualClock(START)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, duration_s: float) -> None:
        await clock.sleep(duration_s)
        woken.append((name, clock.monotonic_s()))

    async def scene() -> None:
        async with anyio.create_task_group() as group:
            for name, duration_s in (("late", 5.0), ("soon", 1.0), ("now", 0.0)):
                group.start_soon(sleeper, name, duration_s)
            await clock.advance(10)

    anyio.run(scene)

    assert woken == [("now", 0.0), ("soon", 1.0), ("late", 5.0)]


def test_who_sleeps_again_is_woken_again() -> None:
    clock = VirtualClock(START)
    ticks: list[float] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(3)
            ticks.append(clock.monotonic_s())

    async def scene() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ticker)
            await clock.advance(10)
            group.cancel_scope.cancel()

    anyio.run(scene)

    assert ticks == [3.0, 6.0, 9.0]


def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock(START)

    async def scene() -> int:
        async with anyio.create_task_group() as group:
            group.start_soon(clock.sleep, 3)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        return clock.sleepers

    assert anyio.run(scene) == 0


def test_system_sleep_returns() -> None:
    anyio.run(SystemClock().sleep, -1.0)

    assert SystemClock().monotonic_s() <= SystemClock().monotonic_s()
