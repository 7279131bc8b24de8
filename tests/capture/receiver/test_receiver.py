import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.otlp.test_source import span, traces
from toolkit.capture.receiver import Limits, OtlpReceiver
from toolkit.errors import UsageError
from toolkit.history import RecordStore
from toolkit.records import Batch, LoadSample, Provenance
from toolkit.records.otlp_mapping import records_to_otlp


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    with RecordStore(tmp_path / "store") as opened:
        yield opened


def receiving(store: RecordStore, **limits: Any) -> OtlpReceiver:
    return OtlpReceiver(store, port=0, limits=Limits(**limits))


def post(
    receiver: OtlpReceiver,
    body: bytes,
    *,
    path: str = "/v1/traces",
    method: str = "POST",
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    given = {"Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


BODY = json.dumps(traces(span("execute_tool Read", 0, 1, number=1))).encode()


def batches(store: RecordStore) -> list[Batch]:
    store.compact()
    return [r for r in store.dataset.scan("batch") if isinstance(r, Batch)]


def test_an_export_in_json_becomes_a_batch(store: RecordStore) -> None:
    with receiving(store) as receiver:
        status, _, answer = post(receiver, BODY)

    assert (status, answer) == (200, b"{}")
    assert [b.size for b in batches(store)] == [1]


def test_what_was_answered_is_on_disk(store: RecordStore) -> None:
    with receiving(store) as receiver:
        post(receiver, BODY)
        waiting = (store.root / "otlp" / "live.jsonl").read_bytes()

    assert waiting.count(b"CallSignal") == 1


def test_a_batch_whose_calls_come_in_two_exports_is_one(store: RecordStore) -> None:
    later = traces(span("execute_tool Read", 0.5, 2, number=2))
    with receiving(store) as receiver:
        post(receiver, BODY)
        receiver.join()
        post(receiver, json.dumps(later).encode())

    assert [b.size for b in batches(store)] == [2]


def test_gzip_is_understood(store: RecordStore) -> None:
    with receiving(store) as receiver:
        status, _, _ = post(receiver, gzip.compress(BODY), Content_Encoding="gzip")

    assert status == 200


def test_a_chunked_body_is_an_export_and_the_connection_goes_on(
    store: RecordStore,
) -> None:
    with receiving(store) as receiver:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
        answers = []
        for _ in range(2):
            connection.request(
                "POST",
                "/v1/traces",
                iter([BODY[:10], BODY[10:]]),
                {"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
                encode_chunked=True,
            )
            with connection.getresponse() as answer:
                answers.append((answer.status, answer.read()))
        connection.close()
        status = receiver.status()

    assert answers == [(200, b"{}")] * 2
    assert (status.requests, status.refused, status.signals) == (2, 0, 2)


def test_a_body_of_20_mib_is_taken_as_it_comes(store: RecordStore) -> None:
    one = span("execute_tool Read", 0, 1, number=1, text="x" * (20 * 2**20 - 1000))
    body = json.dumps(traces(one)).encode()
    with receiving(store) as receiver:
        status, _, _ = post(receiver, body)

    assert len(body) > 20 * 2**20 - 1000
    assert status == 200
    assert [b.size for b in batches(store)] == [1]


def test_a_gzip_bomb_is_refused_before_it_opens(store: RecordStore) -> None:
    bomb = gzip.compress(b" " * 2**20)
    with receiving(store, content_bytes=2**19) as receiver:
        status, _, answer = post(receiver, bomb, Content_Encoding="gzip")

    assert status == 413
    assert b"inside" in answer


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "/v1/nonsense"}, 404),
        ({"method": "GET"}, 405),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Encoding": "br"}, 415),
        ({"Content_Encoding": "gzip"}, 400),
        ({"Content_Length": "x"}, 411),
        ({"Content_Type": "application/x-protobuf"}, 400),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(
    store: RecordStore, change: dict[str, Any], status: int
) -> None:
    with receiving(store) as receiver:
        got, _, answer = post(receiver, BODY, **change)

    assert got == status
    assert json.loads(answer)["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"resourceSpans": 1']
)
def test_a_body_that_is_no_export_is_refused(store: RecordStore, body: bytes) -> None:
    with receiving(store) as receiver:
        status, _, answer = post(receiver, body)

    assert status == 400
    assert json.loads(answer)["message"]


def test_a_body_above_the_limit_is_refused_unread(store: RecordStore) -> None:
    with receiving(store, body_bytes=100) as receiver:
        status, _, _ = post(receiver, BODY)

    assert status == 413


def test_too_much_waiting_pushes_back(store: RecordStore) -> None:
    with receiving(store, waiting_bytes=0) as receiver:
        post(receiver, BODY)
        status, headers, _ = post(receiver, BODY)

    assert status == 429
    assert int(headers["Retry-After"]) > 0


def raw_connection(receiver: OtlpReceiver) -> socket.socket:
    return socket.create_connection(("127.0.0.1", receiver.port), timeout=10)


HEAD = (
    b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)


def test_a_connection_above_the_limit_is_turned_away(store: RecordStore) -> None:
    with receiving(store, connections=1) as receiver, raw_connection(receiver) as busy:
        busy.sendall(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        begun = busy.recv(100)
        with raw_connection(receiver) as late:
            answer = late.recv(4096)

    assert begun.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in answer


def test_idle_connections_hold_no_slot(store: RecordStore) -> None:
    with receiving(store, connections=4, requests=1) as receiver:
        idle = [raw_connection(receiver) for _ in range(4)]
        statuses = {post(receiver, BODY)[0] for _ in range(3)}
        for one in idle:
            one.close()

    assert statuses == {200}


def test_a_connection_serves_several_requests(store: RecordStore) -> None:
    with receiving(store) as receiver:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
        statuses = []
        for _ in range(3):
            connection.request(
                "POST", "/v1/traces", BODY, {"Content-Type": "application/json"}
            )
            with connection.getresponse() as answer:
                statuses.append(answer.status)
                answer.read()
        connection.close()

    assert statuses == [200, 200, 200]


def test_a_refusal_arrives_though_the_sender_is_still_sending(
    store: RecordStore,
) -> None:
    with receiving(store, body_bytes=1000) as receiver:
        status, _, answer = post(receiver, b"x" * 8 * 2**20)

    assert status == 413
    assert b"above 1000 bytes" in answer


def test_a_slow_sender_is_cut_off_at_its_deadline(store: RecordStore) -> None:
    with (
        receiving(store, timeout_s=5, request_s=0.3) as receiver,
        raw_connection(receiver) as slow,
    ):
        slow.sendall(HEAD + b"Content-Length: 500\r\n\r\n")
        answer = b""
        while not answer:
            slow.sendall(b" ")
            slow.settimeout(0.05)
            with suppress(TimeoutError):
                answer = slow.recv(100)

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "attacker.example:4318"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost"}, 200),
        ({"Host": "[::1]:4318"}, 200),
    ],
)
def test_web_pages_may_not_send(
    store: RecordStore, headers: dict[str, str], status: int
) -> None:
    with receiving(store) as receiver:
        got, _, _ = post(receiver, BODY, **headers)

    assert got == status


def test_an_address_for_others_needs_a_token(store: RecordStore) -> None:
    with pytest.raises(UsageError, match="token"):
        OtlpReceiver(store, host="0.0.0.0", port=0)  # noqa: S104 - refused


@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 401), (None, 200)],
)
def test_where_there_is_a_token_it_is_asked_for(
    store: RecordStore, given: dict[str, str] | None, status: int
) -> None:
    token = "-".join(["a", "token", "of", "some", "length"])
    sent = {"Authorization": f"Bearer {token}"} if given is None else given
    with OtlpReceiver(store, port=0, token=token) as receiver:
        got, _, _ = post(receiver, BODY, **sent)

    assert got == status


def test_values_are_bounded_before_they_are_parsed(store: RecordStore) -> None:
    many = b'{"resourceSpans":[' + b"{}," * 5000 + b"{}]}"
    with receiving(store, values=1000) as receiver:
        status, _, answer = post(receiver, many)

    assert status == 413
    assert b"values" in answer


def test_a_text_with_many_commas_is_no_reason_to_refuse(store: RecordStore) -> None:
    one = span("execute_tool Read", 0, 1, number=1, text="x," * 5000)
    with receiving(store, values=1000) as receiver:
        status, _, _ = post(receiver, json.dumps(traces(one)).encode())

    assert status == 200


def test_what_is_joined_is_sealed_and_no_longer_counts(store: RecordStore) -> None:
    size = len(BODY) * 2
    with receiving(store, waiting_bytes=size, open_signals=2) as receiver:
        statuses = []
        for number in range(8):
            one = span("execute_tool Read", 9 * number, 9 * number + 1, number=number)
            statuses.append(post(receiver, json.dumps(traces(one)).encode())[0])
            receiver.join()
        left = list((store.root / "otlp").glob("*.jsonl"))

    assert statuses == [200] * 8
    assert left == []
    assert len(batches(store)) == 8


def test_a_batch_goes_on_after_a_restart(store: RecordStore) -> None:
    later = traces(span("execute_tool Read", 0.5, 2, number=2))
    with receiving(store) as receiver:
        post(receiver, BODY)
    with receiving(store) as receiver:
        post(receiver, json.dumps(later).encode())

    assert [b.size for b in batches(store)] == [2]


def test_a_session_that_is_silent_for_long_is_over(store: RecordStore) -> None:
    later = traces(span("execute_tool Read", 0.5, 2, number=2))
    with receiving(store, settle_s=-1.0) as receiver:
        post(receiver, BODY)
        receiver.join()
        post(receiver, json.dumps(later).encode())

    assert sorted(b.size for b in batches(store)) == [1, 1]


def test_damaged_open_sessions_are_set_aside(store: RecordStore) -> None:
    folder = store.root / "otlp"
    folder.mkdir(parents=True)
    (folder / "open.sqlite").write_text("no database, but long enough for a header")
    with receiving(store) as receiver:
        status, _, _ = post(receiver, BODY)

    assert status == 200
    assert [b.size for b in batches(store)] == [1]


def test_a_sender_s_record_is_declared_and_replaces_no_measured_one(
    store: RecordStore,
) -> None:
    clocked = LoadSample(
        record_id="x",
        at=datetime(2026, 1, 5, tzinfo=UTC),
        source="here",
        provenance=Provenance.MEASURED,
        host="h",
        cpu=0.5,
    )
    store.add(clocked)
    store.flush()
    claimed = replace(clocked, record_id="y", source="there")
    body = json.dumps(records_to_otlp([claimed])).encode()
    with receiving(store) as receiver:
        post(receiver, body)
    store.compact()

    found = {r.record_id: r.provenance for r in store.dataset.scan("load")}
    assert found == {"x": Provenance.MEASURED, "y": Provenance.DECLARED}


def test_ids_that_are_names_are_hidden_with_the_store_s_key(store: RecordStore) -> None:
    one = span("execute_tool Read", 0, 1, number=1, **{"session.id": "jo@example.org"})
    with receiving(store) as receiver:
        post(receiver, json.dumps(traces(one)).encode())

    assert [b.session_id for b in batches(store)] == [
        f"hidden-{store.hidden('jo@example.org')}"
    ]


def test_a_store_that_cannot_be_written_asks_to_come_back(store: RecordStore) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    (store.root / "otlp").write_text("a file where a folder should be")
    receiver = receiving(store)
    receiver._thread.start()
    status, headers, _ = post(receiver, BODY)
    receiver._server.shutdown()
    receiver._server.server_close()

    assert (status, "Retry-After" in headers) == (503, True)


def test_a_span_that_is_refused_is_told_in_the_answer(store: RecordStore) -> None:
    bad = json.dumps(traces(span("execute_tool Read", 2, 1))).encode()
    with receiving(store) as receiver:
        status, _, answer = post(receiver, bad)

    assert status == 200
    assert json.loads(answer)["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.slow
def test_the_real_exporter_delivers_log_events(store: RecordStore) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry._logs import LogRecord
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    name = "claude_code.tool_result"
    named: list[dict[str, Any]] = [{"event_name": name}, {"body": name}]
    said = {"session.id": "s1", "tool_name": "Read", "success": "true"}
    begun_ns = 1_780_000_000_000_000_000
    with receiving(store) as receiver:
        provider = LoggerProvider()
        endpoint = f"http://127.0.0.1:{receiver.port}/v1/logs"
        exporter = OTLPLogExporter(endpoint=endpoint)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        for number, field in enumerate(named):
            one = said | {"tool_use_id": f"toolu_{number}", "duration_ms": "500"}
            at_ns = begun_ns + number * 10**8
            record = LogRecord(timestamp=at_ns, attributes=one, **field)
            provider.get_logger("claude_code").emit(record)
        flushed = provider.force_flush()
        provider.shutdown()
        status = receiver.status()

    assert flushed
    assert (status.refused, status.signals, status.ignored) == (0, 2, 0)
    assert [(b.size, b.succeeded) for b in batches(store)] == [(2, 2)]


@pytest.mark.slow
def test_the_real_exporter_delivers_spans(store: RecordStore) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    with receiving(store) as receiver:
        provider = TracerProvider()
        exporter = OTLPSpanExporter(
            endpoint=f"http://127.0.0.1:{receiver.port}/v1/traces",
            compression=Compression.Gzip,
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("swarm")
        with tracer.start_as_current_span("invoke_agent a"):
            spans = [
                tracer.start_span(
                    "execute_tool Read",
                    attributes={
                        "gen_ai.operation.name": "execute_tool",
                        "gen_ai.tool.name": "Read",
                        "gen_ai.conversation.id": "s1",
                        "gen_ai.tool.call.id": f"call_{number}",
                    },
                )
                for number in range(3)
            ]
            for one in spans:
                one.end()
        flushed = provider.force_flush()
        provider.shutdown()
        status = receiver.status()

    assert flushed
    assert (status.refused, status.signals, status.ignored) == (0, 3, 1)
    assert [(b.size, b.session_id) for b in batches(store)] == [(3, "s1")]


@pytest.mark.slow
def test_the_command_receives_until_its_time_is_over(tmp_path: Path) -> None:
    import subprocess
    import sys

    words = ["records", "receive", "--port", "0", "--store", str(tmp_path / "s")]
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", *words, "--seconds", "4", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    port = int(process.stderr.readline().rsplit(b":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/traces", BODY, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert json.loads(out)["signals"] == 1
