"""Groups the calls between two turns of an agent into one batch of the optimizer."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from toolkit.clock import Clock
from toolkit.records import CoordinationEvent, Outcome, Provenance, Record, record_id
from toolkit.runtime.batching import AdaptiveBatchingOptimizer, RunningBatch
from toolkit.runtime.batching.running import RunningOperation

__all__ = ["CallBatches"]

SOURCE = "toolkit.runtime.adapters"

MIXED = "mixed"
"""Operation type of calls that nothing else is known of."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that runs."""

    agent_id: str
    tool: str
    began_s: float
    operation: RunningOperation


class CallBatches:
    """What every adapter feeds; thread-safe.

    A framework reports turns, and calls that start and end. The first call after a turn
    begins a batch, the next turn (or `close`) ends it: it is learned from and leaves a
    record. Each call that ends leaves a coordination event. Ids of calls are the
    framework's own, unique within it.

    Parameters
    ----------
    optimizer : AdaptiveBatchingOptimizer
    clock : Clock
    observe : callable, optional
        Gets the coordination events: `RuntimeLoop.observe`.
    operation_type : callable, optional
        Names the operation type of a tool; `mixed` unless given.
    """

    def __init__(
        self,
        optimizer: AdaptiveBatchingOptimizer,
        *,
        clock: Clock,
        observe: Callable[[Record], object] | None = None,
        operation_type: Callable[[str], str] | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.operation_type = operation_type
        self._clock = clock
        self._observe = observe
        self._open: dict[str, RunningBatch] = {}
        self._calls: dict[str, _Call] = {}
        self._lock = threading.RLock()
        self._count = 0

    def size(self, operation_type: str = MIXED) -> int:
        """Ask for a batch size.

        Parameters
        ----------
        operation_type : str

        Returns
        -------
        int
            At least 1.
        """
        return self.optimizer.recommend(operation_type).batch_size

    def chunks(
        self, items: Iterable[T], operation_type: str = MIXED
    ) -> Iterator[list[T]]:
        """Cut work into batches; the size is asked for before each.

        Parameters
        ----------
        items : iterable
        operation_type : str

        Yields
        ------
        list
            At least one item each.
        """
        held = iter(items)
        while chunk := list(islice(held, self.size(operation_type))):
            yield chunk

    def turn(self, agent_id: str) -> None:
        """Begin a turn of an agent: what it called since the last one is a batch.

        Parameters
        ----------
        agent_id : str
        """
        with self._lock:
            ended = self._open.pop(agent_id, None)
        if ended is not None:
            ended.__exit__(None, None, None)

    def started(self, agent_id: str, call_id: str, tool: str) -> None:
        """Report that a call started.

        Parameters
        ----------
        agent_id : str
        call_id : str
            What `ended` will name; unique among the calls under way.
        tool : str
            Its name sets the operation type.
        """
        with self._lock:
            batch = self._open.get(agent_id)
            if batch is None:
                name_of = self.operation_type
                kind = MIXED if name_of is None else name_of(tool)
                batch = self.optimizer.batch(kind, agent_id=agent_id)
                self._open[agent_id] = batch
            operation = batch.operation()
            began_s = self._clock.monotonic_s()
            self._calls[call_id] = _Call(agent_id, tool, began_s, operation)
            operation.__enter__()

    def ended(self, call_id: str, error: BaseException | None = None) -> None:
        """Report that a call ended; one that was not reported to start is ignored.

        Parameters
        ----------
        call_id : str
        error : BaseException, optional
            Why it failed; only its type is kept.
        """
        with self._lock:
            call = self._calls.pop(call_id, None)
            if call is None:
                return
            call.operation.__exit__(None if error is None else type(error), error, None)
            self._count += 1
            event = self._event(call, failed=error is not None)
        if self._observe is not None:
            self._observe(event)

    def close(self) -> None:
        """End every open batch."""
        for agent_id in list(self._open):
            self.turn(agent_id)

    def _event(self, call: _Call, *, failed: bool) -> CoordinationEvent:
        at = self._clock.now()
        return CoordinationEvent(
            record_id=record_id(
                SOURCE, call.agent_id, at.isoformat(), str(self._count)
            ),
            at=at,
            source=SOURCE,
            provenance=Provenance.MEASURED,
            agent_id=call.agent_id,
            operation=call.tool,
            action="message",
            duration_s=max(self._clock.monotonic_s() - call.began_s, 0.0),
            outcome=Outcome.FAILED if failed else Outcome.SUCCEEDED,
            has_pre_event=True,
            has_post_event=True,
        )
