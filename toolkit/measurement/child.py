"""A real child process that does one thing and leaves nothing behind."""

import os
import signal
from collections.abc import Callable
from typing import Self

__all__ = ["Child"]


class Child:
    """A forked process, waited for or killed by who started it.

    Forking costs what starting a worker costs: no pool hides it. The child ignores
    Ctrl-C, since its parent ends it, and leaves without running any clean-up of the
    parent's.

    Parameters
    ----------
    pid : int
        Its process id.

    Examples
    --------
    >>> Child.start(lambda: None).wait()
    0
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    @classmethod
    def start(cls, work: Callable[[], None]) -> Self:
        """Fork a process that does `work`; its exit code is 0 unless `work` raises.

        Parameters
        ----------
        work : callable
            Called in the child, without arguments.

        Returns
        -------
        Child
            To be waited for.
        """
        pid = os.fork()
        if pid:
            return cls(pid)
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work()
            code = 0
        finally:
            # Leaves at once: neither the traceback nor the exit handlers are the child's.
            os._exit(code)

    def wait(self) -> int:
        """Wait for its end and return the exit code, negative for a signal.

        Returns
        -------
        int
        """
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """End it now, if it still lives, and reap it."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
