"""One thread a process, and no reporting by any library, before anything is imported."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"

import pytest
from hypothesis import settings

from tests.mlflow_tables import migrate_once

# A busy machine is slow now and then; how long one example took says nothing.
settings.register_profile("toolkit", deadline=None)
settings.load_profile("toolkit")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """MLflow writes where it tracks into the environment, where the next test reads it."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    migrate_once()
