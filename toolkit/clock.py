"""Time, passed in: the only file that reads the machine's clock."""

import datetime as dt
import heapq
import itertools
import time
from typing import Protocol, runtime_checkable

import anyio

from toolkit.errors import UsageError

__all__ = ["Clock", "SystemClock", "VirtualClock"]


@runtime_checkable
class Clock(Protocol):
    """What the runtime asks for time."""

    def now(self) -> dt.datetime:
        """Return the wall clock, aware and in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, from an arbitrary start."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait for a duration of this clock's time; negative waits for nothing."""
        ...


class SystemClock:
    """The machine's clock.

    Examples
    --------
    >>> SystemClock().now().tzinfo
    datetime.timezone.utc
    """

    def now(self) -> dt.datetime:
        """Return the wall clock, aware and in UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, from an arbitrary start."""
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """Wait for real time to pass; other tasks run meanwhile."""
        await anyio.sleep(max(0.0, duration_s))


class VirtualClock:
    """A clock that stands still until it is moved: tests and replays run in no time.

    Sleepers wake in the order of their deadlines; of two with one deadline the first
    to fall asleep wakes first. For use within one event loop.

    Parameters
    ----------
    start : datetime
        Aware; converted to UTC.

    Raises
    ------
    UsageError
        The start has no time zone.

    Examples
    --------
    >>> clock = VirtualClock(dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    >>> clock.move(90)
    >>> clock.now().isoformat(), clock.monotonic_s()
    ('2026-01-05T00:01:30+00:00', 90.0)
    """

    def __init__(self, start: dt.datetime) -> None:
        if start.tzinfo is None:
            raise UsageError(f"`start` must be aware, got {start}; give tzinfo=UTC")
        self._start = start.astimezone(dt.UTC)
        self._elapsed_s = 0.0
        self._order = itertools.count()
        self._asleep: list[tuple[float, int, anyio.Event]] = []

    @property
    def sleepers(self) -> int:
        """How many tasks wait for this clock to be moved."""
        return len(self._asleep)

    def now(self) -> dt.datetime:
        """Return the virtual wall clock, aware and in UTC."""
        return self._start + dt.timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Return the seconds moved so far."""
        return self._elapsed_s

    def move(self, duration_s: float) -> None:
        """Let time pass at once and mark every sleeper whose deadline came as awake.

        Outside an event loop nothing can be asleep. Inside one, prefer `advance`,
        which also lets the woken tasks run.

        Raises
        ------
        UsageError
            The duration is negative or not finite.
        """
        if not 0 <= duration_s < float("inf"):
            raise UsageError(f"time moves forwards by a finite step, got {duration_s}")
        self._move_to(self._elapsed_s + duration_s)

    async def advance(self, duration_s: float) -> None:
        """Let time pass, stopping at each deadline so that its sleeper runs then.

        A task that wakes and sleeps again within the duration is woken again.

        Raises
        ------
        UsageError
            The duration is negative or not finite.
        """
        target_s = self._elapsed_s + duration_s
        self.move(0.0)
        await _let_others_run()
        while self._asleep and self._asleep[0][0] <= target_s:
            self._move_to(self._asleep[0][0])
            await _let_others_run()
        self.move(max(0.0, target_s - self._elapsed_s))
        await _let_others_run()

    async def sleep(self, duration_s: float) -> None:
        """Wait until the clock has been moved past the deadline."""
        if duration_s <= 0:
            await anyio.lowlevel.checkpoint()
            return
        woken = anyio.Event()
        entry = (self._elapsed_s + duration_s, next(self._order), woken)
        heapq.heappush(self._asleep, entry)
        try:
            await woken.wait()
        finally:
            if not woken.is_set():  # cancelled: there is nothing to wake
                self._asleep.remove(entry)
                heapq.heapify(self._asleep)

    def _move_to(self, elapsed_s: float) -> None:
        self._elapsed_s = elapsed_s
        while self._asleep and self._asleep[0][0] <= elapsed_s:
            heapq.heappop(self._asleep)[2].set()


SETTLING_ROUNDS = 20
"""Turns of the event loop that woken tasks get before the clock moves on."""


async def _let_others_run() -> None:
    for _ in range(SETTLING_ROUNDS):
        await anyio.lowlevel.checkpoint()
