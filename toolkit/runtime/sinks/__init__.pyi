__all__: list[str]

from .base import FanOut as FanOut
from .base import LiveFigures as LiveFigures
from .base import QueuedSink as QueuedSink
from .base import Sink as Sink
from .claude_flow import ClaudeFlowSink as ClaudeFlowSink
from .jsonl import SpoolSink as SpoolSink
from .logs import LoggingSink as LoggingSink
from .memory import MemorySink as MemorySink
from .opentelemetry import OpenTelemetrySink as OpenTelemetrySink
from .prometheus import PrometheusSink as PrometheusSink
from .settled import SettledSink as SettledSink
