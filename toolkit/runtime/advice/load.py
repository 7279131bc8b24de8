"""How busy this machine is, sampled in the background and read without waiting."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

__all__ = ["BackgroundLoad", "SystemLoad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLoad:
    """Utilisations, 0 to 1; `None` where not known."""

    cpu: float | None = None
    memory: float | None = None
    io: float | None = None


class BackgroundLoad:
    """Samples processor, memory and disk on a daemon thread.

    Use it as a context manager, or call `start` and `stop`. Reading never waits: until
    the first sample is there everything is unknown.

    Parameters
    ----------
    every_s : float
        Seconds between samples, above 0.

    Examples
    --------
    >>> with BackgroundLoad(every_s=0.01) as load:
    ...     load.wait(5.0)
    ...     0.0 <= (load.current().memory or -1.0) <= 1.0
    True
    True
    """

    def __init__(self, *, every_s: float = 1.0) -> None:
        self.every_s = every_s
        self._current = SystemLoad()
        self._stopped = threading.Event()
        self._sampled = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def current(self) -> SystemLoad:
        """Return the latest sample.

        Returns
        -------
        SystemLoad
            Of no known value before the first sample.
        """
        return self._current

    def start(self) -> None:
        """Start sampling; starting twice is starting once."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop sampling and wait for the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait(self, timeout_s: float) -> bool:
        """Wait for the first sample; say whether it came in time.

        Parameters
        ----------
        timeout_s : float
            Seconds.

        Returns
        -------
        bool
        """
        return self._sampled.wait(timeout_s)

    def _run(self) -> None:
        psutil.cpu_percent(None)
        busy_ms = _disk_busy_ms()
        while not self._stopped.wait(self.every_s):
            now_ms = _disk_busy_ms()
            io = None
            if busy_ms is not None and now_ms is not None:
                io = _ratio((now_ms - busy_ms) / (1000 * self.every_s))
            busy_ms = now_ms
            self._current = SystemLoad(
                cpu=_ratio(psutil.cpu_percent(None) / 100),
                memory=_ratio(psutil.virtual_memory().percent / 100),
                io=io,
            )
            self._sampled.set()


def _disk_busy_ms() -> float | None:
    """Milliseconds the busiest disk has worked since boot, where the system counts."""
    disks = psutil.disk_io_counters(perdisk=True) or {}
    busy = [getattr(disk, "busy_time", None) for disk in disks.values()]
    known = [float(value) for value in busy if value is not None]
    return max(known, default=None)


def _ratio(value: float) -> float:
    return min(max(value, 0.0), 1.0)
