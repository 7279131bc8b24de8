"""What processes do to a store on a real S3 server, to be killed at it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from toolkit.history import ObjectAddress, compact_objects, open_objects, ship
from toolkit.history.objects.cache import ObjectCache

__all__ = ["Victim", "compacting", "shipping"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(  # what a process would import, and `pytest`'s own program
    [__name__, "duckdb", "obstore.store", "pandas", "pyarrow.parquet", "pytest"]
)


def compacting(address: str, environment: Mapping[str, str], cache: Path) -> None:
    """Compact once, and keep no old commits."""
    objects = open_objects(ObjectAddress.parse(address), environment)
    compact_objects(
        objects, ObjectCache(cache, limit_bytes=2**30), kept_for=timedelta()
    )


def shipping(address: str, environment: Mapping[str, str], root: Path) -> None:
    """Ship a store once."""
    ship(root, open_objects(ObjectAddress.parse(address), environment))


class Victim:
    """A process that may be killed; `exit_code` is known when it has ended."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._process: BaseProcess = CONTEXT.Process(target=work, args=arguments)
        self._started = threading.Event()

    def run(self) -> int:
        """Run until it ends, or is killed."""
        self._process.start()
        self._started.set()
        self._process.join()
        return self._process.exitcode or 0

    def kill(self) -> None:
        """Kill it at once, from another thread."""
        self._started.wait()
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
