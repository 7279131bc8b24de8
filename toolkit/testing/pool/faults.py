"""Faults that are injected into an agent, so that healing can be shown and measured.

Each is real, not a flag that claims it: a thread that never returns, a loop that burns
its core, the kernel's lock held for good, memory that is really taken, a limit of the
kernel that makes real writes fail, a child that outlives its parent with a lock in hand.
"""

import os
import resource
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from toolkit.testing.pool.worker import Worker

__all__ = ["FAULT_KINDS", "Faults"]

FAULT_KINDS = (
    "hang",
    "hang_with_lock",
    "busy_loop",
    "slow",
    "grow",
    "io_error",
    "corrupt",
    "hollow",
    "return",
    "halt",
    "hold",
    "orphan",
)
"""What `Faults.begin` takes."""

HALT_PERIOD_S = 150.0


class Faults:
    """The faults of one agent; several may be active at once.

    Parameters
    ----------
    worker : Worker
        The agent.

    Attributes
    ----------
    slowness : float
        How many times slower than planned it works.
    hollow : bool
        Whether it reports results without writing them.
    returns : bool
        Whether it gives back every task that it takes.
    """

    def __init__(self, worker: "Worker") -> None:
        self.slowness = 1.0
        self.hollow = False
        self.returns = False
        self._worker = worker
        self._active: set[str] = set()
        self._grow_bytes = 0
        self._halt_s = 0.0
        self._hold_s = 0.0
        self._taken: list[bytearray] = []

    def begin(self, kind: str, *, amount: float = 0.0) -> None:
        """Activate one fault.

        Parameters
        ----------
        kind : str
            One of `FAULT_KINDS`, or `none`, which ends those that can end.
        amount : float
            How many times slower (`slow`), bytes at each tick (`grow`), seconds of
            every 150 without a sign (`halt`), seconds that the lock is held (`hold`).
        """
        if kind == "none":
            self._active.clear()
            self.slowness, self.hollow, self.returns = 1.0, False, False
            return
        self._active.add(kind)
        if kind == "slow":
            self.slowness = amount
        elif kind == "grow":
            self._grow_bytes = int(amount)
        elif kind == "halt":
            self._halt_s = amount
        elif kind == "hold":
            self._hold_s = amount
        elif kind == "io_error":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        self.hollow |= kind == "hollow"
        self.returns |= kind == "return"

    def halts(self, now_s: float) -> bool:
        """Whether it does nothing at this tick."""
        return "halt" in self._active and now_s % HALT_PERIOD_S < self._halt_s

    def apply(self, passed_s: float = 0.0) -> None:
        """Apply the active faults, at the start of a turn."""
        for kind in self._active & self._EFFECTS.keys():
            self._EFFECTS[kind](self)
        if self._hold_s > 0.0:
            self._hold(passed_s)

    def while_locked(self) -> None:
        """Apply what happens while the write lock is held."""
        if "hang_with_lock" in self._active:
            self._hang()

    def _hang(self) -> None:
        self._worker.leave()
        threading.Event().wait()

    def _burn(self) -> None:
        self._worker.leave()
        while True:
            pass

    def _grow(self) -> None:
        block = bytearray(self._grow_bytes)
        block[::4096] = b"x" * len(block[::4096])
        self._taken.append(block)

    def _hang_with_lock(self) -> None:
        if self._worker.lock.acquire(self._worker.slot) is None:
            self._hang()

    def _corrupt(self) -> None:
        entries = self._worker.memory.entries()
        if entries:
            self._worker.memory.harm(
                entries[0].key, value="garbage", writer=self._worker.slot
            )

    def _orphan(self) -> None:
        """Leave a child behind that holds the write lock, and die."""
        lock = self._worker.lock
        if lock.acquire(self._worker.slot) is None:
            subprocess.Popen(["/bin/sleep", "100000"], pass_fds=[lock.descriptor])
            os._exit(1)

    def _hold(self, passed_s: float) -> None:
        """Hold the write lock for a while, and go on working."""
        if self._worker.lock.acquire(self._worker.slot) is None:
            self._hold_s -= passed_s
        if self._hold_s <= 0.0:
            self._worker.lock.release()

    _EFFECTS: ClassVar[Mapping[str, Callable[["Faults"], None]]] = {
        "hang": _hang,
        "busy_loop": _burn,
        "grow": _grow,
        "hang_with_lock": _hang_with_lock,
        "corrupt": _corrupt,
        "orphan": _orphan,
    }
