"""What one recommendation costs: through a bundle, by scikit-learn, by the rule.

The bundle's model is boosted trees; 20 sizes are on offer; guard and reason included.
The calls take turns in blocks, so that a slow second falls on all of them alike
while each runs with its own data in the processor's caches, as in a busy loop. The load
is sampled in the background meanwhile, as in a running swarm. All have one core:
scikit-learn's threads would wait for each other longer than they work.

Of the slowest calls the machine has its share: where others want the processor, a call
in a hundred waits for its turn, 4 to 12 milliseconds. So a bare loop of the same length
takes turns too, processor time is given beside time on the wall, and by itself the tail
of the calls in and shortly before which the program kept its turn: whoever had it in
between leaves the caches empty, and the next calls take up to six times as long.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships none

from tests.bundle_factory import KINDS, NOW, small_bundle, training_rows
from toolkit.bundle import read_bundle
from toolkit.clock import VirtualClock
from toolkit.models.members import RelativeTrees
from toolkit.policies.rules import BatchSizeRule
from toolkit.runtime.advice import BackgroundLoad, LadderAdvisor, SystemLoad
from toolkit.runtime.batching import AdaptiveBatchingOptimizer, Workload

__all__ = ["main"]

TREES = 200
ROUNDS = 25
BLOCK = 40
"""Calls of one kind in a row."""
SETTLING = 4
"""Calls until the caches hold again what somebody else's turn displaced."""
OFFERED = tuple(float(size) for size in range(1, 21))
CONTEXT: dict[str, float | str | None] = {
    "operation_type": "todoWrite",
    "load_cpu": 0.6,
    "operation_bytes": 3000.0,
}


@dataclass(frozen=True, slots=True)
class Took:
    """What one call took, in microseconds, and the turns lost to others until then."""

    wall: float
    cpu: float
    lost: int


def main() -> dict[str, float]:
    """Measure in turns and print medians, tails and ratios."""
    with (
        tempfile.TemporaryDirectory() as folder,
        BackgroundLoad(),
        threadpool_limits(1),
    ):
        calls = _calls(Path(folder))
        times: dict[str, list[Took]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                call()
                times[name] += [_took(call) for _ in range(BLOCK)]
        loading = statistics.median(
            _took(lambda: read_bundle(Path(folder) / "b")).wall / 1e3 for _ in range(15)
        )
    medians = {
        name: statistics.median(took.wall for took in each)
        for name, each in times.items()
    }
    figures = {
        "bundle_us": medians["bundle"],
        "organ_us": medians["organ"],
        "rule_us": medians["rule"],
        "sklearn_array_ratio": medians["sklearn array"] / medians["bundle"],
        "sklearn_frame_ratio": medians["sklearn frame"] / medians["bundle"],
        "load_ms": loading,
        **_tails("bundle", times["bundle"]),
        **_tails("loop", times["loop"]),
    }
    for name, value in figures.items():
        sys.stdout.write(f"{name:34} {value:10.2f}\n")
    return figures


def _tails(name: str, each: Sequence[Took]) -> dict[str, float]:
    """Compare the 99th percentile with the median in three ways."""
    earlier = zip(each, each[SETTLING:], strict=False)
    alone = [took.wall for before, took in earlier if took.lost == before.lost]
    return {
        f"{name}_p99_over_median_wall": _tail([took.wall for took in each]),
        f"{name}_p99_over_median_cpu": _tail([took.cpu for took in each]),
        f"{name}_p99_over_median_alone": _tail(alone),
        f"{name}_disturbed_share": 1 - len(alone) / (len(each) - SETTLING),
    }


def _tail(values: Sequence[float]) -> float:
    return float(np.percentile(values, 99) / np.median(values))


def _calls(folder: Path) -> dict[str, Callable[[], object]]:
    trees = RelativeTrees(everything=True, min_samples_leaf=10, seed=0)
    bundle = small_bundle(folder / "b", member=trees, actions=OFFERED)
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))
    X, y = training_rows()
    array_model = HistGradientBoostingRegressor(max_iter=TREES).fit(X, y)
    rows = X[: len(OFFERED)]
    frame_model, frame = _frame_model(X, y)
    rule = BatchSizeRule()
    organ = AdaptiveBatchingOptimizer(advisor, clock=VirtualClock(NOW))
    workload = Workload(context={"operation_bytes": CONTEXT["operation_bytes"]})
    load = SystemLoad(cpu=0.6)
    return {
        "bundle": lambda: advisor.decide(CONTEXT),
        "loop": _loop_like(lambda: advisor.decide(CONTEXT)),
        "organ": lambda: organ.recommend("todoWrite", workload, load),
        "sklearn array": lambda: array_model.predict(rows),
        "sklearn frame": lambda: frame_model.predict(frame),
        "rule": lambda: rule.recommend(
            operation_type="todoWrite", system_load=0.6, coordination_complexity=0.1
        ),
    }


def _frame_model(X: np.ndarray, y: np.ndarray) -> tuple[Pipeline, pd.DataFrame]:
    names = ["load_cpu", "operation_bytes", "size"]
    table = pd.DataFrame(X[:, 2:5], columns=names)
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


def _took(call: Callable[[], object]) -> Took:
    began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
    call()
    cpu, wall = time.thread_time_ns() - began_cpu, time.perf_counter_ns() - began
    lost = resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw
    return Took(wall=wall / 1e3, cpu=cpu / 1e3, lost=lost)


def _loop_like(call: Callable[[], object]) -> Callable[[], object]:
    """Make a loop that does nothing for as long as a call takes."""

    def loop(turns: int) -> None:
        for _ in range(turns):
            pass

    def median_us(measured: Callable[[], object]) -> float:
        return statistics.median(_took(measured).cpu for _ in range(200))

    turns = round(10_000 * median_us(call) / median_us(lambda: loop(10_000)))
    return lambda: loop(turns)


if __name__ == "__main__":
    main()
