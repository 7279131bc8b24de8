"""Records as OpenTelemetry spans, in the mapping that our own receiver reads.

Names as in the GenAI semantic conventions of v1.41 (`execute_tool`, `invoke_workflow`,
`gen_ai.agent.id`, `gen_ai.conversation.id`); no convention names a batch or a policy.
"""

import datetime as dt
from typing import TYPE_CHECKING, Any

from toolkit.errors import MissingExtraError
from toolkit.records import (
    Batch,
    Outcome,
    Record,
    span_parts,
)

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

__all__ = ["OpenTelemetrySink"]

SCOPE = "toolkit.runtime"
NANO = 1_000_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class OpenTelemetrySink:
    """Writes a span for every record; its times are the record's own.

    The attributes are those of `toolkit.records.span_parts`: what arrives at
    a receiver of ours is equal to what was sent, whatever the kind of record. Beside
    them stand the names that the GenAI conventions ask for.

    Parameters
    ----------
    provider : TracerProvider
        Passed in: exporting, batching and the endpoint are the caller's business.

    Raises
    ------
    MissingExtraError
        `opentelemetry` is not installed.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        try:
            from opentelemetry.trace import Status, StatusCode
        except ImportError as error:
            raise MissingExtraError("the OpenTelemetry sink", "telemetry") from error
        self._error = Status(StatusCode.ERROR)
        self._tracer = provider.get_tracer(SCOPE)

    def emit(self, record: Record, /) -> None:
        """Write a record as one finished span."""
        start_ns = nanoseconds(record.at)
        failure = failure_of(record)
        name, attributes, duration_s = span_parts(record)
        attributes |= conventional(record)
        if failure is not None:
            attributes["error.type"] = failure
        span = self._tracer.start_span(name, attributes=attributes, start_time=start_ns)
        if failure is not None:
            span.set_status(self._error)
        span.end(end_time=start_ns + int(duration_s * NANO))

    def close(self) -> None:
        """Leave the provider to its owner."""


def conventional(record: Record) -> dict[str, Any]:
    """Name what the GenAI conventions ask for beside a record's own fields."""
    if record.kind == "coordination":
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": getattr(record, "operation", "unknown"),
        }
    if record.kind == "workflow":
        return {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": getattr(record, "strategy", None) or "workflow",
        }
    return {}


def failure_of(record: Record) -> str | None:
    """Name the error of a record that failed, by its kind; `None` where it did not."""
    if isinstance(record, Batch):
        return "operation_failed" if record.failed else None
    if getattr(record, "outcome", None) is not Outcome.FAILED:
        return None
    return {"coordination": "operation_failed"}.get(
        record.kind, f"{record.kind}_failed"
    )


def nanoseconds(at: dt.datetime) -> int:
    """Turn a time into nanoseconds since 1970, exactly.

    Examples
    --------
    >>> nanoseconds(dt.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=dt.UTC))
    1000005000
    """
    return (at - EPOCH) // dt.timedelta(microseconds=1) * 1000
