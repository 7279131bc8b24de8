"""Times one budget with 1, 2 and 4 workers, side by side: `python -m` this module.

A trial waits instead of computing, so that the machine's cores are not what is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.engines.postgresql import running_postgresql
from tests.shared import ROOT

PROGRAM = [sys.executable, "-m", "tests.experiments.tuning.slow_study"]
WORKERS = (1, 2, 4)


def timed(where: str, workers: int, budget: int, pause_s: float) -> tuple[float, str]:
    """Fill a study, and return the seconds and what was counted."""
    done = subprocess.run(
        [
            *(*PROGRAM, where, "--workers", str(workers)),
            *("--budget", str(budget), "--pause", str(pause_s)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)["seconds"]), done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=24)
    parser.add_argument("--pause", type=float, default=2.0)
    given = parser.parse_args()
    took: dict[tuple[str, int], list[float]] = {}
    with running_postgresql() as server, tempfile.TemporaryDirectory() as folder:
        for round_ in range(given.rounds):
            for workers in WORKERS:
                name = f"w{workers}r{round_}"
                for kind, where in (
                    ("journal", str(Path(folder) / name)),
                    ("PostgreSQL", server.new_database(name)),
                ):
                    seconds, said = timed(where, workers, given.budget, given.pause)
                    took.setdefault((kind, workers), []).append(seconds)
                    sys.stdout.write(f"{kind} {workers} {seconds:.1f} {said}\n")
                    sys.stdout.flush()
    for (kind, workers), each in sorted(took.items()):
        sys.stdout.write(
            f"{kind}, {workers} workers: median {median(each):.1f} s "
            f"({min(each):.1f} to {max(each):.1f}), "
            f"{median(took[kind, 1]) / median(each):.2f} times as fast as one\n"
        )


if __name__ == "__main__":
    main()
