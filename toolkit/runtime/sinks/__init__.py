"""Where the runtime's records go, one sink a file.

The record spool (`SpoolSink`) loses nothing and is written at once. Every other sink
belongs behind a `QueuedSink`: one that fails or blocks slows nothing, and what it drops
is counted. Prometheus and OpenTelemetry need the `telemetry` extra and are imported when
such a sink is made.
"""

from toolkit.runtime.sinks.base import FanOut, QueuedSink, Sink, SinkStatistics
from toolkit.runtime.sinks.jsonl import SpoolSink
from toolkit.runtime.sinks.logs import LoggingSink
from toolkit.runtime.sinks.memory import MemorySink
from toolkit.runtime.sinks.opentelemetry import OpenTelemetrySink
from toolkit.runtime.sinks.prometheus import PrometheusSink

__all__ = [
    "FanOut",
    "LoggingSink",
    "MemorySink",
    "OpenTelemetrySink",
    "PrometheusSink",
    "QueuedSink",
    "Sink",
    "SinkStatistics",
    "SpoolSink",
]
