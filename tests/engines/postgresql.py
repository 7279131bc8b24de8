"""A PostgreSQL of its own for the tests: made, started on a free port, and removed."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["PASSWORD", "PostgreSQL", "free_port", "running_postgresql", "with_parent"]

PASSWORD = "t0p-secret-of-the-tests"  # noqa: S105 - of a server that lives for a test
INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian keeps the servers, a folder a version."""
WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgreSQL:
    """A running server.

    Attributes
    ----------
    programs : path
        Folder of `psql` and the like.
    port : int
        On 127.0.0.1.
    process : Popen
    """

    programs: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """Write the address of a database."""
        return f"postgresql://toolkit:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres") -> str:
        """Run a statement, and return what it answers without decoration."""
        done = subprocess.run(
            [self.programs / "psql", "-qtAX", "-v", "ON_ERROR_STOP=1"],
            input=statement,
            capture_output=True,
            text=True,
            check=False,
            env={
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.port),
                "PGUSER": "toolkit",
                "PGPASSWORD": PASSWORD,
                "PGDATABASE": database,
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_database(self, name: str) -> str:
        """Make an empty database, and return its address."""
        self.ask(f'CREATE DATABASE "{name}"')
        return self.url(name)


def with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def free_port() -> int:
    """Find a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Make a cluster in a folder of its own and serve it while the context lasts.

    The server refuses to run as root, so root hands it to another user. It ends with
    this process, also where that is killed. Where it is not installed the test is
    skipped.
    """
    found = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian package `postgresql`)")
    programs = found[-1].parent
    user = _server_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        _make_cluster(programs, folder, user)
        port = free_port()
        process = _started(programs, folder, port, user)
        server = PostgreSQL(programs=programs, port=port, process=process)
        try:
            _wait_for(server, folder)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(WAIT_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user() -> str | None:
    """Choose who runs the server; `None` where that is whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _make_cluster(programs: Path, folder: Path, user: str | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    if user is not None:
        shutil.chown(secret, user)
    done = subprocess.run(
        [
            programs / "initdb",
            *("--no-sync", "--no-locale", "--encoding=UTF8", "--username=toolkit"),
            *("--auth=scram-sha-256", f"--pwfile={secret}", folder / "data"),
        ],
        user=user,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    secret.unlink()


def _started(
    programs: Path, folder: Path, port: int, user: str | None
) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            [
                programs / "postgres",
                *("-D", folder / "data", "-k", folder, "-p", str(port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"),
            ],
            user=user,
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=with_parent,  # noqa: PLW1509 - runs after the user is set, which clears it
        )


def _wait_for(server: PostgreSQL, folder: Path) -> None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        assert server.process.poll() is None, (folder / "log").read_text()
        ready = str(server.programs / "pg_isready")
        command = [ready, "-q", "-h", "127.0.0.1", "-p", str(server.port)]
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("PostgreSQL never answered")
