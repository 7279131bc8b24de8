"""Small decision tables whose costs follow the scalability law, made on the spot."""

from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.experiments.tables import read_decision_tables
from toolkit.models import DecisionTable


def frame(
    *, groups: int = 5, problems: int = 6, sizes: int = 6, seed: int = 0
) -> pd.DataFrame:
    """Every problem offers powers of two up to its own largest."""
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(groups):
        contention = 0.02 * np.exp(rng.normal(0, 0.5))
        for problem in range(problems):
            load = rng.uniform(0, 1)
            coherence = 0.001 * np.exp(3 * load)
            offered = np.arange(sizes - rng.integers(0, 2))
            for size in offered:
                n = 2.0**size
                slow = 1 + contention * (n - 1) + coherence * n * (n - 1)
                rows.append(
                    {
                        "problem": f"g{group}p{problem}",
                        "group": f"g{group}",
                        "action": str(int(n)),
                        "a_n": float(size),
                        "x_load": load,
                        "x_scale": float(group % 3),
                        "cost_time": 100 * slow / n * np.exp(rng.normal(0, 0.01)),
                    }
                )
    made = pd.DataFrame(rows)
    made["cost_knee"] = made["cost_time"] ** 2 * 2 ** made["a_n"]
    return made


def written(folder: Path, **options: int) -> Path:
    """Write a table into a folder, which is returned."""
    folder.mkdir(exist_ok=True)
    frame(**options).to_csv(folder / "law_workers.csv", index=False)
    return folder


def table(folder: Path, *, cost: str = "knee", **options: int) -> DecisionTable:
    """Read one cost of a table that was just written."""
    tables = read_decision_tables(written(folder, **options))
    return next(each for each in tables if each.cost == cost)
