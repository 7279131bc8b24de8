"""The harness and the repository around an installation, as this machine has them."""

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.output import print_note
from toolkit.records import read_given

if TYPE_CHECKING:
    from toolkit.capture.hooks import HarnessVersion

__all__ = ["asked_harness", "hide_from_git", "installed_harness"]

TIMEOUT_S = 20.0


def installed_harness(given: str | None) -> "HarnessVersion":
    """Find the version of Claude Code that will read the settings.

    Parameters
    ----------
    given : str or None
        As typed; otherwise the program is asked.

    Raises
    ------
    UsageError
        What was typed is no version.
    """
    from toolkit.capture.hooks import CURRENT, HarnessVersion

    found = HarnessVersion.parse(given) if given is not None else asked_harness()
    if found is not None:
        return found
    print_note(
        f"warning: `claude --version` says nothing here; the entries need Claude "
        f"Code {CURRENT} or later. Give `--harness-version X.Y.Z` for an older one: "
        "it would skip the whole settings file"
    )
    return CURRENT


def asked_harness() -> "HarnessVersion | None":
    """Ask Claude Code for its version; `None` where it is not there or says none."""
    from toolkit.capture.hooks import HarnessVersion
    from toolkit.errors import UsageError

    try:
        return HarnessVersion.parse(_output(["claude", "--version"]) or "")
    except UsageError:
        return None


def hide_from_git(settings: Path) -> None:
    """Keep local settings and what lies beside them out of the project's repository.

    The harness does the same for the local settings that it writes. The line goes to
    the clone's own `info/exclude`, not to a file that is shared.
    """
    folder = settings.parent
    if _output(["git", "-C", str(folder), "check-ignore", "-q", settings.name]) == "":
        return
    found = _output(
        ["git", "-C", str(folder), "rev-parse", "--git-path", "info/exclude"]
    )
    if not found:
        return
    exclude = folder / found.strip()
    line = f".claude/{settings.name}*\n"
    before = read_given(exclude).decode("utf-8") if exclude.exists() else ""
    if line not in before:
        exclude.parent.mkdir(parents=True, exist_ok=True)
        gap = "" if not before or before.endswith("\n") else "\n"
        exclude.write_text(f"{before}{gap}{line}", encoding="utf-8")


def _output(words: list[str]) -> str | None:
    """Run a program and read what it says; `None` where it is not there or fails."""
    program = shutil.which(words[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a program of the user's own
            [program, *words[1:]],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
