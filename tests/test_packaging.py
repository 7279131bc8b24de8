"""What an installation holds: the wheel, its extras, and what each is enough for."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.shared import ROOT
from toolkit.cli.bundled import bundled
from toolkit.errors import InputDataError

LIGHT = ("duckdb", "orjson", "onnx", "onnxruntime", "google", "pandas", "sklearn")
"""What the base install does not bring."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "hatchling", "build", "-t", "wheel"),
            *("-d", str(folder)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.slow
def test_the_sample_and_the_first_experiments_travel(wheel: zipfile.ZipFile) -> None:
    share = "data/share/workflow-toolkit/"
    names = [n.split(share)[1] for n in wheel.namelist() if share in n]

    assert {
        "data/sample/batches.jsonl.gz",
        "experiments/001-batch-size/spec.toml",
        "experiments/002-agent-count/spec.toml",
    } <= set(names)


@pytest.mark.slow
def test_types_and_faces_travel_and_tests_do_not(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()

    assert {"toolkit/py.typed", "toolkit/__init__.pyi"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "docs"))]


def test_the_base_install_recommends_by_the_rules() -> None:
    # None in sys.modules makes an import fail as it does where nothing is installed.
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({LIGHT!r}))\n"
        "from toolkit.cli import run\n"
        "sys.exit(run(['recommend', 'batch', '--load-cpu', '0.9']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["review", "--no-import", "--store", "."], "history"),
        (["model", "verify", "bundle"], "bundle"),
    ],
)
def test_a_command_names_the_extra_that_it_misses(
    tmp_path: Path, command: list[str], extra: str
) -> None:
    from tests.bundle_factory import small_bundle

    small_bundle(tmp_path / "bundle")
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({LIGHT!r}))\n"
        f"from toolkit.cli import run\nsys.exit(run({command!r}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert f"install workflow-toolkit[{extra}]" in done.stderr


def test_what_does_not_travel_is_said() -> None:
    with pytest.raises(InputDataError, match="from a checkout"):
        bundled("data/nothing")
