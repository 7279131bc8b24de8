"""A small OTLP/HTTP receiver: what senders export becomes records, at once or refused.

A request is answered 200 only when what it said is on disk. Requests are reduced before
anything is written, so texts that a sender includes are never stored. Everything a
sender controls has a limit: size before and after decompression, time, connections.
"""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, NamedTuple

from toolkit.errors import InputDataError, MissingExtraError
from toolkit.history import RecordStore
from toolkit.history.importers import decode_object
from toolkit.history.importers.otlp import (
    CallSignal,
    Reduced,
    SignalGroups,
    TurnSignal,
    WaitSignal,
    reduce_document,
)
from toolkit.records import Spool, read_lines

__all__ = ["Limits", "OtlpReceiver", "ReceiverStatus"]

SPOOL_NAME = "otlp"
"""Folder of the store that reduced signals wait in."""

PATHS = {
    "/v1/traces": ("trace", "ExportTraceService"),
    "/v1/logs": ("logs", "ExportLogsService"),
    "/v1/metrics": ("metrics", "ExportMetricsService"),
}
REJECTED = {"trace": "rejectedSpans", "logs": "rejectedLogRecords"}
SIGNAL_TYPES = {cls.__name__: cls for cls in (CallSignal, TurnSignal, WaitSignal)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one receiver takes.

    Parameters
    ----------
    body_bytes : int
        Largest request as it is sent.
    content_bytes : int
        Largest request after decompression.
    connections : int
        Requests handled at once; more are answered 503.
    waiting_bytes : int
        Most that may wait on disk to be joined; above it requests are answered 429.
    timeout_s : float
        Longest silence of a sender.
    retry_after_s : int
        What a sender that is turned away is told to wait.
    """

    body_bytes: int = 4 * 2**20
    content_bytes: int = 32 * 2**20
    connections: int = 16
    waiting_bytes: int = 256 * 2**20
    timeout_s: float = 10.0
    retry_after_s: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStatus:
    """What a receiver has done so far.

    Attributes
    ----------
    requests, refused : int
        Answered 200; answered otherwise.
    signals, records, ignored : int
        Signals kept, records kept, entries that say nothing about batches.
    """

    requests: int = 0
    refused: int = 0
    signals: int = 0
    records: int = 0
    ignored: int = 0


class _Refusal(NamedTuple):
    status: int
    reason: str
    retry: bool = False


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str, *, retry: bool = False) -> None:
        self.refusal = _Refusal(status, reason, retry)
        super().__init__(reason)


class OtlpReceiver:
    """Receives OTLP over HTTP, JSON and protobuf, on one address.

    Use it as a context manager; `join` (also done on leaving) turns the signals that
    have come so far into records. Joining again is harmless: a batch that has grown
    replaces its shorter copy.

    Parameters
    ----------
    store : RecordStore
    host : str
        127.0.0.1 unless others shall be let in.
    port : int
        0 takes a free one.
    limits : Limits
    """

    def __init__(
        self,
        store: RecordStore,
        *,
        host: str = "127.0.0.1",
        port: int = 4318,
        limits: Limits | None = None,
    ) -> None:
        self.store = store
        self.limits = limits or Limits()
        self._spool = Spool(store.root / SPOOL_NAME)
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(ReceiverStatus.__dataclass_fields__, 0)
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> "OtlpReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.join()

    def status(self) -> ReceiverStatus:
        """Take a snapshot of the counts."""
        with self._lock:
            return ReceiverStatus(**self._counts)

    def join(self) -> int:
        """Turn the signals received so far into records of the store.

        Returns
        -------
        int
            Records handed to the store, known ones included.
        """
        count = 0
        with closing(SignalGroups()) as groups:
            for path in self._spool.files():
                for line in read_lines(path):
                    for signal in _signals_of(line.row or {}):
                        groups.add(signal)
            for record in groups.records():
                self.store.add(record)
                count += 1
        self.store.flush()
        return count

    def keep(self, document: Mapping[str, Any]) -> Reduced:
        """Write down what a document says; when this returns it is on disk.

        Raises
        ------
        InputDataError
            It is not an OTLP document.
        """
        reduced = reduce_document(document)
        rows = [
            {"signal": type(signal).__name__, "values": list(signal)}
            for signal in reduced.signals
        ]
        self._spool.append_all(rows)
        self.store.spool.append_all(record.to_json() for record in reduced.records)
        self._count(
            requests=1,
            signals=len(rows),
            records=len(reduced.records),
            ignored=reduced.ignored,
        )
        return reduced

    def refuse_while_full(self) -> None:
        """Refuse a request while too much waits to be joined."""
        waiting = sum(path.stat().st_size for path in self._spool.files())
        if waiting > self.limits.waiting_bytes:
            raise _RefusedError(429, "too much waits to be joined", retry=True)

    def count_refused(self) -> None:
        """Count a request that was turned away."""
        self._count(refused=1)

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, value in more.items():
                self._counts[name] += value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], receiver: OtlpReceiver) -> None:
        self.receiver = receiver
        self._slots = threading.BoundedSemaphore(receiver.limits.connections)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread, or turn it away where all are busy."""
        if not self._slots.acquire(blocking=False):
            self.receiver.count_refused()
            with closing(request):
                request.settimeout(1.0)
                _send_raw(request, self.receiver.limits.retry_after_s)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection and free its slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is the standard library's
        """Count a connection that broke; nobody is left to be told."""
        self.receiver.count_refused()


def _send_raw(request: socket.socket, retry_after_s: int) -> None:
    try:
        request.sendall(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
            b"Connection: close\r\nRetry-After: %d\r\n\r\n" % retry_after_s
        )
    except OSError:
        return  # the sender has gone; it will see a closed connection


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        """Give the sender a limited time to speak."""
        self.request.settimeout(self.server.receiver.limits.timeout_s)
        super().setup()

    def do_POST(self) -> None:
        """Take one export request."""
        receiver = self.server.receiver
        try:
            with _refusals():
                self._take(receiver)
        except _RefusedError as error:
            receiver.count_refused()
            self._refuse(error.refusal)

    def do_GET(self) -> None:
        """Say how to use it."""
        self.server.receiver.count_refused()
        self._refuse(_Refusal(405, "send a POST request with an OTLP export"))

    do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - names that the standard library looks for

    def log_message(self, *_: object) -> None:
        """Log nothing for each request: `status` has the counts."""

    def _take(self, receiver: OtlpReceiver) -> None:
        known = PATHS.get(self.path.split("?", 1)[0].rstrip("/"))
        if known is None:
            raise _RefusedError(404, f"no such path; known are {', '.join(PATHS)}")
        kind = self.headers.get_content_type()
        if kind not in ("application/json", "application/x-protobuf"):
            raise _RefusedError(415, "send application/json or application/x-protobuf")
        receiver.refuse_while_full()
        content = self._content(receiver.limits)
        document = (
            decode_object(content)
            if kind == "application/json"
            else _document_of(content, *known)
        )
        reduced = receiver.keep(document)
        self._answer(kind, known, reduced)

    def _content(self, limits: Limits) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _RefusedError(411, "give the body's length in Content-Length")
        if int(length) > limits.body_bytes:
            raise _RefusedError(413, f"a body above {limits.body_bytes} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _RefusedError(400, "the body ended early")
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if encoding == "identity":
            return body
        if encoding != "gzip":
            raise _RefusedError(415, "send Content-Encoding gzip or none")
        with gzip.GzipFile(fileobj=BytesIO(body)) as stream:
            content = stream.read(limits.content_bytes + 1)
        if len(content) > limits.content_bytes:
            raise _RefusedError(413, f"more than {limits.content_bytes} bytes inside")
        return content

    def _answer(self, kind: str, known: tuple[str, str], reduced: Reduced) -> None:
        partial: dict[str, Any] = {}
        if reduced.refused and known[0] in REJECTED:
            partial = {
                "partialSuccess": {
                    REJECTED[known[0]]: str(len(reduced.refused)),
                    "errorMessage": reduced.refused[0],
                }
            }
        if kind == "application/json":
            self._send(200, kind, json.dumps(partial).encode())
            return
        from google.protobuf.json_format import ParseDict

        answer = ParseDict(partial, _message(*known, "Response"))
        self._send(200, kind, answer.SerializeToString())

    def _refuse(self, refusal: _Refusal) -> None:
        # What is left of the body was not read: the connection cannot go on.
        self.close_connection = True
        more = {"Connection": "close"}
        if refusal.retry:
            more["Retry-After"] = str(self.server.receiver.limits.retry_after_s)
        body = json.dumps({"message": refusal.reason}).encode()
        self._send(refusal.status, "application/json", body, more)

    def _send(
        self, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def _refusals() -> Iterator[None]:
    """Translate what a bad request raises to the status that it is answered with."""
    try:
        yield
    except InputDataError as error:
        place = "" if error.field is None else f"field `{error.field}`: "
        raise _RefusedError(400, f"{place}{error.problem}") from error
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise _RefusedError(400, "compressed data are damaged") from error
    except TimeoutError as error:
        raise _RefusedError(408, "the body took too long") from error
    except ConnectionError as error:
        raise _RefusedError(400, "the sender went away") from error
    except OSError as error:
        reason = f"cannot be stored now: {error.strerror}"
        raise _RefusedError(503, reason, retry=True) from error


def _document_of(content: bytes, module: str, service: str) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    request = _message(module, service, "Request")
    try:
        request.ParseFromString(content)
        document: dict[str, Any] = MessageToDict(request)
    except (DecodeError, ValueError, RecursionError) as error:
        raise _RefusedError(400, "not an OTLP export in protobuf") from error
    return document or {f"resource{_PLURALS[module]}": []}


_PLURALS = {"trace": "Spans", "logs": "Logs", "metrics": "Metrics"}


def _message(module: str, service: str, part: str) -> Any:
    from importlib import import_module

    try:
        found = import_module(
            f"opentelemetry.proto.collector.{module}.v1.{module}_service_pb2"
        )
    except ImportError as error:
        raise MissingExtraError("protobuf over OTLP/HTTP", "telemetry") from error
    make: Callable[[], Any] = getattr(found, f"{service}{part}")
    return make()


def _signals_of(
    row: Mapping[str, Any],
) -> Iterator[CallSignal | TurnSignal | WaitSignal]:
    kind = SIGNAL_TYPES.get(str(row.get("signal")))
    values = row.get("values")
    if kind is None or not isinstance(values, list):
        return
    if len(values) != len(kind._fields):
        return  # written by another version; the next export brings it again
    yield kind(*values)
