"""Variables of the process that libraries read: no telemetry, one thread.

Set before the libraries are loaded, which read these variables once. `make` sets the
same; the installed command and a notebook have no makefile.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["TELEMETRY_OFF", "THREADS", "silence_telemetry", "use_one_thread"]

TELEMETRY_OFF: Mapping[str, str] = MappingProxyType(
    {
        "DO_NOT_TRACK": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "ORT_DISABLE_TELEMETRY": "1",
    }
)
"""Switches of the libraries that report: MLflow, onnxruntime, and those that obey the
common one; Hugging Face's client comes with some of them and is not used."""

THREADS: Mapping[str, str] = MappingProxyType(
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
)
"""One thread each: on busy cores the default makes boosted trees many times slower."""


def silence_telemetry() -> None:
    """Switch the libraries' reporting off in this process, whatever is set."""
    os.environ.update(TELEMETRY_OFF)


def use_one_thread() -> None:
    """Give the numeric libraries one thread, where no number was chosen."""
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
