"""Spans and events as the senders of our day write them, and as stores save them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.otlp.test_source import event, logs, span, traces
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import Batch

Said = dict[str, Any]


def imported(
    tmp_path: Path, *documents: object, name: str = "f.jsonl", indent: int | None = None
) -> tuple[ImportReport, list[Batch]]:
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(one, indent=indent) for one in documents))
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("otlp"), [path], store)
        store.compact()
        held = store.dataset.scan("batch") if store.dataset.files("batch") else []
        found = [r for r in held if isinstance(r, Batch)]
    return report, sorted(found, key=lambda batch: batch.at)


TOOLS: dict[str, tuple[str, Said]] = {
    "openllmetry": (
        "Read.tool",
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "Read"},
    ),
    "mlflow": ("Read", {"mlflow.spanType": '"TOOL"'}),
    "vercel": (
        "ai.toolCall",
        {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "Read"},
    ),
    "langsmith": ("Read", {"langsmith.span.kind": "tool"}),
    "langfuse": ("Read", {"langfuse.observation.type": "tool"}),
    "pydantic-ai": ("running tool", {"gen_ai.tool.name": "Read"}),
}


@pytest.mark.parametrize(("name", "said"), TOOLS.values(), ids=TOOLS)
def test_the_tool_spans_of_many_senders_are_calls(
    tmp_path: Path, name: str, said: Said
) -> None:
    spans = [span(name, 9 * n, 9 * n + 2, number=n + 1, said=said) for n in range(2)]
    _, batches = imported(tmp_path, traces(*spans))

    assert [(b.size, b.operation_type) for b in batches] == [(1, "fileOperations")] * 2


def test_codex_events_are_calls_with_the_time_they_were_observed(
    tmp_path: Path,
) -> None:
    said = {
        "event.name": "codex.tool_result",
        "conversation.id": "c",
        "tool_name": "shell",
        "call_id": "call_1",
        "duration_ms": "900",
        "success": "false",
    }
    one = event("", 5, **said)
    one["observedTimeUnixNano"] = one.pop("timeUnixNano")
    one["timeUnixNano"] = "0"
    _, batches = imported(tmp_path, logs(one))

    assert [(b.session_id, b.failed) for b in batches] == [("c", 1)]
    assert batches[0].execution_s == pytest.approx(0.9)


def test_what_is_not_understood_is_counted_by_its_kind(tmp_path: Path) -> None:
    chain = {"openinference.span.kind": "CHAIN"}
    report, _ = imported(
        tmp_path,
        traces(span("secret", 0, 1, number=1, said=chain), span("x", 0, 1, number=2)),
        logs(event("user_prompt", 1)),
    )

    assert report.passed_over == {
        "span CHAIN": 1,
        "span of another kind": 1,
        "event of another kind": 1,
    }
    assert report.is_useless


def agents_at_work(*, named: bool, behind_s: float) -> list[dict[str, Any]]:
    spans = [span("invoke_workflow", 0, 50, number=1, parent="", said={})]
    for index, agent in enumerate(("planner", "coder")):
        shift, first = index * behind_s, 10 * (index + 1)
        said = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent}
        run = f"{first:016x}"
        spans.append(
            span("run", shift, 40, number=first, parent="0" * 15 + "1", said=said)
        )
        who = {"gen_ai.agent.name": agent} if named else {}
        for turn in range(3):
            at, number = shift + 1 + 6 * turn, first + 2 * turn + 1
            chat = {"gen_ai.operation.name": "chat", **who}
            tool = {"gen_ai.operation.name": "execute_tool", **who}
            tool |= {"gen_ai.tool.name": "Read", "gen_ai.conversation.id": "conv"}
            spans += [
                span("chat", at, at + 2, number=number, parent=run, said=chat),
                span("t", at + 2, at + 5, number=number + 1, parent=run, said=tool),
            ]
    return spans


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("behind_s", [1.1, 0.01])
@pytest.mark.parametrize("order", [1, -1])
def test_the_parent_span_tells_parallel_agents_apart(
    tmp_path: Path, named: bool, behind_s: float, order: int
) -> None:
    spans = agents_at_work(named=named, behind_s=behind_s)[::order]
    _, batches = imported(tmp_path, *(traces(one) for one in spans))

    assert sorted(b.agent_id or "" for b in batches) == ["coder"] * 3 + ["planner"] * 3
    cycles = [b.cycle_s for b in batches if b.cycle_s is not None]
    assert cycles == [pytest.approx(6.0)] * 4
    assert {b.session_id for b in batches} == {"conv"}


def test_two_runs_of_one_agent_side_by_side_stay_apart(tmp_path: Path) -> None:
    spans = agents_at_work(named=False, behind_s=1.1)
    for one in spans:
        for attribute in one["attributes"]:
            if attribute["value"].get("stringValue") in ("planner", "coder"):
                attribute["value"]["stringValue"] = "worker"
    _, batches = imported(tmp_path, traces(*spans))

    assert [(b.agent_id, b.size) for b in batches] == [("worker", 1)] * 6


@pytest.mark.parametrize("source", ["bash_extract_prefix", "generate_session_title"])
def test_a_side_request_of_the_harness_is_no_turn(tmp_path: Path, source: str) -> None:
    said = {"session.id": "s", "model": "m", "duration_ms": "400"}
    events = []
    for turn in range(2):
        at = 30 * turn
        own = said | {"query_source": "repl_main_thread"}
        events.append(event("api_request", at + 3, **own))
        for n in range(4):
            end = at + 5 + 2 * n
            events.append(
                event("api_request", end - 1.5, **said | {"query_source": source})
            )
            call = {"tool_name": "Bash", "tool_use_id": f"toolu_{turn}{n}"}
            call |= {"session.id": "s", "success": "true", "duration_ms": "1000"}
            events.append(event("tool_result", end, **call))
    _, batches = imported(tmp_path, logs(*events))

    assert [b.size for b in batches] == [4, 4]


def test_the_source_of_a_request_tells_agents_apart(tmp_path: Path) -> None:
    said = {"session.id": "s", "duration_ms": "400"}
    events = []
    for who, shift in (("repl_main_thread", 0), ("agent:builtin:Explore", 1)):
        own = {"agent_id": "a1"} if shift else {}
        for turn in range(2):
            at = 10 * turn + shift
            events.append(event("api_request", at + 1, **said, query_source=who))
            call = {"tool_name": "Read", "tool_use_id": f"toolu_{who}{turn}", **own}
            events.append(event("tool_result", at + 3, **said, **call))
    _, batches = imported(tmp_path, logs(*events))

    assert sorted((b.agent_id or "", b.size) for b in batches) == [
        ("a1", 1),
        ("a1", 1),
        ("main", 1),
        ("main", 1),
    ]


def test_a_missing_success_is_missing(tmp_path: Path) -> None:
    said = {"session.id": "s", "tool_name": "Read", "duration_ms": "5"}
    _, batches = imported(tmp_path, logs(event("tool_result", 1, **said)))

    assert [(b.size, b.succeeded, b.failed) for b in batches] == [(1, None, None)]


def test_a_call_that_a_span_and_an_event_report_is_one_and_failed(
    tmp_path: Path,
) -> None:
    said = {"session.id": "s", "tool_name": "Read", "tool_use_id": "toolu_1"}
    in_span = span("claude_code.tool", 0, 2, number=1, said=said)
    in_log = event("tool_result", 2, **said, success="false", duration_ms="1500")
    _, batches = imported(tmp_path, traces(in_span), logs(in_log))

    assert [(b.size, b.failed, b.execution_s) for b in batches] == [(1, 1, 2.0)]


def test_an_id_that_comes_again_later_is_another_call(tmp_path: Path) -> None:
    said = {"session.id": "s", "tool_name": "Read", "tool_use_id": "Read:0"}
    said |= {"success": "true", "duration_ms": "1000"}
    events = [event("tool_result", at, **said) for at in (5, 15, 15, 25)]
    _, batches = imported(tmp_path, logs(*events))

    assert [b.size for b in batches] == [1, 1, 1]


def calls() -> dict[str, Any]:
    said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read"}
    return traces(
        *(span("t", 9 * n, 9 * n + 2, number=n + 1, said=said) for n in range(3))
    )


def all_spans(document: Any) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return spans


def _snake(document: Any) -> Any:
    text = json.dumps(document)
    for camel, snake in (
        ("resourceSpans", "resource_spans"),
        ("scopeSpans", "scope_spans"),
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
        ("startTimeUnixNano", "start_time_unix_nano"),
        ("endTimeUnixNano", "end_time_unix_nano"),
        ("stringValue", "string_value"),
    ):
        text = text.replace(camel, snake)
    return json.loads(text)


def _times(change: Callable[[int], object]) -> Callable[[Any], Any]:
    def changed(document: Any) -> Any:
        for one in all_spans(document):
            for name in ("startTimeUnixNano", "endTimeUnixNano"):
                one[name] = change(int(one[name]))
        return document

    return changed


def _enums_as_names(document: Any) -> Any:
    for one in all_spans(document):
        one |= {"kind": "SPAN_KIND_INTERNAL", "traceId": one["traceId"].upper()}
        one["status"] = {"code": "STATUS_CODE_OK"}
    return document


SHAPES: dict[str, Callable[[Any], Any]] = {
    "array": lambda d: [d],
    "old names": lambda d: {
        "resourceSpans": [{"instrumentationLibrarySpans": [{"spans": all_spans(d)}]}]
    },
    "batches": lambda d: {"batches": d["resourceSpans"]},
    "trace": lambda d: {"trace": d},
    "snake case": _snake,
    "one resource": lambda d: d["resourceSpans"][0],
    "float times": _times(float),
    "names of enums": _enums_as_names,
    "halves of a long": _times(
        lambda ns: {"low": (ns & 0xFFFFFFFF) - 2**32, "high": ns >> 32}
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_that_is_written_is_read(
    tmp_path: Path, shape: Callable[[Any], Any]
) -> None:
    _, batches = imported(tmp_path, shape(calls()))

    assert [b.size for b in batches] == [1, 1, 1]


def test_a_document_over_several_lines_is_read(tmp_path: Path) -> None:
    report, batches = imported(tmp_path, calls(), name="pretty.json", indent=2)

    assert [b.size for b in batches] == [1, 1, 1]
    assert report.rejected == 0


def test_a_span_that_has_not_ended_is_passed_over(tmp_path: Path) -> None:
    document = calls()
    all_spans(document)[0]["endTimeUnixNano"] = "0"
    report, batches = imported(tmp_path, document)

    assert len(batches) == 2
    assert report.passed_over == {"span that has not ended": 1}


def test_a_file_in_another_form_is_named(tmp_path: Path) -> None:
    path = tmp_path / "jaeger.json"
    path.write_text(json.dumps({"data": [{"traceID": "1", "spans": []}]}))
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("otlp"), [path], store)
        reasons = [row["reason"] for row in store.rejected()]

    assert report.is_useless
    assert any("Jaeger" in reason for reason in reasons)
