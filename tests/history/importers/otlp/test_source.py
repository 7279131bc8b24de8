import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.thorough import sampled
from toolkit.errors import SchemaError
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import (
    KINDS,
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Recovery,
    Workflow,
    record_of_span,
)
from toolkit.records.otlp_mapping import records_to_otlp, span_of_record, to_attributes

T0 = 1_780_000_000 * 10**9
S = 10**9
TIMES = st.integers(0, 4 * 10**15).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
SECONDS = st.none() | st.floats(0, 1e9)
IDS = st.from_regex(r"[A-Za-z0-9_.:-]{1,20}", fullmatch=True)
"""Ids as a program draws them; others are kept as a keyed hash."""
COMMON = {
    "record_id": NAMES,
    "at": TIMES,
    "source": NAMES,
    "source_version": st.none() | NAMES,
    "provenance": st.sampled_from(Provenance),
}
RECORDS = st.one_of(
    st.builds(
        Batch,
        **COMMON,
        operation_type=NAMES,
        size=st.integers(1, 10**6),
        session_id=st.none() | IDS,
        agent_id=st.none() | IDS,
        cycle_s=SECONDS,
        censored=st.none() | st.booleans(),
        memory_delta_bytes=st.none() | st.integers(-(2**60), 2**60),
        policy=st.none() | NAMES,
        propensity=st.none() | st.floats(0, 1),
    ),
    st.builds(
        CoordinationEvent,
        **COMMON,
        agent_id=IDS,
        operation=NAMES,
        action=NAMES,
        outcome=st.sampled_from(Outcome),
        version=st.none() | st.integers(0, 10**9),
    ),
    st.builds(Workflow, **COMMON, agents=st.integers(1, 12), makespan_s=SECONDS),
    st.builds(LoadSample, **COMMON, host=NAMES, cpu=st.none() | st.floats(0, 50)),
    st.builds(Recovery, **COMMON, issue=NAMES, rung=NAMES, action=NAMES),
)


@settings(deadline=None)  # a busy machine fails nothing
@given(RECORDS)
def test_a_record_written_as_a_span_is_read_back_equal(record: Record) -> None:
    span = json.loads(json.dumps(span_of_record(record)))

    assert record_of_span(span) == record


def test_a_span_of_another_program_is_no_record() -> None:
    assert record_of_span({"attributes": to_attributes({"a": 1})}) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"swarm.record.kind": "nonsense"},
        {"swarm.record.kind": "batch"},
        {"swarm.record.kind": "batch", "swarm.batch.size": "many"},
        {"swarm.record.kind": "batch", "swarm.batch.size": -1},
    ],
)
def test_a_span_that_breaks_the_schema_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        record_of_span(
            {"attributes": to_attributes(attributes), "startTimeUnixNano": "1"}
        )


def span(name: str, start_s: float, end_s: float, **attributes: Any) -> dict[str, Any]:
    number = attributes.pop("number", 0)
    return {
        "traceId": "0" * 31 + "1",
        "spanId": f"{number:016x}",
        "parentSpanId": attributes.pop("parent", "00000000000000ff"),
        "name": name,
        "startTimeUnixNano": str(T0 + round(start_s * S)),
        "endTimeUnixNano": str(T0 + round(end_s * S)),
        "attributes": to_attributes(attributes.pop("said", attributes)),
    }


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def event(name: str, end_s: float, **said: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(T0 + round(end_s * S)),
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": to_attributes({"event.name": name, **said}),
    }


def logs(*events: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(events)}]}]}


def imported(
    tmp_path: Path, *documents: dict[str, Any]
) -> tuple[list[Batch], ImportReport]:
    file = tmp_path / "export.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in documents))
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("otlp"), [file], store)
        store.compact()
        found = (
            [r for r in store.dataset.scan("batch") if isinstance(r, Batch)]
            if report.batches
            else []
        )
    return found, report


CLAUDE_SPANS = [
    span(
        "claude_code.llm_request", 0, 2, number=1, model="m", said={"session.id": "s"}
    ),
    *(
        span(
            "claude_code.tool",
            begins,
            begins + 1,
            number=number,
            said={
                "session.id": "s",
                "tool_use_id": f"toolu_{number}",
                "tool_name": "Edit",
                "success": "true",
            },
        )
        for number, begins in ((2, 2.0), (3, 3.0), (4, 7.0))
    ),
    span("claude_code.llm_request", 5, 6, number=5, said={"session.id": "s"}),
]


def test_claude_code_spans_between_two_turns_are_one_batch(tmp_path: Path) -> None:
    found, _ = imported(tmp_path, traces(*CLAUDE_SPANS))

    assert [(b.size, b.operation_type) for b in found] == [
        (2, "fileOperations"),
        (1, "fileOperations"),
    ]


def test_the_order_of_lines_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    forward, _ = imported(tmp_path, *(traces(one) for one in CLAUDE_SPANS))
    backward, _ = imported(
        tmp_path / "b", *(traces(one) for one in reversed(CLAUDE_SPANS))
    )

    assert forward == backward


def test_a_wait_for_a_person_is_taken_out(tmp_path: Path) -> None:
    waited = span(
        "claude_code.tool.blocked_on_user",
        2,
        2.75,
        number=9,
        parent=f"{2:016x}",
        said={"session.id": "s"},
    )
    found, _ = imported(tmp_path, traces(*CLAUDE_SPANS, waited))

    assert (found[0].waiting_s, found[0].operations_s) == (0.75, 1.25)
    assert found[0].censored is True


def test_claude_code_events_give_batches_and_failures(tmp_path: Path) -> None:
    said = {"session.id": "s", "prompt.id": "p", "tool_name": "Read"}
    found, _ = imported(
        tmp_path,
        logs(
            event(
                "tool_result",
                3,
                tool_use_id="a",
                success="true",
                duration_ms=500,
                **said,
            ),
            event(
                "tool_result",
                3.2,
                tool_use_id="b",
                success="false",
                duration_ms="600",
                **said,
            ),
            event(
                "tool_result",
                9,
                tool_use_id="c",
                success="true",
                duration_ms=500,
                **said,
            ),
        ),
    )

    assert [(b.size, b.succeeded, b.failed) for b in found] == [(2, 1, 1), (1, 1, 0)]


@pytest.mark.parametrize(
    "said",
    [
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Read"},
        {"gen_ai.system": "x", "gen_ai.tool.name": "Read"},
        {"openinference.span.kind": "TOOL", "tool.name": "Read"},
    ],
)
def test_old_and_new_names_are_understood(tmp_path: Path, said: dict[str, str]) -> None:
    spans = [
        span("execute_tool Read", begins, begins + 2, number=n, said=said)
        for n, begins in ((1, 0), (2, 1))
    ]
    found, _ = imported(tmp_path, traces(*spans))

    assert [(b.size, b.operation_type) for b in found] == [(2, "fileOperations")]


def test_the_sender_s_own_batch_id_decides(tmp_path: Path) -> None:
    spans = [
        span(
            "execute_tool Read",
            begins,
            begins + 1,
            number=n,
            said={"gen_ai.operation.name": "execute_tool", "swarm.batch.id": "b"},
        )
        for n, begins in ((1, 0), (2, 30))
    ]

    assert [b.size for b in imported(tmp_path, traces(*spans))[0]] == [2]


def test_ids_in_base64_and_unknown_fields_are_accepted(tmp_path: Path) -> None:
    one = span("execute_tool Read", 0, 1, number=1)
    one |= {"traceId": "AAAAAAAAAAAAAAAAAAAAAQ==", "spanId": "AAAAAAAAAAE=", "new": [1]}

    assert len(imported(tmp_path, traces(one))[0]) == 1


def test_metrics_are_read_and_say_nothing_about_batches(tmp_path: Path) -> None:
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x"}]}]}]}
    found, report = imported(tmp_path, metrics)

    assert (found, report.rejected, report.refused_files) == ([], 0, 0)


def test_texts_that_a_sender_includes_are_not_stored(tmp_path: Path) -> None:
    planted = "a planted text"
    said = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": planted,
        "gen_ai.agent.name": planted,
        "gen_ai.conversation.id": planted,
        "gen_ai.tool.call.arguments": planted,
        "gen_ai.tool.call.id": planted,
    }
    imported(tmp_path, traces(span("execute_tool x", 0, 1, said=said)))

    kept = [p for p in (tmp_path / "store").rglob("*") if p.is_file()]
    assert kept
    assert not [p for p in kept if planted.encode() in p.read_bytes()]


@given(st.lists(RECORDS, max_size=8, unique_by=lambda r: (r.kind, r.record_id)))
@settings(
    max_examples=sampled(10, whole=25),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_an_export_imported_again_gives_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("o")
    file = folder / "export.jsonl.gz"
    line = json.dumps(records_to_otlp(records)).encode()
    file.write_bytes(gzip.compress(line))
    with RecordStore(folder / "store") as store:
        run_import(open_source("otlp"), [file], store)
        rows = [line.row for line in store.spool.lines() if line.row is not None]

    def known(items: Iterable[Record]) -> list[str]:
        return sorted(map(repr, items))

    read = [KINDS[row["kind"]].from_json(row) for row in rows]
    assert known(read) == known(records)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    _, report = imported(tmp_path, {"hello": 1})

    assert (report.refused_files, report.rejected) == (1, 1)


@pytest.mark.parametrize(
    "document",
    [
        {"resourceSpans": {"scopeSpans": []}},
        {"resourceSpans": [{"scopeSpans": {"spans": []}}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": "x"}]}]},
    ],
)
def test_a_document_without_its_lists_is_refused_and_never_a_silent_nothing(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text(json.dumps(document))
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("otlp"), [path], store)

    assert (report.refused_files, report.rejected) == (1, 1)


def test_a_span_that_ends_before_it_began_is_named(tmp_path: Path) -> None:
    _, report = imported(tmp_path, traces(span("execute_tool Read", 2, 1)))

    assert report.rejected == 1


def test_the_longest_record_still_fits_a_span() -> None:
    long = LoadSample(
        record_id="x",
        at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
        source="s",
        provenance=Provenance.MEASURED,
        host="h",
    )

    assert int(span_of_record(long)["endTimeUnixNano"]) < 2**63
