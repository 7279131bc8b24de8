"""A batch while it runs: clocks its operations and becomes a record when it ends."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median
from types import TracebackType
from typing import Any, Protocol, Self

from toolkit.errors import UsageError
from toolkit.records import Batch, Provenance, Served, Timing, record_id
from toolkit.runtime.advice import CONTEXT_COLUMNS, SystemLoad
from toolkit.runtime.advice.columns import declared_fields
from toolkit.runtime.batching.execution import CallableBatch, run_async, run_sync
from toolkit.runtime.batching.measurement import MeasuredOperation
from toolkit.runtime.batching.recommendation import BatchRecommendation, Workload

__all__ = ["RunningBatch", "RunningOperation"]

SOURCE = "toolkit.runtime"


class Owner(Protocol):
    """What a running batch asks of the optimizer that made it."""

    def began_s(self, agent_id: str) -> float:
        """Give the start of an agent's cycle: its previous result, where it had one."""
        ...

    def now_s(self) -> float:
        """Read the clock that never runs backwards."""
        ...

    def ended(self, batch: "RunningBatch") -> None:
        """Learn from a batch that ended and keep its record."""
        ...


class RunningOperation:
    """One operation of a running batch, as a context manager (sync and async).

    An exception inside makes it a failed one, and is raised again.
    """

    def __init__(self, batch: "RunningBatch") -> None:
        self._batch = batch
        self._start_s = 0.0

    def __enter__(self) -> Self:
        self._start_s = self._batch.passed_s()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = "succeeded" if kind is None else "failed"
        if kind is not None and issubclass(kind, TimeoutError):
            outcome = "timed_out"
        self._batch.add(
            MeasuredOperation(
                start_s=self._start_s,
                end_s=self._batch.passed_s(),
                outcome=outcome,
                error=None if kind is None else kind.__name__,
            )
        )

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


class RunningBatch:
    """What `optimizer.batch` gives: a size to take, and the clock of what is done.

    Thread-safe as far as its operations go.

    Attributes
    ----------
    size : int
        Operations to put into it.
    recommendation : BatchRecommendation or None
        With everything behind the size.
    operations : list of MeasuredOperation
        Those that ended.
    record : Batch or None
        Once the batch has ended; `None` where nothing was done in it.
    """

    def __init__(
        self,
        owner: Owner,
        operation_type: str,
        *,
        recommendation: BatchRecommendation | None,
        workload: Workload,
        system: SystemLoad,
        agent_id: str,
        workers: int = 1,
    ) -> None:
        self.operation_type = operation_type
        self.recommendation = recommendation
        self.workload = workload
        self.system = system
        self.agent_id = agent_id
        self.workers = workers
        self.operations: list[MeasuredOperation] = []
        self.record: Batch | None = None
        self.cycle_began_s = owner.began_s(agent_id)
        self.entered_s = owner.now_s()
        self.interrupted = False
        self._owner = owner
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Operations to put into the batch."""
        answer = self.recommendation
        return len(self.operations) if answer is None else answer.batch_size

    def passed_s(self) -> float:
        """Seconds since the batch was entered.

        Returns
        -------
        float
        """
        return self._owner.now_s() - self.entered_s

    def operation(self) -> RunningOperation:
        """Clock one operation: ``with batch.operation(): ...``.

        Returns
        -------
        RunningOperation
        """
        return RunningOperation(self)

    def add(self, operation: MeasuredOperation) -> None:
        """Add an operation that was clocked elsewhere; times from entering the batch.

        Parameters
        ----------
        operation : MeasuredOperation
            Its times are seconds since the batch was entered.
        """
        with self._lock:
            self.operations.append(operation)

    def cancel(self, count: int) -> None:
        """Count operations that were given up because another one failed.

        Parameters
        ----------
        count : int
            At least 0.
        """
        at_s = self.passed_s()
        for _ in range(count):
            self.add(MeasuredOperation(start_s=at_s, end_s=at_s, outcome="cancelled"))

    def void(self) -> None:
        """Count what has succeeded as given up: a failure had it undone."""
        with self._lock:
            self.operations = [
                replace(each, outcome="cancelled", error=None)
                if each.outcome == "succeeded"
                else each
                for each in self.operations
            ]

    def run(
        self,
        operations: Sequence[Callable[[], Any]],
        *,
        workers: int = 1,
        atomic: bool = False,
        timeout_s: float | None = None,
    ) -> list[MeasuredOperation]:
        """Run plain callables; what one raises is its outcome.

        Parameters
        ----------
        operations : sequence of callables
            Called without arguments.
        workers : int
            How many may run at once.
        atomic : bool
            The first failure cancels what has not begun.
        timeout_s : float, optional
            Longest time of one operation.

        Returns
        -------
        list of MeasuredOperation
            In the order of `operations`.
        """
        batch = self._callables(operations, workers, atomic=atomic, timeout_s=timeout_s)
        begin_s = self.passed_s()
        return self._added(run_sync(batch, self._owner.now_s), begin_s)

    async def run_async(
        self,
        operations: Sequence[Callable[[], Awaitable[Any]]],
        *,
        workers: int = 1,
        atomic: bool = False,
        timeout_s: float | None = None,
    ) -> list[MeasuredOperation]:
        """Run callables that return awaitables; otherwise as `run`.

        Parameters
        ----------
        operations : sequence of callables
            Called without arguments; each gives an awaitable.
        workers : int
            How many may run at once.
        atomic : bool
            The first failure cancels what has not begun.
        timeout_s : float, optional
            Longest time of one operation.

        Returns
        -------
        list of MeasuredOperation
            In the order of `operations`.
        """
        batch = self._callables(operations, workers, atomic=atomic, timeout_s=timeout_s)
        begin_s = self.passed_s()
        return self._added(await run_async(batch, self._owner.now_s), begin_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.interrupted = kind is not None and not issubclass(kind, Exception)
        self._owner.ended(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def _callables(
        self,
        operations: Sequence[Callable[[], Any]],
        workers: int,
        *,
        atomic: bool,
        timeout_s: float | None,
    ) -> CallableBatch:
        self.workers = workers
        return CallableBatch(
            operation_type=self.operation_type,
            operations=operations,
            workers=workers,
            atomic=atomic,
            timeout_s=timeout_s,
        )

    def _added(
        self, operations: list[MeasuredOperation], begin_s: float
    ) -> list[MeasuredOperation]:
        for each in operations:
            self.add(
                MeasuredOperation(
                    start_s=begin_s + each.start_s,
                    end_s=begin_s + each.end_s,
                    outcome=each.outcome,
                    error=each.error,
                )
            )
        return operations

    def to_record(
        self,
        *,
        at: datetime,
        parts: Sequence[str],
        session_id: str | None,
        memory_delta_bytes: int | None = None,
        read_share: float | None = None,
    ) -> Batch:
        """Write the record of the batch.

        Parameters
        ----------
        at : datetime
            When the batch was entered, aware.
        parts : sequence of str
            What identifies it.
        session_id : str or None
        memory_delta_bytes : int, optional
        read_share : float, optional

        Returns
        -------
        Batch

        Raises
        ------
        UsageError
            Nothing was done in it.
        """
        if not self.operations:
            raise UsageError("a batch without an operation has no record")
        ran = [each for each in self.operations if each.end_s > each.start_s]
        durations = [each.end_s - each.start_s for each in ran]
        first_s = min((each.start_s for each in ran), default=0.0)
        last_s = max(each.end_s for each in self.operations)
        execution_s, size = max(last_s - first_s, 0.0), len(self.operations)
        lead_s = self.entered_s - self.cycle_began_s
        counts = [each.outcome for each in self.operations]
        answer = self.recommendation
        return Batch(
            record_id=record_id(SOURCE, *parts),
            at=at,
            source=SOURCE,
            provenance=Provenance.MEASURED,
            operation_type=self.operation_type,
            size=size,
            session_id=session_id,
            agent_id=self.agent_id,
            read_share=read_share,
            operation_bytes=_number(self.workload, "operation_bytes"),
            failure_rate=_number(self.workload, "failure_rate"),
            timing=Timing.CALL,
            cycle_s=lead_s + last_s,
            execution_s=execution_s,
            turn_s=max(lead_s + first_s, 0.0),
            operations_s=sum(durations),
            longest_s=max(durations, default=0.0),
            median_s=median(durations) if durations else None,
            censored=self.interrupted,
            succeeded=counts.count("succeeded"),
            failed=counts.count("failed") + counts.count("timed_out"),
            cancelled=counts.count("cancelled"),
            siblings=counts.count("cancelled"),
            parallelism=_parallelism(durations, execution_s, size, self.workers),
            workers=self.workers,
            memory_delta_bytes=memory_delta_bytes,
            load_cpu=self.system.cpu,
            load_memory=self.system.memory,
            load_io=self.system.io,
            active_agents=self.workload.agents,
            policy=None if answer is None else answer.policy,
            policy_version=None if answer is None else answer.policy_version,
            propensity=None if answer is None else answer.propensity,
            served=None if answer is None else _served(answer, size),
            **declared_fields(
                self.workload.context or {}, own=CONTEXT_COLUMNS["batch_size"]
            ),
        )


def _number(workload: Workload, column: str) -> float | None:
    value = (workload.context or {}).get(column)
    return value if isinstance(value, (int, float)) else None


def _served(answer: BatchRecommendation, size: int) -> Served:
    if size != answer.batch_size:
        return Served.DECLINED
    return Served.EXPLORED if answer.propensity < 1 else Served.ADVISED


def _parallelism(
    durations: Sequence[float], execution_s: float, size: int, workers: int
) -> float | None:
    if execution_s <= 0:
        return None
    return min(sum(durations) / execution_s / min(size, max(workers, 1)), 1.0)
