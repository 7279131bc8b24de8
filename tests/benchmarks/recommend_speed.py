"""What one recommendation costs: through a bundle, by scikit-learn, by the rule.

The bundle's model is boosted trees; 20 sizes are on offer; guard and reason included.
The calls take turns in blocks, so that a slow second falls on all of them alike
while each runs with its own data in the processor's caches, as in a busy loop.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.bundle_factory import KINDS, NOW, small_bundle, training_rows
from toolkit.baselines import BatchSizeRule
from toolkit.bundle import read_bundle
from toolkit.models import BoostedCost
from toolkit.runtime.advisor import Advisor
from toolkit.runtime.clock import VirtualClock

__all__ = ["main"]

TREES = 200
ROUNDS = 20
BLOCK = 40
"""Calls of one kind in a row."""
OFFERED = tuple(float(size) for size in range(1, 21))
CONTEXT: dict[str, float | str | None] = {
    "operation_type": "todoWrite",
    "load_cpu": 0.6,
    "operation_bytes": 3000.0,
}


def main() -> dict[str, float]:
    """Measure in turns and print medians, tails and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        calls = _calls(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                call()
                times[name] += [_microseconds(call) for _ in range(BLOCK)]
        loading = _median_ms(lambda: read_bundle(Path(folder) / "b"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    tail = float(np.percentile(times["bundle"], 99))
    figures = {
        "bundle_us": medians["bundle"],
        "bundle_p99_us": tail,
        "p99_over_median": tail / medians["bundle"],
        "rule_us": medians["rule"],
        "sklearn_array_ratio": medians["sklearn array"] / medians["bundle"],
        "sklearn_frame_ratio": medians["sklearn frame"] / medians["bundle"],
        "load_ms": loading,
    }
    for name, value in figures.items():
        sys.stdout.write(f"{name:24} {value:10.2f}\n")
    return figures


def _calls(folder: Path) -> dict[str, Callable[[], object]]:
    bundle = small_bundle(
        folder / "b", model=BoostedCost(max_iter=TREES), actions=OFFERED
    )
    advisor = Advisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))
    X, y = training_rows()
    array_model = BoostedCost(max_iter=TREES).fit(X, y).regressor_
    rows = bundle.manifest.feature_schema.encode(advisor.problem(CONTEXT))
    frame_model, frame = _frame_model(X, y)
    rule = BatchSizeRule()
    return {
        "bundle": lambda: advisor.decide(CONTEXT),
        "sklearn array": lambda: array_model.predict(rows),
        "sklearn frame": lambda: frame_model.predict(frame),
        "rule": lambda: rule.recommend(
            operation_type="todoWrite", system_load=0.6, coordination_complexity=0.1
        ),
    }


def _frame_model(X: np.ndarray, y: np.ndarray) -> tuple[Pipeline, pd.DataFrame]:
    names = ["load_cpu", "operation_bytes", "size"]
    table = pd.DataFrame(X[:, 2:], columns=names)
    table["operation_type"] = np.where(X[:, 0] == 1, KINDS[0], KINDS[1])
    encoder = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["operation_type"]),
        remainder="passthrough",
    )
    trees = HistGradientBoostingRegressor(
        max_iter=TREES, max_leaf_nodes=15, early_stopping=False
    )
    model = make_pipeline(encoder, trees).fit(table, y)
    offered = pd.DataFrame(
        {
            "load_cpu": 0.6,
            "operation_bytes": np.log1p(3000.0),
            "size": np.log(OFFERED),
            "operation_type": "todoWrite",
        }
    )
    return model, offered[table.columns]


def _microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1e6 * (time.perf_counter() - began)


def _median_ms(call: Callable[[], object]) -> float:
    return statistics.median(_microseconds(call) / 1e3 for _ in range(15))


if __name__ == "__main__":
    main()
