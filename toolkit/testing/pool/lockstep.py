"""The tick that a pool works to: time moves when everybody has had a chance to speak.

A tick tells every process what time it is and waits until each has acknowledged it.
Who cannot (its process is dead, or stopped by a signal) is not waited for. With a tick
a second of a real clock this is an ordinary supervisor; with a clock that only the tick
moves, an hour of waiting passes in seconds and no agent looks silent for want of a turn.
"""

import json
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError, UsageError

__all__ = ["Lockstep", "LockstepError", "LockstepFollower", "SteppedClock"]

ACK_LIMIT_S = 30.0
"""A healthy process answers in milliseconds; past this the machine itself is ill."""

LOOK_S = 0.05
"""A process that has not answered for this long is looked at: is it stopped?"""


class LockstepError(ToolkitError, TimeoutError):
    """A running process did not acknowledge a tick."""


class SteppedClock:
    """A clock that stands still between ticks.

    Parameters
    ----------
    start : datetime
        Wall time at second 0.

    Examples
    --------
    >>> from datetime import UTC
    >>> clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))
    >>> clock.set(30.0, jump_s=3600.0)
    >>> clock.monotonic_s(), clock.now().isoformat()
    (30.0, '2026-01-05T01:00:30+00:00')
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now_s = 0.0
        self._jump_s = 0.0

    def set(self, now_s: float, *, jump_s: float = 0.0) -> None:
        """Move to a second; the wall clock is `jump_s` beside it.

        Parameters
        ----------
        now_s : float
            Seconds, not before the last.
        jump_s : float
            May be negative.
        """
        self._now_s = now_s
        self._jump_s = jump_s

    def now(self) -> datetime:
        """Wall time; it may jump.

        Returns
        -------
        datetime
            Aware, UTC.
        """
        return self._start + timedelta(seconds=self._now_s + self._jump_s)

    def monotonic_s(self) -> float:
        """Seconds; they never jump.

        Returns
        -------
        float
        """
        return self._now_s

    async def sleep(self, duration_s: float) -> None:
        """Refuse: between ticks no time passes, so no process may wait for it.

        Parameters
        ----------
        duration_s : float
            Seconds; only 0 or less is granted.

        Raises
        ------
        UsageError
            For a positive duration.
        """
        if duration_s > 0:
            raise UsageError(
                f"cannot sleep {duration_s:g} s on a paced clock; call `turn` each tick"
            )


@dataclass(slots=True)
class _Follower:
    stream: socket.socket
    name: str = ""
    role: str = ""
    pid: int = 0
    rest: bytes = b""
    acked: int = 0

    def receive(self) -> list[dict[str, Any]]:
        """Read what has come; raises `ConnectionError` when it has hung up."""
        got = self.stream.recv(65536)
        if not got:
            raise ConnectionResetError("hung up")
        *lines, self.rest = (self.rest + got).split(b"\n")
        return [json.loads(line) for line in lines]


class Lockstep:
    """Gives the tick on a socket; agents first, then those that watch them.

    Parameters
    ----------
    path : path
        The socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._listener.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._followers: list[_Follower] = []
        self._number = 0

    def tick(self, now_s: float, *, jump_s: float = 0.0) -> None:
        """Announce a time and wait until everybody who can has acknowledged it.

        Parameters
        ----------
        now_s : float
            Seconds on the stepped clock.
        jump_s : float
            How far the wall clock is off that, in seconds.

        Raises
        ------
        LockstepError
            A process that is neither dead nor stopped did not answer.
        """
        self._number += 1
        for role in ("agent", "healer"):
            self._welcome()
            waiting = [f for f in self._followers if f.role == role]
            message = {"tick": self._number, "now_s": now_s, "jump_s": jump_s}
            for follower in waiting:
                self._send(follower, message)
            self._await(waiting)

    def tell(self, name: str, message: dict[str, Any]) -> None:
        """Send one follower something else than a tick.

        Parameters
        ----------
        name : str
            Of the follower; nothing is sent where none bears it.
        message : dict
            JSON types.
        """
        self._welcome()
        for follower in self._followers:
            if follower.name == name:
                self._send(follower, message)

    def followers(self, role: str) -> list[str]:
        """Name those who follow, in the order they came.

        Parameters
        ----------
        role : str
            `agent` or `healer`.

        Returns
        -------
        list of str
        """
        self._welcome()
        return [follower.name for follower in self._followers if follower.role == role]

    def close(self) -> None:
        """Hang up; agents that follow this tick end themselves."""
        for follower in self._followers:
            follower.stream.close()
        self._followers.clear()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _welcome(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except BlockingIOError:
                return
            stream.settimeout(ACK_LIMIT_S)
            follower = _Follower(stream)
            try:
                hello = follower.receive()[0]
            except ConnectionError:
                stream.close()
                continue
            follower.name, follower.role = hello["name"], hello["role"]
            follower.pid = hello["pid"]
            stream.settimeout(LOOK_S)
            self._followers.append(follower)

    def _send(self, follower: _Follower, message: dict[str, Any]) -> None:
        try:
            follower.stream.sendall(json.dumps(message).encode() + b"\n")
        except (ConnectionError, TimeoutError):
            self._lose(follower)

    def _await(self, waiting: list[_Follower]) -> None:
        limit_s = time.monotonic() + ACK_LIMIT_S
        for follower in waiting:
            missed = self._number - follower.acked > 1
            if missed and not can_speak(follower.pid):
                continue  # it was stopped at the last tick, and still is
            while follower in self._followers and follower.acked < self._number:
                try:
                    for message in follower.receive():
                        follower.acked = max(follower.acked, int(message["ack"]))
                except TimeoutError:
                    if not can_speak(follower.pid):
                        break
                except ConnectionError:
                    self._lose(follower)
                if time.monotonic() > limit_s:
                    raise LockstepError(
                        f"`{follower.name}` did not acknowledge tick {self._number} "
                        f"within {ACK_LIMIT_S:g} s; is the machine overloaded?"
                    )

    def _lose(self, follower: _Follower) -> None:
        follower.stream.close()
        if follower in self._followers:
            self._followers.remove(follower)


class LockstepFollower:
    """The side that follows a tick.

    Parameters
    ----------
    path : path
        The lockstep's socket.
    name, role : str
        Who follows; a role is `agent` or `healer`.
    pid : int
    """

    def __init__(self, path: Path, *, name: str, role: str, pid: int) -> None:
        self._stream = socket.socket(socket.AF_UNIX)
        self._stream.connect(str(path))
        self._rest = b""
        hello = {"name": name, "role": role, "pid": pid}
        self._stream.sendall(json.dumps(hello).encode() + b"\n")

    def messages(self) -> list[dict[str, Any]]:
        """Wait for messages; none means that the lockstep is gone.

        Returns
        -------
        list of dict
            Empty once the lockstep is gone.
        """
        while b"\n" not in self._rest:
            try:
                got = self._stream.recv(65536)
            except ConnectionError:
                got = b""
            if not got:
                return []
            self._rest += got
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines]

    def acknowledge(self, number: int) -> None:
        """Say that a tick has been worked on.

        Parameters
        ----------
        number : int
            Of the tick.
        """
        self._stream.sendall(b'{"ack":%d}\n' % number)


def can_speak(pid: int) -> bool:
    """Tell whether a process is neither gone nor stopped.

    Parameters
    ----------
    pid : int

    Returns
    -------
    bool
    """
    import psutil

    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status not in {
        psutil.STATUS_STOPPED,
        psutil.STATUS_ZOMBIE,
        psutil.STATUS_DEAD,
        psutil.STATUS_TRACING_STOP,
    }
