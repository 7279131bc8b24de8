"""DuckDB against Spark on one machine: the same commands on made-up histories of several
sizes, each in a process of its own, one after the other.

*CPU* is the processor time of a command and of everything that it starts, Java included,
which a busy machine leaves about right; *wall* is the time on the clock. Memory is the
largest sum of what its processes hold. What an empty Spark session costs is measured
apart: it is in every command on Spark.

A straight line through the sizes gives what a command takes in any case and what a batch
adds. From the lines follows the size from which a cluster is faster on the clock, if its
cores shared what batches add evenly: that is arithmetic, as no cluster was measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

from tests.benchmarks.large_history import LargeHistory

__all__ = ["Line", "crossover", "fitted", "main", "watched"]

SIZES = (20_000, 200_000)
LOOK_S = 0.05
MEMORY = "3GB"
WHAT = ("features", "review")
CLUSTERS = (16, 32, 64, 128, 256)
"""Cores of a cluster for which a crossover is computed."""

START = """
from toolkit.history import Spark
with Spark().session() as session:
    session.range(1).count()
"""


def watched(command: Sequence[str], *, threads: int = 2) -> dict[str, float]:
    """Run a command; give its seconds, its processor seconds, and its megabytes."""
    seconds: dict[int, float] = {}
    most, began = 0.0, time.perf_counter()
    limits = {"TOOLKIT_MEMORY": MEMORY, "TOOLKIT_THREADS": str(threads)}
    environment = {**os.environ, **limits}
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


class Line(NamedTuple):
    """Processor seconds of a command: what it takes in any case, and what a batch adds."""

    fixed_s: float
    batch_s: float


def fitted(batches: Sequence[float], cpu_s: Sequence[float]) -> Line:
    """Draw a straight line through what at least two sizes took."""
    slope, fixed = np.polyfit(batches, cpu_s, 1)
    return Line(fixed_s=float(fixed), batch_s=float(slope))


def crossover(duckdb: Line, spark: Line, *, threads: int, cores: int) -> float:
    """Compute the size from which Spark on a cluster ends before DuckDB on a machine.

    Parameters
    ----------
    duckdb, spark : Line
    threads : int
        Of DuckDB; all that it does is shared among them.
    cores : int
        Of the cluster; they share what batches add, and not the start.

    Returns
    -------
    float
        Batches; infinite where Spark is never first.

    Examples
    --------
    >>> crossover(Line(2.0, 5e-6), Line(40.0, 50e-6), threads=2, cores=40)
    31200000
    >>> crossover(Line(2.0, 5e-6), Line(40.0, 50e-6), threads=2, cores=20)
    inf
    """
    gained_s = duckdb.batch_s / threads - spark.batch_s / cores
    if gained_s <= 1e-12:
        return float("inf")
    return round((spark.fixed_s - duckdb.fixed_s / threads) / gained_s)


def measured(
    size: int, what: Sequence[str], threads: Sequence[int]
) -> list[dict[str, Any]]:
    """Time the commands on both engines, and print each at once."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        batches = LargeHistory(batches=size).write(store)
        for name in what:
            for engine in ("duckdb", "spark"):
                for count in threads:
                    command = commands(store, Path(folder), engine)[name]
                    row = {"batches": batches, "what": name, "engine": engine}
                    took = watched(command, threads=count)
                    rows.append({**row, "threads": count, **took})
                    sys.stdout.write(json.dumps(rows[-1]) + "\n")
                    sys.stdout.flush()
    return rows


def main(
    sizes: Sequence[int] = SIZES,
    what: Sequence[str] = WHAT,
    threads: Sequence[int] = (2,),
) -> None:
    """Print the figures, a JSON object a line, then the lines through them."""
    start = watched([sys.executable, "-c", START])
    sys.stdout.write(json.dumps({"what": "an empty session", **start}) + "\n")
    rows = [row for size in sizes for row in measured(size, what, threads)]
    for name in what:
        for count in threads:
            _print_lines(
                name,
                count,
                [row for row in rows if (row["what"], row["threads"]) == (name, count)],
            )


def _print_lines(name: str, threads: int, rows: Sequence[dict[str, Any]]) -> None:
    lines = {}
    for engine in ("duckdb", "spark"):
        own = [row for row in rows if row["engine"] == engine]
        if len(own) < 2:
            return
        lines[engine] = fitted(
            [row["batches"] for row in own], [row["cpu_s"] for row in own]
        )
        fixed_s, batch_s = lines[engine]
        sys.stdout.write(
            f"{name} on {engine}, {threads} threads: {fixed_s:.1f} CPU-s and "
            f"{1e6 * batch_s:.1f} us a batch\n"
        )
    for cores in CLUSTERS:
        size = crossover(**lines, threads=threads, cores=cores)
        sys.stdout.write(f"  {cores} cores of a cluster: from {size:,.0f} batches\n")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--of", action="append", choices=WHAT)
    parser.add_argument("--threads", type=int, action="append")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        import pyspark  # noqa: F401 - whether it is installed
    except ImportError:
        sys.stdout.write("engine speed: skipped, no pyspark\n")
    else:
        given = _parsed()
        main(given.sizes, given.of or WHAT, given.threads or (2,))
