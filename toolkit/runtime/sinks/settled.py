"""Hands a record on once it no longer grows."""

import threading
from collections import OrderedDict

from toolkit.records import Record
from toolkit.runtime.sinks.base import Sink

__all__ = ["SettledSink"]

REMEMBERED = 100_000
"""Ids of records that were handed on; one that comes again after so many is counted twice."""


class SettledSink:
    """Gives each record to another sink once, when it has stopped growing.

    A batch that is still joined from signals comes again and again, each time fuller,
    while a counter can only count it once. `settle`, called after each round, hands on
    what did not change in it.

    Thread-safe.

    Parameters
    ----------
    sink : Sink

    Examples
    --------
    >>> from toolkit.runtime.sinks import MemorySink
    >>> counted = MemorySink()
    >>> settled = SettledSink(counted)
    >>> settled.settle(), len(counted.kept)
    (0, 0)
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lock = threading.RLock()
        self._waiting: dict[tuple[str, str], Record] = {}
        self._changed: set[tuple[str, str]] = set()
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    def emit(self, record: Record, /) -> None:
        """Note a record, or a fuller copy of it."""
        name = (record.kind, record.record_id)  # a batch shares its id with an event
        with self._lock:
            if name in self._done or self._waiting.get(name) == record:
                return
            self._waiting[name] = record
            self._changed.add(name)

    def settle(self) -> int:
        """Hand on what has not changed since the last call.

        Returns
        -------
        int
            Records handed on.
        """
        with self._lock:
            ready = [name for name in self._waiting if name not in self._changed]
            self._changed.clear()
            for name in ready:
                self._sink.emit(self._waiting.pop(name))
                self._done[name] = None
            while len(self._done) > REMEMBERED:
                self._done.popitem(last=False)
            return len(ready)

    def close(self) -> None:
        """Hand on what is left, then close the other sink."""
        with self._lock:
            self._changed.clear()
            self.settle()
        self._sink.close()
