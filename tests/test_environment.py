import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from tests.records.records import a_batch
from toolkit.cli import run
from toolkit.environment import TELEMETRY_OFF, THREADS, silence_telemetry
from toolkit.experiments.training.tracking import track
from toolkit.history import RecordStore
from toolkit.records import read_or_draw_key

ROOT = Path(__file__).resolve().parents[1]


def test_reporting_is_switched_off_whatever_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in TELEMETRY_OFF:
        monkeypatch.setenv(name, "0")

    silence_telemetry()

    assert {name: os.environ[name] for name in TELEMETRY_OFF} == TELEMETRY_OFF


def test_the_makefile_sets_what_the_program_sets() -> None:
    text = (ROOT / "Makefile").read_text()

    assert all(f"export {name} " in text for name in [*TELEMETRY_OFF, *THREADS])


@pytest.mark.slow
def test_what_a_command_creates_is_its_users_alone(tmp_path: Path) -> None:
    for words in (
        ["records", "simulate", "--batches", "30", "--events", "9", "--seed", "1"],
        ["records", "compact"],
    ):
        command = [sys.executable, "-m", "toolkit", *words, "--store", "s"]
        subprocess.run(command, check=True, cwd=tmp_path, umask=0o022)
    modes = {
        str(path.relative_to(tmp_path)): path.stat().st_mode & 0o077
        for path in tmp_path.rglob("*")
    }

    assert len(modes) > 5
    assert [name for name, open_to_others in modes.items() if open_to_others] == []
    assert (tmp_path / "s" / ".gitignore").read_text() == "*\n"


COUNTED = """
import sys
from toolkit.__main__ import main
sys.argv = ["toolkit", "experiment", "report", "no/such/folder"]
code = main()
import scipy.linalg, sklearn.ensemble
from threadpoolctl import threadpool_info
print(code, *(pool["num_threads"] for pool in threadpool_info()))
"""


@pytest.mark.slow
def test_a_command_gives_numeric_libraries_one_thread_by_itself() -> None:
    env = {name: value for name, value in os.environ.items() if name not in THREADS}
    said = subprocess.run(
        [sys.executable, "-c", COUNTED], check=True, env=env, capture_output=True
    )
    code, *threads = said.stdout.split()

    assert code == b"3"
    assert len(threads) >= 2
    assert set(threads) == {b"1"}


@pytest.mark.slow
def test_what_a_program_makes_of_the_toolkit_is_private_without_its_help(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        with RecordStore(tmp_path / "store") as store:
            store.add(a_batch(session_id=store.hidden("x")))
            store.compact()
        small_bundle(tmp_path / "bundle")
        with track("e", folder=tmp_path / "tracked", run_name="r") as run:
            run.log_parameters({"a": 1})
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert {"key", "mlflow.db", "model.onnx"} <= {path.name for path in files}
    assert [p for p in files if p.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_key_that_is_empty_or_short_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "key").write_bytes(b"k" * size)

    with pytest.raises(ValueError, match="at least 16"):
        read_or_draw_key(tmp_path)
    assert run(["hooks", "pre-task", "--description", "x", "--store", str(tmp_path)])
    assert (tmp_path / "key").read_bytes() == b"k" * size
