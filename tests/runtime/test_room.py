"""The runtime is light: what it imports, how fast, and in an environment of its own."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from tests.shared import ROOT

HEAVY = [
    "pandas",
    "sklearn",
    "mlflow",
    "optuna",
    "matplotlib",
    "scipy",
    "duckdb",
    "ibis",
]


def loaded_after(code: str) -> list[str]:
    script = f"{code}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return [str(name) for name in json.loads(done.stdout)]


def test_importing_the_runtime_imports_nothing_heavy() -> None:
    loaded = set(loaded_after("import toolkit.runtime"))

    assert loaded.isdisjoint(HEAVY)


@pytest.mark.slow
def test_loading_a_bundle_imports_nothing_heavy(tmp_path: Path) -> None:
    small_bundle(tmp_path / "b")

    loaded = loaded_after(
        "from pathlib import Path; from toolkit.bundle import read_bundle; "
        f"read_bundle(Path({str(tmp_path / 'b')!r}))"
    )

    assert set(loaded).isdisjoint(HEAVY)


def test_help_loads_no_command_and_no_numpy() -> None:
    loaded = set(
        loaded_after("import toolkit.cli as c; c.build_parser([]).format_help()")
    )

    assert "numpy" not in loaded
    assert "toolkit.cli.records.verbs" not in loaded


@pytest.mark.slow
def test_an_environment_with_the_base_dependencies_alone_recommends(
    tmp_path: Path,
) -> None:
    small_bundle(tmp_path / "b", expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    home = tmp_path / "venv"
    uv = Path(sys.executable).with_name("uv")
    python = home / "bin" / "python"
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            env=clean,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", "--without-pip", home)
    lock = ROOT / "requirements-runtime.lock"
    run(uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock)
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])").strip()
    (Path(site) / "toolkit").symlink_to(ROOT / "toolkit")
    answer = json.loads(
        run(
            python,
            "-m",
            "toolkit",
            "recommend",
            "batch",
            "--bundle",
            tmp_path / "b",
            "--operation-type",
            "todoWrite",
            "--load-cpu",
            "0.79",
            "--set",
            "operation_bytes=3000",
            "--json",
        )
    )

    assert answer["rung"] == "learned"
    assert answer["recommended"] < answer["rule"]
    assert answer["reason"]["code"] == "learned_better"
