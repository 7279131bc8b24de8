"""DuckDB against Spark on one machine: the same commands on made-up histories of several
sizes, each in a process of its own, one after the other.

*CPU* is the processor time of a command and of everything that it starts, Java included,
which a busy machine leaves about right; *wall* is the time on the clock. Memory is the
largest sum of what its processes hold. What an empty Spark session costs is measured
apart: it is in every command on Spark.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.large_history import LargeHistory

__all__ = ["main", "watched"]

SIZES = (20_000, 200_000)
LOOK_S = 0.05
MEMORY = "3GB"

START = """
from toolkit.history import Spark
with Spark().session() as session:
    session.range(1).count()
"""


def watched(command: Sequence[str]) -> dict[str, float]:
    """Run a command; give its seconds, its processor seconds, and its megabytes."""
    seconds: dict[int, float] = {}
    most, began = 0.0, time.perf_counter()
    environment = {**os.environ, "TOOLKIT_MEMORY": MEMORY}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env=environment
    ) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            held = 0.0
            try:
                family = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                break
            for one in family:
                try:
                    times = one.cpu_times()
                    seconds[one.pid] = times.user + times.system
                    held += one.memory_info().rss / 1e6
                except psutil.NoSuchProcess:
                    continue
            most = max(most, held)
            time.sleep(LOOK_S)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(sum(seconds.values()), 1),
        "mb": round(most),
    }


def commands(store: Path, out: Path, engine: str) -> dict[str, list[str]]:
    """Write the two commands that are compared."""
    toolkit = [sys.executable, "-m", "toolkit"]
    where = ["--store", str(store), "--engine", engine, "--json"]
    table = str(out / f"{engine}.parquet")
    return {
        "features": [*toolkit, "features", "build", "batch", "--out", table, *where],
        "review": [*toolkit, "review", "--no-import", *where],
    }


def compare(size: int, store: Path, out: Path) -> list[dict[str, Any]]:
    """Time both commands on both engines."""
    return [
        {"batches": size, "what": what, "engine": engine, **watched(command)}
        for what in ("features", "review")
        for engine in ("duckdb", "spark")
        for command in [commands(store, out, engine)[what]]
    ]


def main(sizes: Sequence[int] = SIZES) -> None:
    """Print the figures, a JSON object a line."""
    start = watched([sys.executable, "-c", START])
    sys.stdout.write(json.dumps({"what": "an empty session", **start}) + "\n")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            batches = LargeHistory(batches=size).write(store)
            for row in compare(batches, store, Path(folder)):
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    try:
        import pyspark  # noqa: F401 - whether it is installed
    except ImportError:
        sys.stdout.write("engine speed: skipped, no pyspark\n")
    else:
        main([int(size) for size in sys.argv[1:]] or SIZES)
