"""Where records go: the contract, and the queue that keeps a slow one out of the way."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from toolkit.errors import UsageError
from toolkit.records import Record

if TYPE_CHECKING:
    from toolkit.runtime.coordination.report import OverallCoordination

__all__ = [
    "FanOut",
    "FigureSink",
    "LiveFigures",
    "QueuedSink",
    "Sink",
    "SinkStatistics",
]


@runtime_checkable
class Sink(Protocol):
    """Takes every record the runtime emits.

    A sink may be called from any one thread at a time. What `emit` raises is its own
    trouble: `QueuedSink` counts it and goes on.
    """

    def emit(self, record: Record, /) -> None:
        """Take one record.

        Parameters
        ----------
        record : Record
            Not changed afterwards; the sink may keep it.
        """
        ...

    def close(self) -> None:
        """Write what is held back and let go of everything; twice is once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatistics:
    """What became of the records a queued sink was given.

    Attributes
    ----------
    accepted, dropped, delivered, failed : int
        Taken into the queue; refused since it was full; passed on; passed on and failed.
    waiting : int
        Still in the queue.
    last_error : str or None
        Type of the latest failure; never its text, which may quote what failed.
    """

    accepted: int
    dropped: int
    delivered: int
    failed: int
    waiting: int
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFigures:
    """What a loop knows beside its records, now; what is not known is absent.

    Attributes
    ----------
    overall : OverallCoordination or None
        Of the coordination monitor.
    model_ages_s : mapping of str to float
        Seconds since the bundle behind each decision was made.
    fallbacks : mapping of str to int
        Decisions that the rule answered, by the code of their reason.
    sinks : mapping of str to SinkStatistics
    """

    overall: "OverallCoordination | None" = None
    model_ages_s: Mapping[str, float] = field(default_factory=dict)
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    sinks: Mapping[str, SinkStatistics] = field(default_factory=dict)


@runtime_checkable
class FigureSink(Protocol):
    """A sink that shows live figures too; a `RuntimeLoop` has it watch itself."""

    def watch(self, read: Callable[[], LiveFigures], /) -> None:
        """Read the figures whenever they are shown.

        Parameters
        ----------
        read : callable
            Gives the figures of now; called from the sink's thread.
        """
        ...


class QueuedSink:
    """Stands before a sink that may be slow, block or fail, and never waits for it.

    One daemon thread passes the records on. A full queue drops the newest record and
    counts it, so the caller's cost is bounded whatever the sink does; a sink that hangs
    for ever does not keep the process alive.

    Parameters
    ----------
    sink : Sink
    capacity : int
        Records held at most, 1 or more.

    Examples
    --------
    >>> from toolkit.runtime.sinks import MemorySink
    >>> sink = QueuedSink(MemorySink(), capacity=10)
    >>> sink.close()
    >>> sink.statistics().dropped
    0
    """

    def __init__(self, sink: Sink, *, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise UsageError(f"`capacity` must be 1 or more, got {capacity}")
        self._sink = sink
        self._queue: queue.Queue[Record | None] = queue.Queue(capacity)
        self._accepted = 0
        self._dropped = 0
        self._delivered = 0
        self._failed = 0
        self._last_error: str | None = None
        self._closed = False
        self._thread = threading.Thread(
            target=self._deliver, name=f"sink-{type(sink).__name__}", daemon=True
        )
        self._thread.start()

    def emit(self, record: Record, /) -> None:
        """Put a record in the queue, or count it as dropped."""
        if self._closed:
            self._dropped += 1
            return
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1
        else:
            self._accepted += 1

    def watch(self, read: Callable[[], LiveFigures]) -> None:
        """Have the sink behind the queue show live figures, if it does."""
        if isinstance(self._sink, FigureSink):
            self._sink.watch(read)

    def close(self, *, timeout_s: float = 5.0) -> None:
        """Pass on what is waiting, but wait for it no longer than the timeout.

        Parameters
        ----------
        timeout_s : float
            Seconds.
        """
        if self._closed:
            return
        self._closed = True
        deadline_s = time.monotonic() + timeout_s
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return  # the sink hangs: what waits is lost, and `statistics` says so
        self._thread.join(max(0.0, deadline_s - time.monotonic()))

    def statistics(self) -> SinkStatistics:
        """Tell what became of the records so far.

        Returns
        -------
        SinkStatistics
        """
        return SinkStatistics(
            accepted=self._accepted,
            dropped=self._dropped,
            delivered=self._delivered,
            failed=self._failed,
            waiting=self._accepted - self._delivered - self._failed,
            last_error=self._last_error,
        )

    def _deliver(self) -> None:
        while (record := self._queue.get()) is not None:
            try:
                self._sink.emit(record)
            except Exception as error:  # noqa: BLE001 - an exporter may raise anything; it is counted and its type kept
                self._failed += 1
                self._last_error = type(error).__name__
            else:
                self._delivered += 1
        self._sink.close()


class FanOut:
    """Passes every record to several sinks in turn.

    Parameters
    ----------
    sinks : iterable of Sink
        The record spool first, so that it has the record whatever comes after.

    Examples
    --------
    >>> from toolkit.runtime.sinks import MemorySink
    >>> FanOut([MemorySink(), MemorySink()]).close()
    """

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, record: Record, /) -> None:
        """Pass a record to each."""
        for sink in self._sinks:
            sink.emit(record)

    def close(self) -> None:
        """Close each."""
        for sink in self._sinks:
            sink.close()
