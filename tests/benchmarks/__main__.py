"""Runs every benchmark: each module measures something side by side and prints it.

What a `main` returns is appended to `figures.csv` beside this file, with the day, the
version and the machine's load, so that a slowdown is seen in the repository's history.
"""

import csv
import importlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from toolkit import __version__
from toolkit.clock import SystemClock

__all__ = ["BENCHMARKS", "append_figures"]

BENCHMARKS = (
    *("import_speed", "monitor_speed", "node_speed"),
    *("recommend_speed", "serve_speed"),
)
"""Modules of this folder, each with a `main` that prints its figures."""

TABLE = Path(__file__).with_name("figures.csv")
HEADER = ("day", "version", "load", "benchmark", "figure", "value")


def append_figures(
    table: Path, name: str, figures: Mapping[str, float], at: datetime, load: float
) -> None:
    """Append what a benchmark found, a row a figure.

    Parameters
    ----------
    table : path
        A CSV file, made with its header where it is missing.
    name : str
        Of the benchmark.
    figures : mapping of str to float
    at : datetime
        Aware; its day is kept.
    load : float
        Average of the machine over the last minute.
    """
    is_new = not table.exists()
    with table.open("a", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        if is_new:
            rows.writerow(HEADER)
        for figure, value in figures.items():
            day = at.astimezone(UTC).date()
            rows.writerow(
                [day, __version__, f"{load:.1f}", name, figure, f"{value:.4g}"]
            )


def _run() -> None:
    for name in BENCHMARKS:
        found = importlib.import_module(f"tests.benchmarks.{name}").main()
        if isinstance(found, dict):
            now, load = SystemClock().now(), os.getloadavg()[0]
            append_figures(TABLE, name, found, now, load)


if __name__ == "__main__":
    _run()
