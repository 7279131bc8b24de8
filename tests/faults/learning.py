"""What a training writes into: its studies and its runs, each without the rest."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bundle_factory import small_bundle
from tests.faults.operation import Operation
from toolkit.bundle import read_bundle
from toolkit.cli.translation import translated

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["LEARNING"]

TRIALS = 3


def _prepare_study(folder: Path) -> None:
    folder.mkdir()
    assert _tune(folder, "earlier") == 0


def _tune(folder: Path, name: str = "study") -> int:
    from toolkit.experiments.tuning.search import tune

    return _ended(
        lambda: tune(
            name,
            suggest=_suggested,
            scores=_scores,
            trials=TRIALS,
            seed=1,
            studies=folder / "optuna.journal",
        )
    )


def _suggested(trial: "Trial") -> float:
    return trial.suggest_float("x", 0.0, 1.0)


def _scores(parameters: dict[str, Any]) -> Iterator[float]:
    yield parameters["x"]


def _ended(work: Callable[[], object]) -> int:
    """End as a command does: with 3 where the files failed."""
    try:
        work()
    except Exception as error:
        if translated(error) is None:
            raise
        return 3
    return 0


def _check_study(folder: Path, *, acknowledged: bool) -> None:
    """The earlier study is whole; this one ends with exactly its budget."""
    found = _finished(folder)
    assert found["earlier"] == TRIALS
    assert not acknowledged or found["study"] == TRIALS
    assert _tune(folder) == 0
    assert _finished(folder) == {"earlier": TRIALS, "study": TRIALS}


def _finished(folder: Path) -> dict[str, int]:
    from toolkit.experiments.tuning.search import trials_of

    columns = trials_of(folder / "optuna.journal")
    ended = [
        study
        for study, state in zip(columns["study"], columns["state"], strict=True)
        if state.lower() in ("complete", "pruned")
    ]
    return {study: ended.count(study) for study in {*columns["study"]}}


def _prepare_runs(folder: Path) -> None:
    small_bundle(folder / "bundle", version="v1")
    assert _track(folder) == 0


def _track(folder: Path) -> int:
    return _ended(lambda: _logged(folder))


def _logged(folder: Path) -> None:
    """Log what an experiment logs, once of each kind."""
    from toolkit.experiments.training.tracking import track

    with track("small", folder=folder / "work", run_name="small") as run:
        run.describe("A small one.", tags={"decision": "batch_size"})
        run.log_parameters({"seed": 1})
        run.log_metrics({"rows": 3.0})
        run.log_table("trials.json", {"study": ["s"], "score": [0.5]})
        run.log_files([folder / "bundle" / "manifest.json"], "experiment")
        with run.child("rule") as child:
            child.log_metrics({"slowdown": 1.0})
        run.log_model(read_bundle(folder / "bundle"), name="small")


def _check_runs(folder: Path, *, acknowledged: bool) -> None:
    """The run before is whole, and so is this one where it was acknowledged."""
    least = 4 if acknowledged else 2
    assert _runs_ended(folder) >= least
    assert _track(folder) == 0
    assert _runs_ended(folder) >= least + 2


def _runs_ended(folder: Path) -> int:
    """Count the runs that ended well and have their figure, in a database that is whole."""
    with closing(sqlite3.connect(folder / "work" / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = connection.execute(
            "SELECT count(DISTINCT run_uuid) FROM runs JOIN metrics USING (run_uuid) "
            "WHERE status = 'FINISHED'"
        ).fetchone()
    return int(count)


WARM_STUDY = ("toolkit.environment", "optuna", "toolkit.experiments.tuning")
WARM_RUNS = (
    *("toolkit.environment", "onnxruntime", "toolkit.experiments.training"),
    *("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store"),
)

LEARNING: Mapping[str, Operation] = {
    "tune": Operation(_prepare_study, _tune, _check_study, WARM_STUDY, rehearsed=True),
    "track": Operation(_prepare_runs, _track, _check_runs, WARM_RUNS, rehearsed=True),
}
