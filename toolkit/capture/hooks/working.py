"""Whether an installation works: who may switch it off, and a test event fired.

Settings are read by the harness in the order managed, local, project, user: the first
file that says something about a switch decides it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.capture.hooks.entry import words_of
from toolkit.capture.hooks.harness import HarnessVersion
from toolkit.errors import InputDataError
from toolkit.records import read_given

__all__ = ["fire_test_event", "managed_settings", "not_understood", "switched_off"]

TEST_TIMEOUT_S = 20.0

TEST_EVENT = {
    "session_id": "00000000-0000-0000-0000-000000000000",
    "hook_event_name": "SessionStart",
    "source": "toolkit-test",
}


def managed_settings() -> Path:
    """Find where this system keeps the settings that an administrator sets.

    Returns
    -------
    path
        It need not exist.
    """
    if sys.platform == "darwin":
        return Path("/Library/Application Support/ClaudeCode/managed-settings.json")
    return Path("/etc/claude-code/managed-settings.json")


def switched_off(files: Sequence[Path], managed: Path | None = None) -> str | None:
    """Say which settings keep our hooks from being run, if any do.

    Parameters
    ----------
    files : sequence of path
        Settings files, the one that is read first in front.
    managed : path, optional
        Settings of the administrator; where this system keeps them unless given.

    Returns
    -------
    str or None
        A sentence.

    Examples
    --------
    >>> switched_off([], Path("/nowhere/managed-settings.json")) is None
    True
    """
    managed = managed or managed_settings()
    if _read(managed).get("allowManagedHooksOnly") is True:
        return f"{managed} allows managed hooks only"
    for path in (managed, *files):
        switch = _read(path).get("disableAllHooks")
        if isinstance(switch, bool):
            return f"`disableAllHooks` is set in {path}" if switch else None
    return None


def not_understood(
    entry: Mapping[str, Any], events: Sequence[str], harness: HarnessVersion
) -> str | None:
    """Say what of an installation the harness does not know, if anything.

    Parameters
    ----------
    entry : mapping
        Ours, as the harness reads it.
    events : sequence of str
        Events that have it.
    harness : HarnessVersion
        That is installed now.

    Returns
    -------
    str or None
        A sentence.

    Examples
    --------
    >>> not_understood({"command": "x", "args": []}, ["Stop"], HarnessVersion(2, 1, 59))
    'Claude Code 2.1.59 does not know `args`; run `toolkit hooks install` again'
    """
    unknown = [event for event in events if event not in harness.events]
    if "args" in entry and not harness.knows_arguments:
        unknown.append("args")
    if not unknown:
        return None
    named = ", ".join(f"`{name}`" for name in unknown)
    return f"Claude Code {harness} does not know {named}; run `toolkit hooks install` again"


def fire_test_event(entry: Mapping[str, Any]) -> str | None:
    """Start an entry as the harness does, into a store for the purpose.

    Parameters
    ----------
    entry : mapping
        Of the harness's settings: `command`, and `args` where it has them.

    Returns
    -------
    str or None
        Why nothing was recorded; `None` where the entry works.
    """
    words = words_of(entry)
    program = words[0] if words else ""
    if not Path(program).is_file():
        return f"its program {program} is not there; run `toolkit hooks install` again"
    with tempfile.TemporaryDirectory() as folder:
        started = [*words, "--store", folder, "--advice", "off"]
        try:
            done = subprocess.run(  # noqa: S603 - the entry that the harness starts itself
                started,
                input=json.dumps(TEST_EVENT).encode(),
                capture_output=True,
                timeout=TEST_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"its program cannot be started ({type(error).__name__})"
        if not list(Path(folder, "hooks").glob("*.jsonl")):
            return f"a test event recorded nothing (exit code {done.returncode})"
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        data = read_given(path)
    except OSError:
        return {}
    try:
        value = json.loads(data.decode("utf-8-sig")) if data.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InputDataError("not valid JSON", file=path) from error
    return value if isinstance(value, dict) else {}
