"""The shim, compiled, and the process that runs trials under it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Trials", "compiler", "serving"]

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


def compiler() -> str | None:
    """Find a C compiler on a system that preloads libraries."""
    if not sys.platform.startswith("linux"):
        return None
    return shutil.which("cc") or shutil.which("gcc")


@contextmanager
def serving(scratch: Path) -> Iterator[Trials]:
    """Compile the shim and start the process that runs trials."""
    shim = scratch / "shim.so"
    options = ["-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"]
    subprocess.run([compiler() or "cc", *options], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.trials", str(shim), str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_PRELOAD": str(shim)},
    )
    try:
        yield Trials(process)
    finally:
        process.communicate()
