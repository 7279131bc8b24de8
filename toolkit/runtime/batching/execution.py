"""Runs a batch of callables, sync or async, and clocks each operation."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.runtime.batching.measurement import MeasuredOperation

__all__ = ["CallableBatch", "run_async", "run_sync"]

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallableBatch:
    """Operations to run together.

    Parameters
    ----------
    operation_type : str
    operations : sequence of callables
        Called without arguments; all plain, or all returning awaitables.
    workers : int
        How many may run at once, at least 1.
    atomic : bool
        The first failure cancels the operations that have not begun.
    timeout_s : float or None
        Longest time one operation may take; one that takes longer counts as timed out
        (a thread cannot be stopped: it is left behind, and its result is not used).
    read_share : float or None
        Share of operations that only read, 0 to 1.
    """

    operation_type: str
    operations: Sequence[Callable[[], Any]]
    workers: int = 1
    atomic: bool = False
    timeout_s: float | None = None
    read_share: float | None = None

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        if not self.operations or self.workers < 1:
            raise UsageError(
                "a batch needs at least one operation and one worker; got "
                f"{len(self.operations)} and {self.workers}"
            )


def run_sync(batch: CallableBatch, seconds: Seconds) -> list[MeasuredOperation]:
    """Run plain callables; every exception of theirs is an outcome.

    One worker without a time limit runs them on the calling thread, others on threads.

    Parameters
    ----------
    seconds : callable
        A clock that does not run backwards.
    """
    if batch.workers == 1 and batch.timeout_s is None:
        return _run_here(batch, seconds)
    begin_s = seconds()
    stop = threading.Event()
    pool = ThreadPoolExecutor(max_workers=min(batch.workers, len(batch.operations)))
    starts: dict[int, float] = {}

    def one(index: int) -> MeasuredOperation:
        if stop.is_set():
            return _cancelled(seconds() - begin_s)
        starts[index] = seconds() - begin_s
        error = None
        try:
            batch.operations[index]()
        except Exception as raised:  # noqa: BLE001 - the work is not ours: what it raises is its outcome
            error = type(raised).__name__
            if batch.atomic:
                stop.set()
        return _measured(starts[index], seconds() - begin_s, error, batch.timeout_s)

    futures = [pool.submit(one, index) for index in range(len(batch.operations))]
    try:
        _wait_for(futures, starts, batch, seconds, begin_s)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [
        _result(future, starts.get(index), seconds() - begin_s)
        for index, future in enumerate(futures)
    ]


def _run_here(batch: CallableBatch, seconds: Seconds) -> list[MeasuredOperation]:
    begin_s, stopped = seconds(), False
    ran: list[MeasuredOperation] = []
    for operation in batch.operations:
        start_s = seconds() - begin_s
        if stopped:
            ran.append(_cancelled(start_s))
            continue
        error = None
        try:
            operation()
        except Exception as raised:  # noqa: BLE001 - the work is not ours: what it raises is its outcome
            error = type(raised).__name__
            stopped = batch.atomic
        ran.append(_measured(start_s, seconds() - begin_s, error, None))
    return ran


async def run_async(batch: CallableBatch, seconds: Seconds) -> list[MeasuredOperation]:
    """Run callables that return awaitables, at most `workers` at once."""
    begin_s = seconds()
    gate = asyncio.Semaphore(batch.workers)
    failed = asyncio.Event()

    async def one(make: Callable[[], Awaitable[Any]]) -> MeasuredOperation:
        async with gate:
            start_s = seconds() - begin_s
            if failed.is_set():
                return _cancelled(start_s)
            error = None
            try:
                await asyncio.wait_for(_awaitable(make()), batch.timeout_s)
            except TimeoutError:
                return MeasuredOperation(
                    start_s=start_s, end_s=seconds() - begin_s, outcome="timed_out"
                )
            except UsageError:
                raise
            except Exception as raised:  # noqa: BLE001 - the work is not ours: what it raises is its outcome
                error = type(raised).__name__
                if batch.atomic:
                    failed.set()
            return _measured(start_s, seconds() - begin_s, error, None)

    return list(await asyncio.gather(*map(one, batch.operations)))


def _awaitable(made: object) -> Awaitable[Any]:
    if not inspect.isawaitable(made):
        raise UsageError(
            "an async batch needs operations that return awaitables; got "
            f"{type(made).__name__}; use `measure` for plain callables"
        )
    return made


def _wait_for(
    futures: Sequence["Future[MeasuredOperation]"],
    starts: dict[int, float],
    batch: CallableBatch,
    seconds: Seconds,
    begin_s: float,
) -> None:
    """Wait until every operation has ended or has run out of time."""
    pending = set(futures)
    while pending:
        _, pending = wait(
            pending, timeout=_patience(batch), return_when=FIRST_COMPLETED
        )
        if batch.timeout_s is None:
            continue
        now_s = seconds() - begin_s
        running = [
            starts[index]
            for index, future in enumerate(futures)
            if future in pending and index in starts
        ]
        late = [now_s - start >= batch.timeout_s for start in running]
        if late and all(late) and len(late) >= min(batch.workers, len(pending)):
            return  # every worker is stuck: what has not begun never will


def _patience(batch: CallableBatch) -> float | None:
    return None if batch.timeout_s is None else max(batch.timeout_s / 4, 0.001)


def _result(
    future: "Future[MeasuredOperation]", start_s: float | None, now_s: float
) -> MeasuredOperation:
    if future.done() and not future.cancelled():
        return future.result()
    if start_s is None:
        return _cancelled(now_s)
    return MeasuredOperation(start_s=start_s, end_s=now_s, outcome="timed_out")


def _measured(
    start_s: float, end_s: float, error: str | None, timeout_s: float | None
) -> MeasuredOperation:
    outcome = "succeeded" if error is None else "failed"
    if timeout_s is not None and end_s - start_s > timeout_s:
        outcome = "timed_out"
    return MeasuredOperation(start_s=start_s, end_s=end_s, outcome=outcome, error=error)


def _cancelled(at_s: float) -> MeasuredOperation:
    return MeasuredOperation(start_s=at_s, end_s=at_s, outcome="cancelled")
