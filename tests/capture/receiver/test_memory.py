"""What sixteen small requests expand to at once is bounded: a receiver of its own process."""

import gzip
import http.client
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

MIB = 2**20
MOST_MB = 1000
BOMBS = {
    "blanks": b'{"resourceSpans":[' + b" " * (30 * MIB) + b"]}",
    "values": b'{"resourceSpans":[' + b"{}," * 1_900_000 + b"{}]}",
    "nested": b'{"resourceSpans":[' + b'{"a":{"b":{"c":{}}}},' * 480_000 + b"{}]}",
    "text": b'{"resourceSpans":["' + b"a" * (30 * MIB) + b'"]}',
}
"""Each is some 30 kB when it is compressed."""


def peak_mb(process: "subprocess.Popen[str]") -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
# Sixteen requests of the largest size are sent at once.
@pytest.mark.timeout(180)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_sixteen_small_requests_at_once_take_bounded_memory(tmp_path: Path) -> None:
    words = ["records", "receive", "--port", "0", "--store", str(tmp_path / "s")]
    sent = [gzip.compress(bomb) for bomb in BOMBS.values()] * 4
    command = [sys.executable, "-m", "toolkit", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rsplit(":", 1)[1])

        def post(body: bytes) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=170)
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            connection.request("POST", "/v1/traces", body, headers)
            status = connection.getresponse().status
            connection.close()
            return status

        try:
            with ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(post, sent))
            peak = peak_mb(process)
        finally:
            process.kill()

    assert max(map(len, sent)) < 50_000
    assert set(answers) <= {200, 413, 503}
    assert peak < MOST_MB
