"""What a large company would need, from what smaller histories take on this machine.

Made-up histories of growing size are reviewed and turned into a feature table, each in a
process of its own. A straight line through what each took gives the cost of a batch; the
rest is arithmetic. The company of the page makes three thousand million calls a year.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.engine_speed import commands, watched
from tests.benchmarks.large_history import LargeHistory

__all__ = ["main", "projected"]

SIZES = (20_000, 100_000, 500_000)
CALLS_A_YEAR = 3e9
CALLS_A_BATCH = 1.41
"""Of 20,925 batches in logs of six agents: 29,563 operations."""
STORED_BYTES_A_BATCH = 405.0
"""A store of those logs, with turns, waves and coordination: 8.5 MB of Parquet."""
INDEX_BYTES_A_BATCH = 221.0
"""The index of known records beside it: 4.6 MB."""
ROWS_A_BATCH = 2.63
"""Records of all kinds: 55,139."""
COMPACTED_CPU_S = 14.9e-6
"""Of a row, of a million over 365 days."""
MONTHS, WORK_DAYS = 12, 250


def main(sizes: Sequence[int] = SIZES) -> list[dict[str, float]]:
    """Measure each size and print what a company would take."""
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            store = Path(folder) / str(size)
            batches = LargeHistory(batches=size).write(store)
            (out := Path(folder) / "out").mkdir(exist_ok=True)
            line = commands(store, out, "duckdb")
            took: dict[str, float] = {"batches": batches}
            for what in ("features", "review"):
                found = watched(line[what])
                took |= {f"{what}_{name}": value for name, value in found.items()}
            measured.append(took)
            sys.stdout.write(json.dumps(took) + "\n")
    for name, value in projected(measured).items():
        sys.stdout.write(f"{name:34} {value:14,.1f}\n")
    return measured


def projected(measured: Sequence[dict[str, float]]) -> dict[str, float]:
    """Compute a year, a month and a day of the company.

    Parameters
    ----------
    measured : sequence of dict
        What each size took: at least two.

    Returns
    -------
    dict of str to float
        By quantity; its unit is the end of its name.
    """
    batches = np.array([row["batches"] for row in measured], dtype=np.float64)

    def each(name: str) -> float:
        """Slope of a straight line: what one more batch takes."""
        values = np.array([row[name] for row in measured], dtype=np.float64)
        return float(np.polyfit(batches, values, 1)[0])

    year = CALLS_A_YEAR / CALLS_A_BATCH
    month, day = year / MONTHS, year / WORK_DAYS
    return {
        "batches_a_year_millions": year / 1e6,
        "stored_a_year_gb": year * STORED_BYTES_A_BATCH / 1e9,
        "index_a_year_gb": year * INDEX_BYTES_A_BATCH / 1e9,
        "compaction_a_day_cpu_min": day * ROWS_A_BATCH * COMPACTED_CPU_S / 60,
        "features_a_day_cpu_min": day * each("features_cpu_s") / 60,
        "features_a_year_cpu_h": year * each("features_cpu_s") / 3600,
        "review_a_day_cpu_min": day * each("review_cpu_s") / 60,
        "review_a_month_cpu_min": month * each("review_cpu_s") / 60,
        "review_a_day_gb": day * each("review_mb") / 1e3,
        "review_a_month_gb": month * each("review_mb") / 1e3,
    }


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SIZES)
