"""Runs commands of the toolkit, each in a fork of a process that has imported all of it.

`python -m` this module. One JSON object a line goes in (`words`: the command's) and one
comes out (`code`, `said`: its exit code and its output, both streams). The first comes
unasked, when the imports are done. A command's process ends as a command's does, exit
handlers included.
"""

import atexit
import gc
import json
import os
import signal
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO, NoReturn

__all__ = ["PACKAGES"]

PACKAGES = (
    "duckdb",
    "ibis",
    "matplotlib.pyplot",
    "mlflow.pyfunc",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "onnxruntime",
    "optuna",
    "pandas",
    "pyarrow.parquet",
    "scipy.optimize",
    "skl2onnx",
    "sklearn.ensemble",
)
"""What takes longest to import of what commands import."""
MOST_S = 300
"""A command that a fork has hung ends so."""


def _answer(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _begin(words: list[str], output: BinaryIO) -> None:
    """Become the command: its arguments, its output, and nothing to read."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    sys.argv = ["toolkit", *words]
    signal.alarm(MOST_S)


def _end(code: int) -> NoReturn:
    """End as an interpreter does, without freeing all that was imported before."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(words: list[str]) -> None:
    """Run a command in a child, and answer how it ended."""
    from toolkit.__main__ import main

    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if not child:
            _begin(words, output)
            _end(main())
        _, status = os.waitpid(child, 0)
        output.seek(0)
        said = output.read().decode(errors="replace")
        _answer(code=os.waitstatus_to_exitcode(status), said=said)


def _serve() -> None:
    from toolkit.environment import silence_telemetry, use_one_thread

    silence_telemetry()
    use_one_thread()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in PACKAGES:
            with suppress(ImportError):
                import_module(package)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page of its parent
    _answer(code=0, said="")
    for line in sys.stdin:
        _run(json.loads(line)["words"])


if __name__ == "__main__":
    _serve()
