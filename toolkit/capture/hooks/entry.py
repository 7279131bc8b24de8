"""Our entry in a settings file: how it is written, and how it is known again."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from toolkit.capture.hooks.harness import HarnessVersion

__all__ = ["HANDLER", "MARK", "handler_entry", "is_ours", "words_of"]

TIMEOUT_S = 5
"""What the harness allows; the handler leaves by itself well before."""

HANDLER = Path(__file__).resolve().parents[1] / "hook_handler.py"

MARK = ("--installed-by", "workflow-toolkit")
"""An entry with these two words in a row is ours, and no other is. A path is no mark:
another product may have a file of the same name."""

BEFORE_MARKS = ("-I", "-S")
"""How the arguments of our entries began before they carried a mark."""


def handler_entry(
    store: Path | None,
    advice: str,
    bundle: Path | None,
    explore: float,
    harness: HarnessVersion,
) -> dict[str, Any]:
    """Build our hook entry: an argument list, so that no shell reads a path.

    A harness that knows no argument list gets one command, quoted for the shell.
    """
    words = ["-I", "-S", str(HANDLER), *MARK]
    if store is not None:
        words += ["--store", str(store.absolute())]
    words += ["--advice", advice]
    if bundle is not None:
        words += ["--bundle", str(bundle.absolute())]
    if explore:
        words += ["--explore", f"{explore:g}"]
    if harness.knows_arguments:
        started: dict[str, Any] = {"command": sys.executable, "args": words}
    else:
        started = {"command": shlex.join([sys.executable, *words])}
    return {"type": "command", **started, "timeout": TIMEOUT_S}


def is_ours(hook: object) -> bool:
    """Whether a hook entry is one of ours.

    Examples
    --------
    >>> is_ours({"command": "python", "args": ["x.py", *MARK]})
    True
    >>> is_ours({"command": "python", "args": ["/opt/a-toolkit/hook_handler.py"]})
    False
    """
    words = words_of(hook)
    marked = MARK in pairwise(words)
    return marked or _is_before_marks(words)


def words_of(hook: object) -> list[str]:
    """Split an entry into the words that the harness starts; empty for none of a command."""
    if not isinstance(hook, Mapping) or not isinstance(hook.get("command"), str):
        return []
    arguments = hook.get("args")
    if isinstance(arguments, list):
        return [hook["command"], *(str(word) for word in arguments)]
    try:
        return shlex.split(hook["command"])
    except ValueError:
        return []


def _is_before_marks(words: Sequence[str]) -> bool:
    """Whether an entry was written by a version of ours that knew no mark."""
    if tuple(words[1:3]) != BEFORE_MARKS or "--advice" not in words:
        return False
    return Path(words[3]).parts[-2:] == ("toolkit", "hook_handler.py")
