"""OpenAI Agents SDK: a tracing processor; extra `openai-agents`."""

from typing import Any

from toolkit.errors import MissingExtraError
from toolkit.runtime.adapters.call_batches import CallBatches

try:
    from agents.tracing import TracingProcessor as _Processor
except ImportError:  # the class says so when it is made
    _Processor = object

__all__ = ["SwarmTracingProcessor"]

TURNS = frozenset({"generation", "response"})
"""Spans of a model's reply."""


class SwarmTracingProcessor(_Processor):  # type: ignore[misc] # Any where it is not installed
    """Reports replies and function calls: ``set_trace_processors([processor])``.

    Set so, it takes the place of the exporter that the SDK starts with: nothing leaves
    the machine.

    Parameters
    ----------
    calls : CallBatches

    Raises
    ------
    MissingExtraError
        The SDK is not installed.
    """

    def __init__(self, calls: CallBatches) -> None:
        if _Processor is object:
            raise MissingExtraError("the OpenAI Agents adapter", "openai-agents")
        self.calls = calls

    def on_trace_start(self, trace: Any) -> None:
        """Do nothing: a batch begins with its first call."""

    def on_trace_end(self, trace: Any) -> None:
        """End the batch of a workflow's last turn."""
        self.calls.turn(trace.trace_id)

    def on_span_start(self, span: Any) -> None:
        """Begin a turn, or report that a function started."""
        kind = span.span_data.type
        if kind in TURNS:
            self.calls.turn(span.trace_id)
        elif kind == "function":
            self.calls.started(span.trace_id, span.span_id, span.span_data.name)

    def on_span_end(self, span: Any) -> None:
        """Report that a function ended; its input and output are not looked at."""
        if span.span_data.type == "function":
            failed = RuntimeError("function failed") if span.error else None
            self.calls.ended(span.trace_id, span.span_id, failed)

    def shutdown(self) -> None:
        """End every open batch."""
        self.calls.close()

    def force_flush(self) -> None:
        """Hold nothing back."""
