"""Who works on a trial, and whether it still lives.

A worker signs the trial that it takes and counts in it while it works. Who else looks
takes the trial away where the worker's process is gone, on the same machine, or where the
count has stood still for the patience of the one who looks, on his own clock: clocks of
different machines are never compared. Optuna's own heartbeat knows PostgreSQL only, and
never ends a trial whose worker was killed before the first beat.
"""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

__all__ = [
    "BEAT",
    "WORKER",
    "Watch",
    "beating",
    "is_dead_here",
    "new_signature",
    "working_under",
]

WORKER, BEAT = "worker", "beat"
"""Attributes of a trial: who works on it, and how often it has been heard of."""
WORKING: set[str] = set()
"""Signatures of the trials that this process works on."""
SIGNED = count()
BEATS = 4
"""Beats within the patience of those who watch: three may be late."""


@cache
def this_machine() -> str:
    """Name what process ids are unique in; no name of a host is in it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - a link to no path
        seen = f"{boot} {space}"
    except OSError:
        seen = socket.gethostname()
    return hashlib.sha256(seen.encode()).hexdigest()[:12]


def this_worker() -> str:
    """Name this process: its machine, its id, and when it began."""
    pid = os.getpid()
    return f"{this_machine()}:{pid}:{psutil.Process(pid).create_time():.2f}"


def is_dead_here(signature: str | None) -> bool:
    """Whether a signature is of a process of this machine that is gone, or went on.

    Parameters
    ----------
    signature : str or None
        Of a running trial: a worker's name and a number; `None` where it is not signed.

    Examples
    --------
    >>> is_dead_here("elsewhere:1:0.0:0"), is_dead_here(None)
    (False, False)
    >>> is_dead_here(f"{this_machine()}:1:0.00:0"), is_dead_here(f"{this_worker()}:-1")
    (True, True)
    """
    machine, pid, began, _ = (signature or ":::").split(":")
    if machine != this_machine():
        return False
    if signature and signature.rpartition(":")[0] == this_worker():
        return signature not in WORKING
    try:
        process = psutil.Process(int(pid))
        return (
            f"{process.create_time():.2f}" != began
            or process.status() == psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return True


class Watch:
    """Watches the trials of others.

    Parameters
    ----------
    patience_s : float
        How long the count of a trial may stand still.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._seen: dict[int, tuple[object, float]] = {}

    def gave_up(self, trial: "FrozenTrial", now_s: float) -> bool:
        """Whether a running trial has no living worker.

        Parameters
        ----------
        trial : FrozenTrial
        now_s : float
            Of a clock that only goes forward.
        """
        worker = trial.user_attrs.get(WORKER)
        if is_dead_here(worker):
            return True
        sign = (worker, trial.user_attrs.get(BEAT))
        last, since_s = self._seen.setdefault(trial.number, (sign, now_s))
        if sign != last:
            self._seen[trial.number] = (sign, now_s)
            return False
        return now_s - since_s > self._patience_s


def new_signature() -> str:
    """Make a signature of this process that no other trial has."""
    return f"{this_worker()}:{next(SIGNED)}"


@contextmanager
def working_under(signature: str) -> Iterator[None]:
    """Have a signature of this process count as that of a living worker."""
    WORKING.add(signature)
    try:
        yield
    finally:
        WORKING.discard(signature)


@contextmanager
def beating(trial: "Trial", *, patience_s: float) -> Iterator[None]:
    """Count in a trial, from a thread, while the context lasts.

    Parameters
    ----------
    trial : Trial
    patience_s : float
        Of those who watch.
    """
    done = Event()
    every_s = patience_s / BEATS
    thread = Thread(target=_beat, args=(trial, done, every_s), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(trial: "Trial", done: Event, every_s: float) -> None:
    from optuna.exceptions import OptunaError

    for beat in count(1):
        if done.wait(every_s):
            return
        try:
            trial.set_user_attr(BEAT, beat)
        except (OptunaError, OSError):
            continue  # taken away meanwhile, or not heard: who watches decides
