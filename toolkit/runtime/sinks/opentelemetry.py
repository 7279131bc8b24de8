"""Records as OpenTelemetry spans: GenAI names where there are any, else `swarm.*`.

Names as in the GenAI semantic conventions of v1.41 (`execute_tool`, `invoke_workflow`,
`gen_ai.agent.id`, `gen_ai.conversation.id`); no convention names a batch or a policy.
"""

import datetime as dt
from typing import TYPE_CHECKING, Any

from toolkit.errors import MissingExtraError
from toolkit.records import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Record,
    Recovery,
    Workflow,
)

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

__all__ = ["OpenTelemetrySink"]

SCOPE = "toolkit.runtime"
NANO = 1_000_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class OpenTelemetrySink:
    """Writes a span for every record that lasted; its times are the record's own.

    Load samples are no spans: scrape them from the Prometheus sink.

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
        if isinstance(record, LoadSample):
            return
        name, attributes, lasted_s, failed = described(record)
        start_ns = nanoseconds(record.at)
        span = self._tracer.start_span(
            name,
            attributes={k: v for k, v in attributes.items() if v is not None},
            start_time=start_ns,
        )
        if failed:
            span.set_status(self._error)
        span.end(end_time=start_ns + int((lasted_s or 0.0) * NANO))

    def close(self) -> None:
        """Leave the provider to its owner."""


def described(record: Record) -> tuple[str, dict[str, Any], float | None, bool]:
    """Name a record's span.

    Returns
    -------
    tuple
        Name, attributes (`None` is not known), duration in seconds, whether it failed.
    """
    shared = {
        "swarm.record.id": record.record_id,
        "swarm.record.provenance": record.provenance.value,
        "gen_ai.conversation.id": getattr(record, "session_id", None),
        "gen_ai.agent.id": getattr(record, "agent_id", None),
    }
    if isinstance(record, Batch):
        return _batch(record, shared)
    if isinstance(record, CoordinationEvent):
        return _event(record, shared)
    if isinstance(record, Workflow):
        return _workflow(record, shared)
    if isinstance(record, Recovery):
        return _recovery(record, shared)
    return f"swarm.{record.kind}", shared, None, False


def nanoseconds(at: dt.datetime) -> int:
    """Turn a time into nanoseconds since 1970, exactly.

    Examples
    --------
    >>> nanoseconds(dt.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=dt.UTC))
    1000005000
    """
    return (at - EPOCH) // dt.timedelta(microseconds=1) * 1000


def _batch(
    batch: Batch, shared: dict[str, Any]
) -> tuple[str, dict[str, Any], float | None, bool]:
    attributes = shared | {
        "gen_ai.request.model": batch.model,
        "swarm.batch.operation_type": batch.operation_type,
        "swarm.batch.size": batch.size,
        "swarm.batch.parallelism": batch.parallelism,
        "swarm.batch.succeeded": batch.succeeded,
        "swarm.batch.failed": batch.failed,
        "swarm.batch.cancelled": batch.cancelled,
        "swarm.policy.name": batch.policy,
        "swarm.policy.version": batch.policy_version,
        "swarm.policy.propensity": batch.propensity,
        "error.type": "operation_failed" if batch.failed else None,
    }
    lasted_s = batch.execution_s if batch.execution_s is not None else batch.cycle_s
    return "swarm.batch", attributes, lasted_s, bool(batch.failed)


def _event(
    event: CoordinationEvent, shared: dict[str, Any]
) -> tuple[str, dict[str, Any], float | None, bool]:
    failed = event.outcome is Outcome.FAILED
    attributes = shared | {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": event.operation,
        "swarm.coordination.action": event.action,
        "swarm.coordination.outcome": event.outcome.value,
        "swarm.coordination.waited_s": event.waited_s,
        "swarm.memory.key": event.memory_key,
        "swarm.memory.version_seen": event.version_seen,
        "swarm.memory.version": event.version,
        "swarm.batch.id": event.batch_id,
        "error.type": "operation_failed" if failed else None,
    }
    return f"execute_tool {event.operation}", attributes, event.duration_s, failed


def _workflow(
    workflow: Workflow, shared: dict[str, Any]
) -> tuple[str, dict[str, Any], float | None, bool]:
    failed = workflow.outcome is Outcome.FAILED
    name = workflow.strategy or "workflow"
    attributes = shared | {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": name,
        "swarm.workflow.agents": workflow.agents,
        "swarm.workflow.outcome": workflow.outcome.value,
        "swarm.workflow.agent_seconds": workflow.agent_seconds,
        "swarm.policy.name": workflow.policy,
        "swarm.policy.version": workflow.policy_version,
        "swarm.policy.propensity": workflow.propensity,
        "error.type": "workflow_failed" if failed else None,
    }
    return f"invoke_workflow {name}", attributes, workflow.makespan_s, failed


def _recovery(
    recovery: Recovery, shared: dict[str, Any]
) -> tuple[str, dict[str, Any], float | None, bool]:
    failed = recovery.outcome is Outcome.FAILED
    attributes = shared | {
        "swarm.recovery.issue": recovery.issue,
        "swarm.recovery.rung": recovery.rung,
        "swarm.recovery.action": recovery.action,
        "swarm.recovery.outcome": recovery.outcome.value,
        "swarm.recovery.post_condition": recovery.post_condition,
        "error.type": "recovery_failed" if failed else None,
    }
    return "swarm.recovery", attributes, recovery.duration_s, failed
