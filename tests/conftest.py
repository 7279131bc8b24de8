"""One thread a process, and no reporting by any library, before anything is imported."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"

import pytest
from hypothesis import settings

from tests.mlflow_tables import migrate_once
from tests.thorough import sampled

# A busy machine is slow now and then; how long one example took says nothing.
settings.register_profile("toolkit", deadline=None, max_examples=sampled(25, whole=100))
settings.load_profile("toolkit")

# A shell without job control makes what runs behind `&` ignore interrupts, and so
# every command that a test starts and interrupts as a person does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """MLflow writes where it tracks into the environment, where the next test reads it."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    migrate_once()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that may take longest."""
    limits: dict[str, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        module = item.nodeid.partition("::")[0]
        limits[module] = max(limits.get(module, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: -limits[item.nodeid.partition("::")[0]])
