"""The shim, compiled once, and the process that runs trials under it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHIM = Path(__file__).with_name("shim.c")


class Trials:
    """Asks the process of `tests.faults.trials`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **what: Any) -> dict[str, Any]:
        """Run one trial."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture(scope="package")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Start the process that runs trials; skip where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the fault shim needs Linux and a C compiler")
    scratch = tmp_path_factory.mktemp("faults")
    shim = scratch / "shim.so"
    options = ["-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.trials", str(shim), str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_PRELOAD": str(shim)},
    )
    yield Trials(process)
    process.communicate()
