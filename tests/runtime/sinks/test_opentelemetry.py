"""Spans with GenAI names and the records' own times."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.runtime.sinks.rows import rows
from toolkit.records import KINDS, record_of_span
from toolkit.records.otlp_mapping import to_attributes
from toolkit.runtime.sinks import OpenTelemetrySink


@pytest.fixture(scope="module")
def spans() -> dict[str, ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    sink = OpenTelemetrySink(provider)
    for row in rows():
        sink.emit(row)
    sink.close()
    provider.shutdown()
    return {span.name: span for span in exporter.get_finished_spans()}


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    assert span.attributes is not None
    return span.attributes


def test_every_record_is_a_span(spans: dict[str, ReadableSpan]) -> None:
    assert set(spans) == {
        "swarm.batch",
        "swarm.turn",
        "execute_tool Edit",
        "invoke_workflow hybrid",
        "swarm.load",
        "swarm.recovery",
    }


def test_what_is_sent_comes_back_equal_for_every_kind_of_record(
    spans: dict[str, ReadableSpan],
) -> None:
    received = [
        record_of_span(
            {
                "attributes": to_attributes(dict(attributes(span))),
                "startTimeUnixNano": str(span.start_time),
            }
        )
        for span in spans.values()
    ]

    sent = {row.kind: row for row in rows()}
    assert {row.kind: row for row in received if row is not None} == sent
    assert set(sent) == set(KINDS)


def test_an_operation_has_what_the_convention_requires(
    spans: dict[str, ReadableSpan],
) -> None:
    seen = attributes(spans["execute_tool Edit"])

    assert (
        seen["gen_ai.operation.name"],
        seen["gen_ai.tool.name"],
        seen["gen_ai.agent.id"],
        seen["gen_ai.conversation.id"],
        seen["error.type"],
    ) == ("execute_tool", "Edit", "a", "s", "operation_failed")


def test_a_batch_carries_its_decision(spans: dict[str, ReadableSpan]) -> None:
    seen = attributes(spans["swarm.batch"])

    assert (
        seen["swarm.batch.size"],
        seen["swarm.policy.name"],
        seen["swarm.policy.propensity"],
        seen["gen_ai.request.model"],
    ) == (4, "guarded", 0.9, "m")


def test_what_is_not_known_is_left_out(spans: dict[str, ReadableSpan]) -> None:
    assert "swarm.policy.version" not in attributes(spans["swarm.batch"])


def test_times_are_the_records_own(spans: dict[str, ReadableSpan]) -> None:
    span = spans["execute_tool Edit"]
    assert span.start_time is not None
    assert span.end_time is not None

    assert span.start_time % 1_000_000_000 == 5000
    assert span.end_time - span.start_time == 1_500_000_000


def test_failure_is_a_status(spans: dict[str, ReadableSpan]) -> None:
    codes = {name: span.status.status_code for name, span in spans.items()}

    assert codes["execute_tool Edit"] is StatusCode.ERROR
    assert codes["invoke_workflow hybrid"] is StatusCode.UNSET
