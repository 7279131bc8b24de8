"""What a command asks of the system: its sockets and files, seen from below Python.

Libraries open their own sockets, so an audit in Python sees nothing of them; `strace`
sees every process that a command starts.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Trace", "needs_strace", "traced"]

CALLS = "connect,sendto,sendmsg,sendmmsg,bind,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"

ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
LOCAL = re.compile(r"127\.|0\.0\.0\.0$|::1$|::ffff:127\.|::$")
PATH = re.compile(r'(?:AT_FDCWD<([^>]*)>, |\d+<([^>]*)>, |\()"((?:[^"\\]|\\.)*)"')
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")
CREATING = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(creat|mkdir|rename|link|symlink)")
ANYWHERE = ("/dev/", "/proc/", "/sys/")
"""Devices and the kernel's own files: nothing that is written there stays."""


def _works() -> bool:
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-f", "true"], capture_output=True, check=False)
    return done.returncode == 0


needs_strace = pytest.mark.skipif(
    not _works(), reason="strace is not installed, or may not trace here"
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
    command: Sequence[str], *, cwd: Path, log: Path, environment: dict[str, str]
) -> Trace:
    """Run a command to its end under strace.

    Parameters
    ----------
    command : sequence of str
    cwd, log : path
    environment : dict of str to str
        All of it: nothing is inherited.
    """
    words = ["strace", "-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf"]
    words += ["-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(log)]
    done = subprocess.run(
        [*words, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    addresses, written = set(), set()
    for line in log.read_text(errors="replace").splitlines():
        addresses |= {
            found
            for pair in ADDRESS.findall(line)
            if (found := pair[0] or pair[1]) and not LOCAL.match(found)
        }
        written |= _written(line, cwd)
    return Trace(
        done.returncode,
        done.stdout + done.stderr,
        frozenset(addresses),
        frozenset(written),
    )


def _written(line: str, cwd: Path) -> set[Path]:
    call = line.split("(", 1)[0].rsplit(maxsplit=1)[-1] if "(" in line else ""
    opens = call in ("open", "openat") and WRITING.search(line)
    if not opens and not CREATING.match(call):
        return set()
    if re.search(r"= -1 E", line) or "<unfinished" in line:
        return set()
    paths = set()
    for here, base, name in PATH.findall(line):
        path = Path(os.path.normpath(Path(here or base or cwd) / name))
        if not str(path).startswith(ANYWHERE):
            paths.add(path)
    return paths
