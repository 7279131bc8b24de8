"""A real optimizer, its records and the events, for the tests of every adapter."""

from toolkit.clock import SystemClock
from toolkit.notifier import SilentNotifier
from toolkit.records import Batch, CoordinationEvent, Record
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.adapters import CallBatches
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.sinks import MemorySink


class Bench:
    """What an adapter feeds."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.sink = MemorySink()
        optimizer = AdaptiveBatchingOptimizer(
            LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
        )
        loop = RuntimeLoop(
            clock=clock,
            notifier=SilentNotifier(),
            batching=optimizer,
            sinks=[self.sink],
        )
        self.calls = CallBatches(
            optimizer,
            clock=clock,
            observe=loop.observe,
            operation_type=lambda tool: "shell",
        )

    def batches(self) -> list[Batch]:
        return [record for record in self._kept() if isinstance(record, Batch)]

    def events(self) -> list[CoordinationEvent]:
        return [each for each in self._kept() if isinstance(each, CoordinationEvent)]

    def _kept(self) -> list[Record]:
        return list(self.sink.kept)
