"""A real S3 server for tests, and a gate before it that stops a chosen request."""

import http.client
import os
import re
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

__all__ = ["BUCKET", "PACKAGES", "Gate", "environment", "keys", "serving"]

BUCKET = "team-bucket"
SERVER = Path(sys.prefix) / "s3-server" / "bin" / "moto_server"
PACKAGES = Path(sysconfig.get_path("purelib", vars={"base": str(SERVER.parents[1])}))
"""Of the server's environment, boto3 among them."""
SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"
"""Moto finds the service by the form of the signature, which it does not check."""


def environment(port: int, **more: str) -> dict[str, str]:
    """Give the variables of a client of a server on this machine."""
    return {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        **more,
    }


@contextmanager
def serving(**switches: str) -> Iterator[int]:
    """Run a server with one bucket, and give its port."""
    if not SERVER.exists():
        pytest.skip(f"{SERVER} is not installed (`make work/engines/.ready`)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [SERVER, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **switches},
    )
    try:
        _make_bucket(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _make_bucket(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the server answers; the test's own timeout ends it."""
    while process.poll() is None:
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            server.request("PUT", f"/{BUCKET}", b"", {"Authorization": SIGNED})
            assert server.getresponse().status == 200
        except OSError:
            time.sleep(0.1)  # it does not listen yet
        else:
            return
        finally:
            server.close()
    raise RuntimeError("the S3 server has ended")


def keys(port: int) -> list[str]:
    """List the objects of the bucket, a thousand at the most."""
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    server.request("GET", f"/{BUCKET}?list-type=2", headers={"Authorization": SIGNED})
    found = server.getresponse().read().decode()
    server.close()
    return re.findall("<Key>(.*?)</Key>", found)


class Gate:
    """A proxy that lets requests through one at a time, and counts them.

    Parameters
    ----------
    port : int
        Of the server.
    at : int
        Request before which, or after which, `do` is called; 0 is none.
    do : callable
    after : bool
        Call it when the server has answered, and before the client sees the answer.
    cut : bool
        Close the connection then, as if the answer were lost.

    Attributes
    ----------
    requests : list of str
        Verbs of the requests so far.
    sent, received : int
        Bytes of bodies, from the client's side.
    """

    def __init__(
        self,
        port: int,
        at: int = 0,
        do: Callable[[], object] = lambda: None,
        *,
        after: bool = False,
        cut: bool = False,
    ) -> None:
        self.server_port = port
        self.at = at
        self.do = do
        self.after = after
        self.cut = cut
        self.requests: list[str] = []
        self.sent = self.received = 0
        self._one = threading.Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gate.handle(self)

            do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - as above

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Gate":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, client: BaseHTTPRequestHandler) -> None:
        """Pass one request on."""
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        with self._one:
            self.requests.append(client.command)
            now = len(self.requests) == self.at
            if now and not self.after:
                self.do()
                if self.cut:
                    client.close_connection = True
                    return
            status, headers, answer = self._passed_on(client, body)
            self.sent += len(body)
            self.received += len(answer)
            if now and self.after:
                self.do()
                if self.cut:
                    client.close_connection = True
                    return
        try:
            _answer(client, status, headers, answer)
        except OSError:
            client.close_connection = True  # the client has died

    def _passed_on(
        self, client: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        server = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=60)
        try:
            headers = {k: v for k, v in client.headers.items() if k != "Connection"}
            server.request(client.command, client.path, body, headers)
            found = server.getresponse()
            return found.status, dict(found.headers), found.read()
        finally:
            server.close()


def _answer(
    client: BaseHTTPRequestHandler,
    status: int,
    headers: Mapping[str, str],
    answer: bytes,
) -> None:
    client.send_response_only(status)
    for name, value in headers.items():
        if name.lower() not in ("connection", "transfer-encoding", "content-length"):
            client.send_header(name, value)
    length = headers.get("Content-Length", "0") if client.command == "HEAD" else None
    client.send_header("Content-Length", length or str(len(answer)))
    client.end_headers()
    client.wfile.write(answer)
