"""Runs every benchmark: each module measures something side by side and prints it.

What a `main` returns is appended to `figures.csv` beside this file, with the day, the
commit, the machine's cores and its load, so that a slowdown is seen in the repository's
history. `python -m tests.benchmarks NAME ...` runs some of them.
"""

import argparse
import csv
import importlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path

from tests.shared import ROOT
from toolkit import __version__
from toolkit.clock import SystemClock

__all__ = ["BENCHMARKS", "Occasion", "append_figures"]

BENCHMARKS = (
    *("import_speed", "monitor_speed", "node_speed"),
    *("recommend_speed", "serve_speed"),
)
"""Modules of this folder, each with a `main` that prints its figures and returns them."""

TABLE = Path(__file__).with_name("figures.csv")
HEADER = (
    *("day", "commit", "version", "cores", "load"),
    *("benchmark", "figure", "value", "note"),
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and on what a benchmark ran.

    Attributes
    ----------
    day : date
        In UTC.
    commit : str
        Shortened; ends in `+` where the toolkit differed from it.
    cores : int
    load : float
        Average of the machine over the minute before.
    """

    day: date
    commit: str
    cores: int
    load: float

    @classmethod
    def now(cls) -> "Occasion":
        """Look at the clock, the checkout and the machine."""
        return cls(
            day=SystemClock().now().astimezone(UTC).date(),
            commit=_commit(),
            cores=os.cpu_count() or 1,
            load=os.getloadavg()[0],
        )


def append_figures(
    table: Path,
    name: str,
    figures: Mapping[str, float],
    occasion: Occasion,
    *,
    why_none: str = "what it needs is not on this machine",
) -> None:
    """Append what a benchmark found, a row a figure.

    Parameters
    ----------
    table : path
        A CSV file, made with its header where it is missing.
    name : str
        Of the benchmark.
    figures : mapping of str to float
        Where it is empty one row says why there are none.
    occasion : Occasion
    why_none : str
    """
    is_new = not table.exists()
    values = [(figure, f"{value:.4g}", "") for figure, value in figures.items()]
    with table.open("a", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        if is_new:
            rows.writerow(HEADER)
        for row in values or [("", "", why_none)]:
            rows.writerow(
                [
                    *(occasion.day, occasion.commit, __version__, occasion.cores),
                    *(f"{occasion.load:.1f}", name, *row),
                ]
            )


def _commit() -> str:
    changed = _git("status", "--porcelain", "--", "toolkit")
    return (_git("rev-parse", "--short", "HEAD") or "unknown") + "+" * bool(changed)


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _run(names: Sequence[str]) -> None:
    for name in names:
        occasion = Occasion.now()
        figures = importlib.import_module(f"tests.benchmarks.{name}").main()
        append_figures(TABLE, name, figures, occasion)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", default=BENCHMARKS)
    _run(parser.parse_args().name)
