"""Real load: processes that keep cores, memory or the disk busy while others measure."""

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

import psutil

from toolkit.measurement.child import Child
from toolkit.measurement.priority import competes, niceness

__all__ = ["LOAD_LEVELS", "LoadLevel", "Utilisation", "pressure", "utilisation"]

STREAM_BYTES = 1 << 26
"""A streaming process walks 64 MiB, twice the largest cache of common machines."""
WRITE_BYTES = 1 << 18
WRITE_FILE_BYTES = 1 << 24
SAMPLE_S = 0.15
"""Window over which utilisation is observed while nothing is being measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLevel:
    """How many processes of each kind press on the machine.

    Attributes
    ----------
    name : str
        What the level is called in a context.
    spinners : float
        Processes that compute, as a share of the cores.
    streamers : int
        Processes that walk through more memory than any cache holds.
    writers : int
        Processes that write and synchronise to the disk that is measured.
    """

    name: str
    spinners: float = 0.0
    streamers: int = 0
    writers: int = 0


LOAD_LEVELS = (
    LoadLevel(name="idle"),
    LoadLevel(name="busy", spinners=0.5),
)
"""Nothing, and half of the cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """How busy the machine was over one window, each 0 to 1.

    Attributes
    ----------
    cpu : float
        Share of the cores' time taken by other processes whose priority is not below
        the caller's: what steps aside for it is no load.
    memory : float
        Share of the physical memory in use.
    io : float or None
        Share of the time the busiest disk had work; `None` where the system does not
        say.
    memory_total_bytes, memory_used_bytes : int
        Physical memory.
    """

    cpu: float
    memory: float
    io: float | None
    memory_total_bytes: int
    memory_used_bytes: int


@contextmanager
def pressure(level: LoadLevel, directory: Path) -> Iterator[None]:
    """Press on the machine while the context lasts; no process outlives it.

    Parameters
    ----------
    level : LoadLevel
    directory : path
        On the file system that is measured; the writers' files are removed again.
    """
    cores = psutil.cpu_count() or 1
    works: list[Callable[[], None]] = [_spin] * round(level.spinners * cores)
    works += [_stream] * level.streamers
    paths = [directory / f"pressure-{number}" for number in range(level.writers)]
    works += [partial(_write, path) for path in paths]
    children: list[Child] = []
    try:
        for work in works:
            children.append(Child.start(work))  # noqa: PERF401 - those begun must be known if the next fails
        yield
    finally:
        for child in children:
            child.kill()
        for path in paths:
            path.unlink(missing_ok=True)


def utilisation(window_s: float = SAMPLE_S) -> Utilisation:
    """Observe the machine over a window in which the caller does nothing.

    Examples
    --------
    >>> 0 <= utilisation(0.01).memory <= 1
    True
    """
    busy, before, began = _disk_busy_ms(), _competing_cpu_s(), perf_counter()
    sleep(window_s)
    elapsed_ms = (perf_counter() - began) * 1000
    after = _competing_cpu_s()
    worked_s = sum(spent - before.get(pid, 0.0) for pid, spent in after.items())
    cores = psutil.cpu_count() or 1
    memory = psutil.virtual_memory()
    return Utilisation(
        cpu=_share(worked_s / (elapsed_ms / 1000 * cores)),
        memory=_share(memory.percent / 100),
        io=_busiest(busy, _disk_busy_ms(), elapsed_ms),
        memory_total_bytes=memory.total,
        memory_used_bytes=memory.total - memory.available,
    )


def _competing_cpu_s() -> dict[int, float]:
    """Processor seconds so far of every other process that is not below this one."""
    own, this = niceness() or 0, os.getpid()
    spent = {}
    for process in psutil.process_iter():
        if process.pid != this and competes(process.pid, own):
            with suppress(psutil.Error):
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system
    return spent


def _disk_busy_ms() -> dict[str, int]:
    counters = psutil.disk_io_counters(perdisk=True) or {}
    return {
        name: disk.busy_time
        for name, disk in counters.items()
        if hasattr(disk, "busy_time")
    }


def _busiest(
    before: dict[str, int], after: dict[str, int], elapsed_ms: float
) -> float | None:
    worked = [after[name] - before[name] for name in after if name in before]
    return _share(max(worked) / elapsed_ms) if worked else None


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 3)


def _lasting() -> Callable[[], bool]:
    """Tell whether the process that started this one still lives."""
    parent = os.getppid()
    return lambda: os.getppid() == parent


def _spin() -> None:
    lasting = _lasting()
    block = bytes(1 << 16)
    while lasting():
        for _ in range(64):
            zlib.adler32(block)


def _stream() -> None:
    lasting = _lasting()
    block = bytearray(STREAM_BYTES)
    other = bytearray(STREAM_BYTES)
    while lasting():
        block[:] = other


def _write(path: Path) -> None:
    lasting = _lasting()
    block = os.urandom(WRITE_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    offset = 0
    while lasting():
        os.pwrite(descriptor, block, offset)
        os.fsync(descriptor)
        offset = (offset + WRITE_BYTES) % WRITE_FILE_BYTES
