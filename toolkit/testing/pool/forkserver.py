"""The process that brings up every agent, and outlives none of them.

A small single-threaded program that has imported what an agent needs and forks one on
request, in a few milliseconds. It is the agents' parent, so a pid that it signals is
never another's; it reaps what dies; and when its own parent goes away, however that
happens, it kills what it has brought up. No process is left behind.
"""

import ctypes
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from toolkit.errors import ToolkitError

__all__ = ["ForkServer", "ForkServerError", "ForkServerProcess"]

PR_SET_PDEATHSIG = 1
PARENT = 0
"""Standard input, a pipe from the process that started the forkserver: at its end it ends too."""

ANSWER_LIMIT_S = 10.0


class ForkServerError(ToolkitError, OSError):
    """The forkserver is gone or could not do what it was asked."""


class ForkServerProcess:
    """Starts a forkserver and stops it; a context manager.

    Parameters
    ----------
    socket_path : path
        Where it will listen.
    preload : iterable of str
        Modules to import before the first fork.
    """

    def __init__(self, socket_path: Path, *, preload: Iterable[str] = ()) -> None:
        self.socket_path = socket_path
        self._preload = tuple(preload)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        start = f"from {__name__} import main; main()"
        command = [sys.executable, "-c", start, str(self.socket_path)]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, *self._preload], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        if self._process.stdout.readline() != b"ready\n":
            raise ForkServerError(
                "the forkserver did not start; see its messages on stderr"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(ANSWER_LIMIT_S)


class ForkServer:
    """Talks to a forkserver; any process that knows the socket may.

    Parameters
    ----------
    socket_path : path
    """

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        self._stream: socket.socket | None = None
        self._rest = b""

    def spawn(self, name: str, entry: str, arguments: dict[str, Any]) -> int:
        """Fork `entry(**arguments)` under a name; one that lives already is kept.

        Parameters
        ----------
        name : str
            Of the process, for `signal` and `alive`.
        entry : str
            `module:function`, importable in the server.
        arguments : dict
            JSON types.

        Returns
        -------
        int
            Its pid.
        """
        request = {"do": "spawn", "name": name, "entry": entry, "arguments": arguments}
        return int(self._ask(request)["pid"])

    def signal(self, name: str, number: int) -> bool:
        """Send a signal; SIGKILL returns when the process is gone and reaped.

        Parameters
        ----------
        name : str
        number : int
            Such as `signal.SIGSTOP`.

        Returns
        -------
        bool
            Whether there was such a process.
        """
        return bool(self._ask({"do": "signal", "name": name, "number": number})["sent"])

    def alive(self) -> dict[str, int]:
        """Name what lives, with its pid.

        Returns
        -------
        dict of str to int
        """
        return dict(self._ask({"do": "alive"})["alive"])

    def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._stream is None:
                self._stream = socket.socket(socket.AF_UNIX)
                self._stream.settimeout(ANSWER_LIMIT_S)
                self._stream.connect(str(self.socket_path))
            self._stream.sendall(json.dumps(request).encode() + b"\n")
            while b"\n" not in self._rest:
                got = self._stream.recv(65536)
                if not got:
                    raise ForkServerError(
                        "the forkserver hung up; start the pool again"
                    )
                self._rest += got
        except OSError as error:
            self.close()
            if isinstance(error, ForkServerError):
                raise
            raise ForkServerError(f"the forkserver does not answer: {error}") from error
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ForkServerError(f"the forkserver refused: {answer['error']}")
        return answer


class _Server:
    """The forkserver's own side."""

    def __init__(self, path: Path) -> None:
        self._pids: dict[str, int] = {}
        self._groups: dict[str, int] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(PARENT, selectors.EVENT_READ)
        self._buffers: dict[socket.socket, bytes] = {}

    def serve(self) -> None:
        """Answer until the parent goes away, then take everybody along."""
        while True:
            for key, _ in self._selector.select(timeout=0.5):
                if key.fileobj == PARENT:
                    if not os.read(PARENT, 1):
                        self._end()
                        return
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)  # noqa: S101 - narrows
                    self._read(key.fileobj)
            self._reap()

    def _accept(self) -> None:
        stream, _ = self._listener.accept()
        self._buffers[stream] = b""
        self._selector.register(stream, selectors.EVENT_READ)

    def _read(self, stream: socket.socket) -> None:
        try:
            got = stream.recv(65536)
        except ConnectionError:
            got = b""
        if not got:
            self._selector.unregister(stream)
            del self._buffers[stream]
            stream.close()
            return
        *lines, self._buffers[stream] = (self._buffers[stream] + got).split(b"\n")
        for line in lines:
            try:
                answer = self._answer(json.loads(line))
            except OSError as error:
                answer = {"error": str(error)}
            try:
                stream.sendall(json.dumps(answer).encode() + b"\n")
            except ConnectionError:
                return  # who asked has died; the next read takes it off the list

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self._reap()
        if request["do"] == "spawn":
            return {"pid": self._spawn(**{k: request[k] for k in _SPAWN})}
        if request["do"] == "signal":
            return {"sent": self._signal(request["name"], request["number"])}
        return {"alive": self._pids}

    def _spawn(self, name: str, entry: str, arguments: dict[str, Any]) -> int:
        if name not in self._pids:
            pid = os.fork()
            if pid == 0:
                self._grow_up(entry, arguments)
            with suppress(OSError):  # the child may have been quicker
                os.setpgid(pid, pid)
            self._pids[name] = self._groups[name] = pid
        return self._pids[name]

    def _grow_up(self, entry: str, arguments: dict[str, Any]) -> None:
        """Become the child: let go of what is the forkserver's, run, and exit."""
        code = 1
        try:
            os.setpgid(0, 0)
            die_with_parent()
            for stream in [self._listener, *self._buffers]:
                os.close(stream.fileno())
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            module, _, function = entry.partition(":")
            getattr(importlib.import_module(module), function)(**arguments)
            code = 0
        except MemoryError:
            os.write(2, b"out of memory\n")
        finally:
            os._exit(code)

    def _signal(self, name: str, number: int) -> bool:
        """Send a signal; SIGKILL also ends what the process has started and left."""
        pid = self._pids.get(name)
        if number == signal.SIGKILL and name in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(self._groups.pop(name), signal.SIGKILL)
        if pid is None:
            return False
        if number != signal.SIGKILL:
            os.kill(pid, number)
            return True
        os.waitpid(pid, 0)
        del self._pids[name]
        return True

    def _reap(self) -> None:
        for name, pid in list(self._pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._pids[name]
        for name, group in list(self._groups.items()):
            if name not in self._pids and not _group_lives(group):
                del self._groups[name]  # its number may be given to others from now on

    def _end(self) -> None:
        for name in {*self._pids, *self._groups}:
            self._signal(name, signal.SIGKILL)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Serve on the socket named first, with the modules named after it imported."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path, *preload = sys.argv[1:]
    for module in preload:
        importlib.import_module(module)
    server = _Server(Path(path))
    os.write(1, b"ready\n")
    server.serve()


_SPAWN = ("name", "entry", "arguments")
