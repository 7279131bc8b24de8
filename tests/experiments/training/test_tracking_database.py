import shutil
import sqlite3
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.experiments.training.tracking_database import opening, tracking_address


@pytest.mark.parametrize("name", ["what?", "50%41"])
def test_a_path_that_would_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="misreads"):
        tracking_address(tmp_path / name)


@pytest.mark.parametrize("name", ["my work", "100% done", "run#3", "Müller & Söhne"])
def test_other_names_are_kept(tmp_path: Path, name: str) -> None:
    assert f"/{name}/mlflow.db?" in tracking_address(tmp_path / name)


def places(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "mlflow.db") as opened:
        found = opened.execute(
            "SELECT artifact_location, artifact_uri FROM experiments, runs"
        ).fetchall()
    opened.close()
    return found


def test_artifacts_move_with_their_folder(tmp_path: Path) -> None:
    with opening(tmp_path / "old") as artifacts:
        before = artifacts.as_uri()
    with sqlite3.connect(tmp_path / "old" / "mlflow.db") as made:
        made.execute("CREATE TABLE experiments (artifact_location TEXT)")
        made.execute("CREATE TABLE runs (artifact_uri TEXT)")
        made.execute("INSERT INTO experiments VALUES (?)", [before])
        made.execute("INSERT INTO runs VALUES (?)", [f"{before}/r1/artifacts"])
    made.close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    with opening(tmp_path / "new") as artifacts:
        now = artifacts.as_uri()

    assert places(tmp_path / "new") == [(now, f"{now}/r1/artifacts")]
