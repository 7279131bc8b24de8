"""What an agent can be told to apply, so that healing it can be shown and measured.

Each is the real thing, not a flag that says so: a thread that never returns, a loop
that burns its core, the kernel's lock held for good, memory that is really taken, a
limit of the kernel that makes real writes fail.
"""

import resource
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.testing.pool.worker import Worker

__all__ = ["Faults"]

KINDS = ("hang", "hang_with_lock", "busy_loop", "slow", "grow", "io_error", "corrupt")


class Faults:
    """The troubles of one agent.

    Parameters
    ----------
    worker : Worker
        The one that suffers them.
    """

    def __init__(self, worker: "Worker") -> None:
        self.slowness = 1.0
        self._worker = worker
        self._kind = ""
        self._grow_bytes = 0
        self._taken: list[bytearray] = []

    def begin(self, kind: str, *, amount: float = 0.0) -> None:
        """Let one trouble begin.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        amount : float
            How many times slower (`slow`), bytes at each tick (`grow`).
        """
        self._kind = kind
        if kind == "slow":
            self.slowness = amount
        elif kind == "grow":
            self._grow_bytes = int(amount)
        elif kind == "io_error":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))

    def apply(self) -> None:
        """Suffer it, at the start of a turn."""
        if self._kind == "hang":
            self._hang()
        elif self._kind == "busy_loop":
            self._worker.leave()
            while True:
                pass
        elif self._kind == "grow":
            block = bytearray(self._grow_bytes)
            block[::4096] = b"x" * len(block[::4096])
            self._taken.append(block)
        elif self._kind == "hang_with_lock":
            if self._worker.lock.acquire(self._worker.slot) is None:
                self._hang()
        elif self._kind == "corrupt":
            entries = self._worker.memory.entries()
            if entries:
                self._worker.memory.harm(
                    entries[0].key, value="garbage", writer=self._worker.slot
                )

    def while_locked(self) -> None:
        """Suffer it while the write lock is held."""
        if self._kind == "hang_with_lock":
            self._hang()

    def _hang(self) -> None:
        self._worker.leave()
        threading.Event().wait()
