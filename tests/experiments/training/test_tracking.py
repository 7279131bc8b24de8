"""What MLflow keeps of a run, in folders as people name, move and tidy them."""

import shutil
from pathlib import Path

import pytest

from toolkit.experiments.training.tracking import quiet, track


@pytest.mark.slow
def test_an_experiment_that_was_deleted_and_moved_takes_the_next_run(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "Müller's 100% #1"
    (tmp_path / "note.txt").write_text("first")
    with quiet(), track("e", folder=folder, run_name="one") as run:
        run.log_files([tmp_path / "note.txt"], "files")
    import mlflow

    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name("e")
    assert found is not None
    client.delete_experiment(found.experiment_id)
    moved = tmp_path / "moved" / "here"
    moved.parent.mkdir()
    shutil.move(folder, moved)
    with quiet(), track("e", folder=moved, run_name="two") as run:
        run.log_files([tmp_path / "note.txt"], "files")
    runs = mlflow.MlflowClient().search_runs([found.experiment_id])
    kept = list((moved / "artifacts").glob("*/artifacts/files/note.txt"))

    assert sorted(str(one.info.run_name) for one in runs) == ["one", "two"]
    assert len(kept) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moved", "note.txt"]
    for one in runs:
        assert one.info.artifact_uri.startswith(moved.resolve().as_uri())


@pytest.mark.slow
def test_fetching_files_draws_no_bar(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept, fetched = tmp_path / "kept", tmp_path / "fetched"
    for folder in (kept, fetched):
        folder.mkdir()
    (kept / "note.txt").write_text("first")

    with quiet():
        from mlflow import artifacts

        artifacts.download_artifacts(artifact_uri=kept.as_uri(), dst_path=str(fetched))

    assert list(fetched.rglob("note.txt"))
    assert capfd.readouterr().err == ""
