"""Where the runtime's records go, one sink a file.

The record spool (`SpoolSink`) loses nothing and is written at once. Every other sink
belongs behind a `QueuedSink`: one that fails or blocks slows nothing, and what it drops
is counted. Prometheus and OpenTelemetry need the `telemetry` extra and are imported when
such a sink is made.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
