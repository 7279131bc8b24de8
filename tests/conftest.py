"""One thread a process, and no reporting by any library, before anything is imported."""

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager

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


@contextmanager
def _untraced(config: pytest.Config) -> Iterator[None]:
    """Stop tracing, where there is any: it doubles the time of pure Python."""
    plugin = config.pluginmanager.getplugin("_cov")
    controller = getattr(plugin, "cov_controller", None)
    if controller is None or not controller.started:
        yield
        return
    controller.pause()
    try:
        yield
    finally:
        controller.resume()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """MLflow writes where it tracks into the environment, where the next test reads it.

    Fixtures are traced but for those of a module of which nothing is.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    migrate_once()
    module = item.getparent(pytest.Module)
    if module is None or module.get_closest_marker("no_cover") is None:
        return (yield)
    with _untraced(item.config):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Trace no property test, and begin with the modules that may take longest.

    Tracing doubles the time of pure Python, and a property test runs the same lines a
    hundred times. Slow tests that only repeat what others reach say `no_cover` too.
    """
    if config.pluginmanager.hasplugin("_cov"):
        for item in items:
            if item.get_closest_marker("hypothesis"):
                item.add_marker(pytest.mark.no_cover)
    limits: dict[str, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        module = item.nodeid.partition("::")[0]
        limits[module] = max(limits.get(module, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: -limits[item.nodeid.partition("::")[0]])
