"""Priority over other work on the machine, while something is measured."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["MEASURING_NICENESS", "competes", "niceness", "raised_priority"]

MEASURING_NICENESS = -15
"""About twenty-eight times the weight of ordinary work."""
AUTOGROUP = "/proc/{}/autogroup"
"""Where Linux groups processes by session, niceness counts within a session only; the
session's own stands here. See sched(7), "The autogroup feature"."""


@contextmanager
def raised_priority() -> Iterator[bool]:
    """Raise the priority of this process where the system lets this user do so.

    Processes started meanwhile inherit it, those that press on the machine too: what is
    measured competes with them as an equal, and with the neighbours hardly at all.

    Yields
    ------
    bool
        Whether the system allowed it.
    """
    before, session = os.getpriority(os.PRIO_PROCESS, 0), _session_niceness("self")
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(before, MEASURING_NICENESS))
        if session is not None:
            _set_session_niceness(min(session, MEASURING_NICENESS))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)
        if session is not None:
            _set_session_niceness(session)


def niceness(pid: int | str = "self") -> int | None:
    """Read the niceness that a process competes with; `None` where it has ended.

    Examples
    --------
    >>> niceness() is not None
    True
    """
    session = _session_niceness(pid)
    if session is not None:
        return session
    with suppress(OSError):
        return os.getpriority(os.PRIO_PROCESS, 0 if pid == "self" else int(pid))
    return None


def competes(pid: int, own: int) -> bool:
    """Whether a process has at least the weight of one of niceness `own`."""
    theirs = niceness(pid)
    return theirs is not None and theirs <= own


def _session_niceness(pid: int | str) -> int | None:
    """Niceness of a process's session; `None` where sessions are not grouped."""
    try:
        return int(Path(AUTOGROUP.format(pid)).read_text().split()[-1])
    except (OSError, ValueError, IndexError):
        return None


def _set_session_niceness(value: int) -> None:
    Path(AUTOGROUP.format("self")).write_text(str(value))
