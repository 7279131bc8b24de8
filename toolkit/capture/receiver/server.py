"""The HTTP server: connections, requests and answers."""

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from toolkit.capture.receiver.body import (
    DeadlineReader,
    expand,
    has_more_values,
    read_body,
)
from toolkit.capture.receiver.limits import Limits, Refusal, RefusedError
from toolkit.capture.receiver.protobuf import SERVICES, Service, answer, entries_of
from toolkit.capture.receiver.routes import Route
from toolkit.errors import InputDataError, StorageError, ToolkitError
from toolkit.history.importers import decode_value
from toolkit.history.importers.otlp import Reduced, reduce_document, reduce_entry

if TYPE_CHECKING:
    from toolkit.capture.receiver.receiver import OtlpReceiver

__all__ = ["ExportServer"]

JSON = "application/json"
PROTOBUF = ("application/x-protobuf", "application/protobuf")
LINGER_S = 5.0
LINGER_BYTES = 512 * 2**20
"""How long, and how much, of a refused body is still read: a sender that is cut off
while it sends never sees the answer, and sends all of it again."""


class ExportServer(ThreadingHTTPServer):
    """One thread for each connection; a slot for each request that is handled.

    Parameters
    ----------
    address : tuple of str and int
    receiver : OtlpReceiver
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], receiver: "OtlpReceiver") -> None:
        self.receiver = receiver
        self.slots = threading.BoundedSemaphore(receiver.limits.requests)
        self.decoding = threading.Lock()
        self._lock = threading.Lock()
        self._open: dict[Any, bool] = {}
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread, or turn it away where all are busy."""
        with self._lock:
            full = len(self._open) >= self.receiver.limits.connections
            if not full or self._closed_idle():
                self._open[request] = False
                full = False
        if not full:
            super().process_request(request, client_address)
            return
        self.receiver.count_refused()
        with closing(request):
            request.settimeout(1.0)
            _send_busy(request, self.receiver.limits.retry_after_s)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection until it is closed."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def drain(self) -> None:
        """Wait for the requests that are being handled, and let no further one begin.

        What they acknowledge can then be joined before the process ends. A sender that is
        slower than the longest silence was acknowledged nothing, and is not waited for.
        """
        limits = self.receiver.limits
        until_s = self.receiver.clock.monotonic_s() + limits.timeout_s
        for _ in range(limits.requests):
            left_s = until_s - self.receiver.clock.monotonic_s()
            if not self.slots.acquire(timeout=max(left_s, 0.0)):
                return

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is the standard library's
        """Count a connection that broke; there is no sender left to answer."""
        self.receiver.count_refused()

    def mark(self, request: Any, *, idle: bool) -> None:
        """Note that a connection waits for its next request, or that it has one."""
        with self._lock:
            if self._open.pop(request, None) is not None:
                self._open[request] = idle

    def _closed_idle(self) -> bool:
        """Close the connection that has idled longest; `False` where none idles."""
        longest = next((one for one, idle in self._open.items() if idle), None)
        if longest is None:
            return False
        del self._open[longest]
        with suppress(OSError):
            longest.shutdown(socket.SHUT_RDWR)
        return True


def _send_busy(request: socket.socket, retry_after_s: int) -> None:
    with suppress(OSError):  # the sender has gone; it will see a closed connection
        request.sendall(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
            b"Connection: close\r\nRetry-After: %d\r\n\r\n" % retry_after_s
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ExportServer
    # An answer leaves in one piece and at once: its head alone would wait 40 ms for the
    # other side's delayed acknowledgement before the body may follow.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        """Read the connection against deadlines."""
        super().setup()
        self.rfile.close()
        self._reader = DeadlineReader(
            self.connection, self.server.receiver.clock.monotonic_s
        )
        self._buffered = io.BufferedReader(self._reader)
        self.rfile = self._buffered

    def handle_one_request(self) -> None:
        """Wait for a request without holding anything, then handle it in time."""
        limits = self.server.receiver.limits
        self._reader.wait(limits.idle_s)
        self.server.mark(self.connection, idle=True)
        self.close_connection = True
        try:
            if not self._buffered.peek(1):
                return
            self.server.mark(self.connection, idle=False)
            self._reader.begin(limits.timeout_s, limits.request_s)
            super().handle_one_request()
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Ask for the body at once: its sender waits for that."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def do_POST(self) -> None:
        """Handle one request with a body, an export in most cases."""
        self._handle(self._posted)

    def do_GET(self) -> None:
        """Answer a path of the owner's; say how to use the others."""
        self._handle(self._got)

    do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - names that the standard library looks for

    def log_message(self, *_: object) -> None:
        """Log nothing for each request: `status` has the counts."""

    def _handle(self, answered: Callable[[], None]) -> None:
        """Answer within a slot; a refusal is sent once the slot is free again."""
        receiver = self.server.receiver
        if not self.server.slots.acquire(timeout=receiver.limits.timeout_s):
            self._refuse(Refusal(503, "busy", retry=True))
            return
        try:
            with _refusals():
                answered()
        except RefusedError as error:
            refusal = error.refusal
        else:
            return
        finally:
            self.server.slots.release()
        self._refuse(refusal)

    def _posted(self) -> None:
        route = self._route()
        if route is None:
            self._export()
        else:
            self._answer(route)

    def _got(self) -> None:
        route = self._route()
        if route is None:
            raise RefusedError(405, "send a POST request with an OTLP export")
        self._answer(route)

    def _route(self) -> Route | None:
        return self.server.receiver.routes.get(self.path.split("?", 1)[0])

    def _answer(self, route: Route) -> None:
        receiver = self.server.receiver
        receiver.guard.check(self.headers, needs_token=route.needs_token)
        if self.command != route.method:
            raise RefusedError(405, f"send a {route.method} request")
        body = b""
        if route.method == "POST":
            limits = replace(receiver.limits, body_bytes=receiver.limits.question_bytes)
            body = read_body(self.rfile, self.headers, limits)
        reply = route.answer(body)
        self._send(reply.status, reply.kind, reply.body)

    def _export(self) -> None:
        receiver = self.server.receiver
        receiver.guard.check(self.headers)
        service = _service(self.path)
        kind = self.headers.get_content_type()
        if kind != JSON and kind not in PROTOBUF:
            raise RefusedError(415, f"send {JSON} or {PROTOBUF[0]}")
        receiver.refuse_while_full()
        body = read_body(self.rfile, self.headers, receiver.limits)
        coding = self.headers.get("content-encoding")
        with self.server.decoding:  # one after the other: what they expand to adds up
            content = expand(body, coding, receiver.limits)
            del body
            reduced = self._reduced(content, service, is_json=kind == JSON)
        receiver.keep(reduced)
        partial = _partial(service, reduced)
        sent = (
            json.dumps(partial).encode() if kind == JSON else answer(service, partial)
        )
        self._send(200, kind, sent)

    def _reduced(self, content: bytes, service: Service, *, is_json: bool) -> Reduced:
        receiver = self.server.receiver
        hidden = receiver.hidden
        most = receiver.limits.values
        if is_json:
            if has_more_values(content, most):
                raise RefusedError(413, f"more than {most} values in one request")
            return reduce_document(decode_value(content), hidden)
        reduced = reduce_document({"resourceSpans": []}, hidden)
        for entry in entries_of(content, service, most):
            reduce_entry(entry, hidden, reduced)
        return reduced

    def _refuse(self, refusal: Refusal) -> None:
        """Answer, and read on for a while, so that the sender sees the answer."""
        limits = self.server.receiver.limits
        self.server.receiver.count_refused()
        self.close_connection = True
        more = {"Connection": "close"}
        if refusal.retry:
            more["Retry-After"] = str(limits.retry_after_s)
        body = json.dumps({"message": refusal.reason}).encode()
        with suppress(OSError):
            self._send(refusal.status, JSON, body, more)
            self.connection.shutdown(socket.SHUT_WR)
            self._linger(limits)

    def _linger(self, limits: Limits) -> None:
        self._reader.begin(min(limits.timeout_s, LINGER_S), LINGER_S)
        left = LINGER_BYTES
        while left > 0 and (part := self._buffered.read1(2**16)):
            left -= len(part)

    def _send(
        self, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None
    ) -> None:
        self.connection.settimeout(self.server.receiver.limits.timeout_s)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def _service(path: str) -> Service:
    """Find the signal of a path; a prefix before `/v1/` is the sender's own."""
    parts = path.split("?", 1)[0].rstrip("/").split("/")
    service = SERVICES.get(parts[-1]) if parts[-2:-1] == ["v1"] else None
    if service is None:
        known = ", ".join(f"/v1/{name}" for name in SERVICES)
        raise RefusedError(404, f"no such path; known are {known}")
    return service


def _partial(service: Service, reduced: Reduced) -> dict[str, Any]:
    """Say which entries were refused and why, in the form of OTLP."""
    if not reduced.refused or service.signal == "metric":
        return {}
    return {
        "partialSuccess": {
            service.rejected: str(len(reduced.refused)),
            "errorMessage": reduced.refused[0],
        }
    }


@contextmanager
def _refusals() -> Iterator[None]:
    """Translate what a bad request raises to the status that it is answered with."""
    try:
        yield
    except InputDataError as error:
        place = "" if error.field is None else f"field `{error.field}`: "
        raise RefusedError(400, f"{place}{error.problem}") from error
    except StorageError as error:
        raise RefusedError(503, str(error), retry=True) from error
    except ToolkitError as error:
        raise RefusedError(400, str(error)) from error
    except TimeoutError as error:
        raise RefusedError(408, "the body took too long") from error
    except ConnectionError as error:
        raise RefusedError(400, "the sender went away") from error
    except OSError as error:
        reason = f"cannot be stored now: {error.strerror}"
        raise RefusedError(503, reason, retry=True) from error
