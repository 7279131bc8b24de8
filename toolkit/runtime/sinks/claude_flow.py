"""Tells claude-flow what our hooks say, where a user has switched that on.

Real versions take 0.5 to 3.7 s a call, accept unknown flags silently, and exit 0 when
they failed. So a call is detached and time-limited, its flags are those that the found
version reads, its exit code is not looked at, and whether it had an effect is found out
by reading claude-flow's own store, on request.
"""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.escaping import printable
from toolkit.notifier import Notification

__all__ = ["ClaudeFlowSink", "ClaudeFlowStatus", "hook_arguments", "plain_text"]

SUPERVISOR = Path(__file__).with_name("detached.py")
MAX_TEXT = 2000
"""Longest value of a flag; the operating system's own limit is far above."""

PROBE_TIMEOUT_S = 10.0
ROWS_LOOKED_AT = 200
COMPRESSED = "__compressed__"
"""Prefix of version 2's values: base64 of JSON, in spite of its name."""

FLAGS: Mapping[int, Mapping[str, Mapping[str, str]]] = {
    2: {
        "pre-task": {"description": "--description", "task_id": "--task-id"},
        "post-edit": {"file": "--file", "memory_key": "--memory-key"},
        "notify": {"message": "--message", "level": "--level"},
        "post-task": {
            "task_id": "--task-id",
            "analyze_performance": "--analyze-performance",
        },
    },
    3: {
        "pre-task": {"description": "--description", "task_id": "--task-id"},
        "post-edit": {"file": "--file", "success": "--success"},
        "notify": {"message": "--message", "level": "--level"},
        "post-task": {"task_id": "--task-id", "success": "--success"},
    },
}
"""The flags that each major version's code reads; others it would swallow silently."""

LEVELS_OF_3 = {"warning": "warn", "success": "info"}
"""Version 3 knows info, warn and error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeFlowStatus:
    """What the sink has done.

    Attributes
    ----------
    version : str or None
        Of the program found; `None` where none answered.
    started, dropped : int
        Calls started, and those left out because too many were running or no known
        version was found.
    """

    version: str | None
    started: int
    dropped: int


class ClaudeFlowSink:
    """Passes notifications and hook verbs on to claude-flow.

    Parameters
    ----------
    command : sequence of str
        The program and its first arguments, for instance `["npx", "claude-flow"]`.
    directory : path
        Where it runs; its store is looked for there.
    timeout_s : float
        After this a call is ended with all its children.
    most : int
        Calls that may run at once; more are dropped and counted.

    Examples
    --------
    >>> sink = ClaudeFlowSink(["no-such-program"], directory=Path())
    >>> sink.status().version is None
    True
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        timeout_s: float = 30.0,
        most: int = 4,
    ) -> None:
        self._command = list(command)
        self._directory = directory
        self._timeout_s = timeout_s
        self._most = most
        self._running: list[subprocess.Popen[bytes]] = []
        self._version: str | None = None
        self._probed = False
        self._started = self._dropped = 0

    def notify(self, notification: Notification, /) -> None:
        """Pass a notification on; returns at once.

        Parameters
        ----------
        notification : Notification
        """
        self.tell(
            "notify", message=notification.message, level=notification.level.value
        )

    def tell(self, verb: str, **values: object) -> bool:
        """Start a hook command, detached.

        Parameters
        ----------
        verb : str
            Of claude-flow's hooks, such as `post-edit`.
        **values
            By option; those that the installed version does not have are left out.

        Returns
        -------
        bool
            False where it was dropped; that it ran well is not known either way.

        Raises
        ------
        UsageError
            An unknown verb.
        """
        if verb not in FLAGS[2]:
            raise UsageError.unknown("hook verb", verb, list(FLAGS[2]))
        self._reap()
        major = self.major
        if major is None or len(self._running) >= self._most:
            self._dropped += 1
            return False
        words = [*self._command, *hook_arguments(verb, values, major)]
        self._running.append(self._start(words))
        self._started += 1
        return True

    @property
    def major(self) -> int | None:
        """Major version of the program, asked for once; `None` if it is not known."""
        if not self._probed:
            self._version = self._probe()
            self._probed = True
        found = None if self._version is None else int(self._version.split(".")[0])
        return found if found in FLAGS else None

    def status(self) -> ClaudeFlowStatus:
        """Take a snapshot.

        Returns
        -------
        ClaudeFlowStatus
        """
        return ClaudeFlowStatus(
            version=self._version, started=self._started, dropped=self._dropped
        )

    def close(self) -> None:
        """Wait for what was started; each call has its own time limit."""
        for process in self._running:
            process.wait()
        self._running.clear()

    def stored(self, text: str) -> bool | None:
        """Look whether claude-flow's store holds a text that it was given.

        Parameters
        ----------
        text : str

        Returns
        -------
        bool or None
            `None` where there is no store that can be read.
        """
        wanted = plain_text(printable(text))  # as a notification holds it
        known = None
        for value in self._stored_texts():
            known = known or False
            if any(wanted in held for held in _strings(value)):
                return True
        return known

    def _probe(self) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - an argument list; no shell reads it
                [*self._command, "--version"],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_TIMEOUT_S,
                cwd=self._directory,
                env=_environment(),
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(rb"(\d{1,4}\.\d{1,4}\.\d{1,4}[\w.-]{0,40})", done.stdout)
        return None if found is None else found.group(1).decode()

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - an argument list; no shell reads it
            [
                sys.executable,
                "-I",
                "-S",
                str(SUPERVISOR),
                str(self._timeout_s),
                *words,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._directory,
            env=_environment(),
            start_new_session=True,
        )

    def _reap(self) -> None:
        self._running = [p for p in self._running if p.poll() is None]

    def _stored_texts(self) -> Iterator[Any]:
        path = self._directory / ".swarm" / "memory.db"
        if not path.exists():
            return
        address = f"{path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=2)) as database:
                names = {
                    row[1]
                    for row in database.execute("PRAGMA table_info(memory_entries)")
                }
                column = "content" if "content" in names else "value"
                yield ""  # the store is there, though it may hold nothing
                for (value,) in database.execute(
                    f"SELECT {column} FROM memory_entries ORDER BY rowid DESC LIMIT ?",  # noqa: S608 - one of two names above
                    [ROWS_LOOKED_AT],
                ):
                    yield _decoded(value)
        except sqlite3.DatabaseError:
            return


def hook_arguments(verb: str, values: Mapping[str, object], major: int) -> list[str]:
    """Write a hook command with the flags that a major version reads.

    Examples
    --------
    >>> hook_arguments("notify", {"message": "hi", "level": "warning"}, 3)
    ['hooks', 'notify', '--message', 'hi', '--level', 'warn']
    >>> hook_arguments("post-edit", {"file": "a.py", "memory_key": "k"}, 3)
    ['hooks', 'post-edit', '--file', 'a.py']
    """
    words = ["hooks", verb]
    for name, flag in FLAGS[major][verb].items():
        value = values.get(name)
        if value is None:
            continue
        if isinstance(value, bool):
            value = str(value).lower()
        if name == "level" and major == 3:
            value = LEVELS_OF_3.get(str(value), value)
        words += [flag, plain_text(str(value))]
    return words


def plain_text(text: str) -> str:
    r"""Make a text fit to be one argument: no NUL, no half characters, not a flag.

    Examples
    --------
    >>> plain_text("--level\0"), plain_text("$(rm x) `y`")
    (' --level', '$(rm x) `y`')
    """
    known = text[:MAX_TEXT].encode("utf-8", "replace").decode().replace("\0", "")
    return f" {known}" if known.startswith("-") else known


def _environment() -> dict[str, str]:
    # Version 2 runs `npx ruv-swarm`, which downloads a package whenever it can.
    return {**os.environ, "npm_config_offline": "true"}


def _decoded(value: object) -> Any:
    if not isinstance(value, str):
        return ""
    try:
        if value.startswith(COMPRESSED):
            value = base64.b64decode(value.removeprefix(COMPRESSED)).decode()
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, str):
            yield held
        elif isinstance(held, dict):
            waiting.extend(held.values())
        elif isinstance(held, list):
            waiting.extend(held)
