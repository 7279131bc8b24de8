import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.otlp.test_source import span, traces
from toolkit.capture import Limits, OtlpReceiver
from toolkit.history import RecordStore
from toolkit.records import Batch


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

    assert waiting.count(b"\n") == 1


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


def test_a_gzip_bomb_is_refused_before_it_opens(store: RecordStore) -> None:
    bomb = gzip.compress(b" " * (40 * 2**20))
    with receiving(store) as receiver:
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


def test_a_connection_above_the_limit_is_turned_away(store: RecordStore) -> None:
    with (
        receiving(store, connections=1, timeout_s=5) as receiver,
        socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as slow,
    ):
        slow.sendall(b"POST /v1/traces HTTP/1.1\r\n")
        # Connections are accepted in turn, so the second one finds no place. It reads
        # before it writes: the answer comes without waiting for a request.
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as late:
            answer = late.recv(4096)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in answer


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
def test_the_real_exporter_delivers_spans_and_logs(store: RecordStore) -> None:
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
