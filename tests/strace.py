"""What a command asks of the system: its sockets and files, seen from below Python.

Libraries open their own sockets, so an audit in Python sees nothing of them; `strace`
sees every process that a command starts. Where it is missing, or may not trace, a library
that is preloaded writes down the same calls (`watch.c`); it sees what goes through the C
library, which is all that the toolkit's dependencies do.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.asking import compiler

__all__ = [
    "TRACERS",
    "Trace",
    "needs_a_tracer",
    "traced",
    "traced_in_turn",
    "traced_until",
]

CALLS = (
    "connect,sendto,sendmsg,sendmmsg,bind,open,openat,openat2,creat,truncate,mknod,"
    "mknodat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,rmdir,chmod,fchmodat"
)
MOST_S = 500
"""A command under strace is given so long."""

ADDRESS = re.compile(
    r"sin6?_port=htons\((\d+)\).*?"
    r'(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")'
)
LOCAL = re.compile(r"127\.|0\.0\.0\.0$|::1$|::ffff:127\.|::$")
NAME_SERVICE = "53"
"""A question to a resolver on this machine is passed on to others."""
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")
CHANGING = re.compile(
    r"creat|truncate|mknod|mkdir|rename|link|symlink|unlink|rmdir|f?chmod"
)
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r" *<\.\.\. \w+ resumed>(.*)")
ANYWHERE = ("/dev/", "/proc/", "/sys/")
"""Devices and the kernel's own files: nothing that is written there stays."""


WATCH = Path(__file__).with_name("watch.c")


def _strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-f", "true"], capture_output=True, check=False)
    return done.returncode == 0


TRACERS = [
    *(["strace"] if _strace_works() else []),
    *(["preload"] if compiler() else []),
]
"""What can trace on this machine; the first is used."""

needs_a_tracer = pytest.mark.skipif(
    not TRACERS, reason="neither strace nor a C compiler is installed"
)


@dataclass(frozen=True, slots=True)
class Trace:
    """What one command did.

    Attributes
    ----------
    code : int
        Its exit code.
    said : str
        Its output, both streams.
    addresses : set of str
        Every address beyond loopback that it wrote to, or connected to.
    written : set of path
        Every file or folder that it opened for writing, or made.
    """

    code: int
    said: str
    addresses: frozenset[str]
    written: frozenset[Path]

    def outside(self, *folders: Path) -> list[str]:
        """List what was written outside some folders."""
        return sorted(
            str(path)
            for path in self.written
            if not any(path.is_relative_to(folder) for folder in folders)
        )


def traced(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    environment: dict[str, str],
    stdin: str = "",
    tracer: str | None = None,
) -> Trace:
    """Run a command to its end, traced.

    Parameters
    ----------
    command : sequence of str
    cwd, log : path
    environment : dict of str to str
        All of it: nothing is inherited.
    stdin : str
        What it reads.
    tracer : str, optional
        Another of `TRACERS` than the first.
    """
    tracer = tracer or TRACERS[0]
    done = subprocess.run(
        _words(command, log, tracer),
        cwd=cwd,
        env={**environment, **_variables(log, tracer)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_S,
        umask=0o022,
    )
    calls = log.read_text(errors="replace")
    return _trace(done.returncode, done.stdout + done.stderr, calls, cwd)


@contextmanager
def traced_until(
    command: Sequence[str], *, cwd: Path, log: Path, environment: dict[str, str]
) -> Iterator[tuple[Callable[[str], str], Callable[[], Trace]]]:
    """Run a command, traced, that does not end by itself.

    Gives two callables: one waits until the output holds a text, and returns all
    output; the other interrupts the command as a person does, and returns the trace.
    """
    said = log.with_suffix(".said")
    with said.open("w") as stream:
        process = subprocess.Popen(
            _words(command, log, TRACERS[0]),
            cwd=cwd,
            env={**environment, **_variables(log, TRACERS[0])},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            umask=0o022,
        )

    def wait_for(text: str) -> str:
        end_s = time.monotonic() + MOST_S
        while text not in (so_far := said.read_text()):
            assert process.poll() is None, so_far
            assert time.monotonic() < end_s, so_far
            time.sleep(0.05)
        return so_far

    def interrupted() -> Trace:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        below = children.split() if TRACERS[0] == "strace" else [process.pid]
        for child in below:
            os.kill(int(child), signal.SIGINT)
        code = process.wait(MOST_S)
        calls = log.read_text(errors="replace")
        return _trace(code, said.read_text(), calls, cwd)

    try:
        yield wait_for, interrupted
    finally:
        process.kill()
        process.wait()


@contextmanager
def traced_in_turn(
    command: Sequence[str], *, cwd: Path, log: Path, environment: dict[str, str]
) -> Iterator[Callable[[Sequence[str]], Trace]]:
    """Start a program that runs commands in forks of itself, traced.

    Gives a callable that runs one: it takes the command's words, and returns what was
    traced meanwhile. The first trace holds what the program did when it started, too.

    Parameters
    ----------
    command : sequence of str
        Speaks as `tests.scenarios.commands_in_turn` does.
    cwd, log : path
    environment : dict of str to str
        All of it: nothing is inherited.
    """
    with subprocess.Popen(
        _words(command, log, TRACERS[0]),
        cwd=cwd,
        env={**environment, **_variables(log, TRACERS[0])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        umask=0o022,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered, seen = process.stdin, process.stdout, 0
        assert json.loads(answered.readline())["code"] == 0

        def run(words: Sequence[str]) -> Trace:
            nonlocal seen
            asked.write(json.dumps({"words": list(words)}) + "\n")
            asked.flush()
            answer = json.loads(answered.readline())
            calls = log.read_bytes()[seen:]
            seen += len(calls)
            text = calls.decode(errors="replace")
            return _trace(answer["code"], answer["said"], text, cwd)

        yield run
        asked.close()
        assert process.wait(MOST_S) == 0


def _words(command: Sequence[str], log: Path, tracer: str) -> list[str]:
    log.unlink(missing_ok=True)
    if tracer == "preload":
        log.touch()
        return [*command]
    words = ["strace", "-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf"]
    words += ["-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(log)]
    return [*words, *command]


def _variables(log: Path, tracer: str) -> dict[str, str]:
    """Preload the watching library, where that is what traces."""
    if tracer != "preload":
        return {}
    library = log.with_name("watch.so")
    if not library.exists():
        options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(WATCH), "-ldl"]
        subprocess.run([compiler() or "cc", *options], check=True)
    return {"LD_PRELOAD": str(library), "TOOLKIT_WATCH": str(log)}


def _trace(code: int, said: str, calls: str, cwd: Path) -> Trace:
    addresses, written = set(), set()
    for line in _calls(calls):
        addresses |= _addresses(line)
        written |= _written(line, cwd)
    return Trace(code, said, frozenset(addresses), frozenset(written))


def _calls(log: str) -> Iterator[str]:
    """Give each call on one line: one that another thread interrupted stands on two."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        thread, _, rest = line.partition(" ")
        call, cut, _ = line.partition(UNFINISHED)
        if cut:
            begun[thread] = call
        elif (resumed := RESUMED.match(rest)) is not None:
            yield begun.pop(thread, "") + resumed[1]
        else:
            yield line
    yield from begun.values()


def _addresses(line: str) -> set[str]:
    """Give what lies beyond this machine, and every resolver of names."""
    return {
        address
        for port, four, six in ADDRESS.findall(line)
        if not LOCAL.match(address := four or six) or port == NAME_SERVICE
    }


def _written(line: str, cwd: Path) -> set[Path]:
    call = line.split("(", 1)[0].rsplit(maxsplit=1)[-1] if "(" in line else ""
    opens = call.startswith("open") and WRITING.search(line)
    if not opens and not CHANGING.match(call):
        return set()
    if re.search(r"= -1 E", line):
        return set()
    paths = set()
    found = PATH.findall(line)
    for here, name in found[-1:] if "link" in call else found:
        path = Path(os.path.normpath(Path(here or cwd) / name))
        if not str(path).startswith(ANYWHERE):
            paths.add(path)
    return paths
