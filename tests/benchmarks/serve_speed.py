"""What a decision over HTTP costs, beside the same decision in process.

One kept-alive connection of loopback asks `toolkit serve`, a process of its own, in turns
with an advisor of this process; both answer from the same bundle. The ratio is what the
connection, two JSON documents and another process cost.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from tests.bundle_factory import small_bundle
from tests.cli.test_serve import serving
from toolkit import Advisor

__all__ = ["main"]

ROUNDS = 25
BLOCK = 40
CONTEXT: dict[str, float | str] = {"operation_type": "todoWrite", "load_cpu": 0.6}


def main() -> dict[str, float]:
    """Ask in turns and print medians, tails and the ratio."""
    times: dict[str, list[float]] = {"http": [], "in_process": []}
    with tempfile.TemporaryDirectory() as folder:
        expires = datetime(2100, 1, 1, tzinfo=UTC)
        bundle = small_bundle(Path(folder) / "bundle", expires_at=expires)
        advisor = Advisor(bundle)
        words = ["--bundle", str(bundle.path)]
        with serving(Path(folder) / "store", *words) as server:
            connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
            calls: dict[str, Callable[[], object]] = {
                "http": lambda: _ask(connection),
                "in_process": lambda: advisor.decide(**CONTEXT),
            }
            for _ in range(ROUNDS):
                for name, call in calls.items():
                    call()
                    times[name] += [_took_us(call) for _ in range(BLOCK)]
            connection.close()
    figures = {
        f"{name}_{part}_us": value
        for name, each in times.items()
        for part, value in (
            ("median", statistics.median(each)),
            ("p95", float(np.percentile(each, 95))),
        )
    }
    figures["http_over_in_process"] = (
        figures["http_median_us"] / figures["in_process_median_us"]
    )
    for name, value in figures.items():
        sys.stdout.write(f"{name:34} {value:10.2f}\n")
    return figures


def _ask(connection: HTTPConnection) -> bytes:
    body = json.dumps({"context": CONTEXT})
    kind = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/decisions/batch_size", body, kind)
    answer = connection.getresponse()
    read = answer.read()
    if answer.status != 200:
        raise AssertionError(read)
    return read


def _took_us(call: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began) / 1e3


if __name__ == "__main__":
    main()
