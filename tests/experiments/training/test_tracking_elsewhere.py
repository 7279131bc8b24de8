"""`MLFLOW_TRACKING_URI` is where runs are tracked, and nowhere else."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from tests.measured_history import batch_store
from toolkit.bundle import Bundle
from toolkit.cli import run
from toolkit.errors import InputDataError
from toolkit.experiments.promotion.registry import Registry
from toolkit.experiments.training.tracking import own_warnings_ignored, track
from toolkit.experiments.training.tracking_database import tracking_address
from toolkit.experiments.training.tracking_elsewhere import VARIABLE, use_address

SPEC = """
name = "elsewhere"
decision = "batch_size"
question = "Which?"

[split]
outer_folds = 4
inner_folds = 2

[search]
trials = 1
members = ["constant", "rule"]
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("bundle") / "b")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def tracked(folder: Path, bundle: Bundle) -> str:
    """Track a run with a metric, a file and a model; return the model's address."""
    note = folder / "note.txt"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("kept")
    with track("elsewhere", folder=folder, run_name="one") as opened:
        opened.log_metrics({"slowdown": 1.5})
        opened.log_files([note], "experiment")
        return opened.log_model(bundle, name="batch-size")


def check_all_is_there(folder: Path, address: str, model_uri: str) -> None:
    """Read everything back through a client of that address, and ask the model."""
    import mlflow
    import pandas as pd

    client = mlflow.MlflowClient(address, registry_uri=address)
    experiment = client.get_experiment_by_name("elsewhere")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.data.metrics == {"slowdown": 1.5}
    files = client.list_artifacts(found.info.run_id, "experiment")
    assert [file.path for file in files] == ["experiment/note.txt"]
    registry = Registry(folder, "batch-size")
    registry.register("v1", model_uri)
    registry.alias("champion", "v1")
    assert registry.aliases() == {"champion": "v1"}
    with own_warnings_ignored():
        model = mlflow.pyfunc.load_model(model_uri)
        contexts = pd.DataFrame({"operation_type": ["todoWrite"], "load_cpu": [0.9]})
        answers = model.predict(contexts)
    assert {"action", "cost_low", "cost_high", "rung", "reason"} <= set(answers)


@pytest.mark.slow
def test_another_database_is_used_and_the_folders_own_is_not_made(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"sqlite:///{tmp_path / 'team.db'}"
    monkeypatch.setenv(VARIABLE, address)
    model_uri = tracked(tmp_path / "work", bundle)

    check_all_is_there(tmp_path / "work", address, model_uri)
    assert not (tmp_path / "work" / "mlflow.db").exists()
    assert os.environ[VARIABLE] == address


@pytest.mark.slow
def test_tracking_in_a_folder_leaves_the_next_experiment_its_own(
    tmp_path: Path,
) -> None:
    use_address(tracking_address(tmp_path / "one"))

    assert VARIABLE not in os.environ
    assert tracking_address(tmp_path / "two").startswith(f"sqlite:///{tmp_path}/two/")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real server of MLflow on the loopback, with a database of its own."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    home = tmp_path / "server"
    home.mkdir()
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server"),
                *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{home / 'server.db'}"),
                *("--artifacts-destination", (home / "artifacts").as_uri()),
            ],
            cwd=home,
            env={
                **os.environ,
                "PYTHONWARNINGS": "ignore",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(port, process)
        yield address
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            asked.request("GET", "/health")
            if asked.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            asked.close()
    raise AssertionError("the server never answered")


@pytest.mark.slow
# MLflow's server and its workers are started.
@pytest.mark.timeout(240)
def test_a_server_keeps_runs_files_models_and_aliases(
    tmp_path: Path,
    bundle: Bundle,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, server)
    model_uri = tracked(tmp_path / "work", bundle)

    check_all_is_there(tmp_path / "work", server, model_uri)
    assert not (tmp_path / "work" / "mlflow.db").exists()
    assert not (tmp_path / "work" / "artifacts").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_server_that_does_not_answer_ends_the_experiment_with_3(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(VARIABLE, address.replace("//", "//ann:secret@"))
    batch_store(tmp_path / "store").close()
    (tmp_path / "spec.toml").write_text(SPEC)
    work = tmp_path / "work"
    code = run(
        [
            *("experiment", "run", str(tmp_path / "spec.toml")),
            *("--store", str(tmp_path / "store"), "--work", str(work)),
        ]
    )
    said = capsys.readouterr().err

    assert code == 3
    assert f"{address}: field `{VARIABLE}`: MLflow cannot be reached" in said
    assert "secret" not in said
    assert not list(work.glob("mlflow*"))
    assert not (work / "bundle").exists()


@pytest.mark.slow
def test_the_registry_of_a_server_that_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{free_port()}")

    with pytest.raises(InputDataError, match="cannot be reached"):
        Registry(tmp_path, "batch-size").aliases()


@pytest.mark.slow
def test_an_address_of_no_known_kind_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "carrier://pigeon")

    with (
        pytest.raises(InputDataError, match="cannot be reached"),
        track("elsewhere", folder=tmp_path, run_name="one"),
    ):
        pass
