import os
import shutil
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from tests.shared import ROOT
from toolkit.clock import SystemClock
from toolkit.environment import silence_telemetry
from toolkit.errors import UsageError
from toolkit.experiments.training.run import run_experiment
from toolkit.experiments.training.spec import read_spec
from toolkit.experiments.training.tracking import own_warnings_ignored, track
from toolkit.experiments.training.tracking_database import opening, tracking_address


@pytest.mark.parametrize("name", ["what?", "50%41"])
def test_a_path_that_would_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="misreads"):
        tracking_address(tmp_path / name)


def test_a_run_in_such_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    for begin in (
        lambda: run_experiment(
            read_spec(ROOT / "experiments/002-agent-count/spec.toml"),
            tmp_path / "none.parquet",
            work=tmp_path / "what?",
            now=SystemClock().now(),
            report=lambda done, total, what: None,
        ),
        lambda: track("e", folder=tmp_path / "what?", run_name="r").__enter__(),
    ):
        with pytest.raises(UsageError, match="misreads"):
            begin()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["my work", "100% done", "run#3", "Müller & Söhne"])
def test_other_names_are_kept(tmp_path: Path, name: str) -> None:
    assert f"/{name}/mlflow.db?" in tracking_address(tmp_path / name)


def places(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "mlflow.db")) as opened, opened:
        found = opened.execute(
            "SELECT artifact_location, artifact_uri FROM experiments, runs"
        ).fetchall()
    opened.close()
    return found


def test_artifacts_move_with_their_folder(tmp_path: Path) -> None:
    with opening(tmp_path / "old") as artifacts:
        before = artifacts.as_uri()
    with closing(sqlite3.connect(tmp_path / "old" / "mlflow.db")) as made, made:
        made.execute("CREATE TABLE experiments (artifact_location TEXT)")
        made.execute("CREATE TABLE runs (artifact_uri TEXT)")
        made.execute("INSERT INTO experiments VALUES (?)", [before])
        made.execute("INSERT INTO runs VALUES (?)", [f"{before}/r1/artifacts"])
    made.close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    with opening(tmp_path / "new") as artifacts:
        now = artifacts.as_uri()

    assert places(tmp_path / "new") == [(now, f"{now}/r1/artifacts")]


def first_run(folder: Path, name: str) -> None:
    with track("one", folder=folder, run_name=name) as run:
        run.log_metrics({"figure": 1.0})


@pytest.mark.slow
def test_two_first_runs_at_once_share_one_database(tmp_path: Path) -> None:
    silence_telemetry()
    with own_warnings_ignored():
        import_module("mlflow.store.tracking.sqlalchemy_store")
    children = []
    for name in ("a", "b"):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                first_run(tmp_path, name)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        runs = database.execute(
            "SELECT name, status FROM runs ORDER BY name"
        ).fetchall()

    assert codes == [0, 0]
    assert runs == [("a", "FINISHED"), ("b", "FINISHED")]
