"""OpenAI Agents SDK: a tracing processor; extra `openai-agents`."""

from typing import Any

from toolkit.runtime.adapters.call_batches import CallBatches
from toolkit.runtime.adapters.framework import framework

__all__ = ["SwarmTracingProcessor"]

Base: Any = framework("agents.tracing", "openai-agents").TracingProcessor
TURNS = frozenset({"generation", "response"})


class SwarmTracingProcessor(Base):
    """Reports replies and function calls: ``set_trace_processors([processor])``.

    Set so, it takes the place of the exporter that the SDK starts with: nothing leaves
    the machine. Inputs and outputs are not looked at.
    """

    def __init__(self, calls: CallBatches) -> None:
        super().__init__()
        self.calls = calls

    def on_span_start(self, span: Any) -> None:
        """Begin a turn with a reply, or report that a function started.

        Parameters
        ----------
        span : agents.tracing.Span
        """
        if span.span_data.type in TURNS:
            self.calls.turn(span.trace_id)
        elif span.span_data.type == "function":
            self.calls.started(span.trace_id, span.span_id, span.span_data.name)

    def on_span_end(self, span: Any) -> None:
        """Report that a function ended.

        Parameters
        ----------
        span : agents.tracing.Span
        """
        self.calls.ended(span.span_id, RuntimeError() if span.error else None)

    def on_trace_start(self, trace: Any) -> None:
        """Do nothing: a batch begins with its first call.

        Parameters
        ----------
        trace : agents.tracing.Trace
        """

    def on_trace_end(self, trace: Any) -> None:
        """End the batch of a workflow's last turn.

        Parameters
        ----------
        trace : agents.tracing.Trace
        """
        self.calls.turn(trace.trace_id)

    def shutdown(self) -> None:
        """End every open batch."""
        self.calls.close()

    def force_flush(self) -> None:
        """Hold nothing back."""
