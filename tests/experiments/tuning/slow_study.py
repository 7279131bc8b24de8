"""A study whose trials last, and a program that fills it: `python -m` this module."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from toolkit.experiments.tuning import RuleStudy, tune_together
from toolkit.experiments.tuning.studies_storage import checked_address, open_studies

__all__ = ["SlowStudy", "quick_study"]


@dataclass(frozen=True, kw_only=True)
class SlowStudy(RuleStudy):
    """A rule's study that takes its time."""

    pause_s: float

    def scores(self, parameters: dict[str, Any]) -> Iterator[float]:
        time.sleep(self.pause_s)
        yield from super().scores(parameters)


def quick_study(budget: int) -> RuleStudy:
    """Make a study of a small table.

    What that takes is imported here: each worker imports this module when it starts.
    """
    from tests.measured_history import batch_store
    from toolkit.experiments.training import ExperimentSpec, history_rows, table_of
    from toolkit.history import compact_store

    spec = ExperimentSpec(name="slow", decision="batch_size", question="?")
    with tempfile.TemporaryDirectory() as folder:
        store = batch_store(Path(folder), groups=4)
        compact_store(store)
        table = table_of(spec, history_rows(spec, store))
        store.close()
    return RuleStudy(
        prefix="slow",
        decision="batch_size",
        table=table,
        types=("fileOperations",),
        trials=budget,
        seed=3,
    )


def seconds_of(where: str | Path) -> float:
    """Time from the start of the first trial to the end of the last: no process starts."""
    with open_studies(where) as storage:
        (name,) = optuna.get_all_study_names(storage)
        trials = optuna.load_study(study_name=name, storage=storage).trials
    starts = [t.datetime_start for t in trials if t.datetime_start is not None]
    ends = [t.datetime_complete for t in trials if t.datetime_complete is not None]
    return (max(ends) - min(starts)).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("where")
    parser.add_argument("--budget", type=int, default=24)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.2)
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--join", action="store_true")
    given = parser.parse_args()
    (count,) = tune_together(
        [SlowStudy(**vars(quick_study(given.budget)), pause_s=given.pause)],
        where=checked_address(given.where),
        workers=given.workers,
        report=lambda *_: None,
        join=given.join,
        patience_s=given.patience,
    )
    said = {
        "finished": count.finished,
        "failed": count.failed,
        "seconds": round(seconds_of(checked_address(given.where)), 2),
    }
    sys.stdout.write(
        json.dumps({**said, "workers": sorted(count.by_worker.values())}) + "\n"
    )


if __name__ == "__main__":
    main()
