"""Which Claude Code reads our entries, and what it knows.

Before 2.1.101 one event that the harness does not know makes it skip the whole settings
file, with the deny rules in it; before 2.1.139 it runs the command without its `args`.
"""

import re
from typing import NamedTuple

from toolkit.errors import UsageError

__all__ = ["CURRENT", "EVENTS", "HarnessVersion"]


class HarnessVersion(NamedTuple):
    """A version of Claude Code.

    Examples
    --------
    >>> HarnessVersion.parse("2.1.59 (Claude Code)").events[-1]
    'SessionEnd'
    >>> "PostToolBatch" in HarnessVersion.parse("2.1.59").events
    False
    >>> HarnessVersion.parse("2.1.139").knows_arguments
    True
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "HarnessVersion":
        """Read a version as `claude --version` prints it.

        Parameters
        ----------
        text : str
            The first three numbers with dots between them count.

        Returns
        -------
        HarnessVersion

        Raises
        ------
        UsageError
            There is none in the text.
        """
        found = re.search(r"\b(\d{1,4})\.(\d{1,4})\.(\d{1,4})\b", text)
        if found is None:
            raise UsageError(f"not a version of Claude Code: `{text}`; give 2.1.139")
        return cls(*(int(part) for part in found.groups()))

    @property
    def events(self) -> tuple[str, ...]:
        """Events that this version knows, or passes over without harm."""
        if self >= PASSES_OVER_UNKNOWN:
            return EVENTS
        return tuple(event for event, since in SINCE.items() if since <= self)

    @property
    def knows_arguments(self) -> bool:
        """Whether it starts a command with `args`, without a shell."""
        return self >= KNOWS_ARGUMENTS

    def __str__(self) -> str:
        return ".".join(map(str, self))


FIRST = HarnessVersion(1, 0, 85)
PASSES_OVER_UNKNOWN = HarnessVersion(2, 1, 101)
KNOWS_ARGUMENTS = HarnessVersion(2, 1, 139)
CURRENT = KNOWS_ARGUMENTS
"""Assumed where the version is not known; `hooks install` says so."""

SINCE = {
    "SessionStart": FIRST,
    "UserPromptSubmit": FIRST,
    "PreToolUse": FIRST,
    "PostToolUse": FIRST,
    "PostToolUseFailure": HarnessVersion(2, 1, 33),
    "PostToolBatch": PASSES_OVER_UNKNOWN,
    "PermissionRequest": HarnessVersion(2, 0, 45),
    "Notification": FIRST,
    "SubagentStart": HarnessVersion(2, 0, 43),
    "SubagentStop": FIRST,
    "TaskCreated": HarnessVersion(2, 1, 84),
    "TaskCompleted": HarnessVersion(2, 1, 33),
    "TeammateIdle": HarnessVersion(2, 1, 33),
    "PreCompact": FIRST,
    "Stop": FIRST,
    "StopFailure": HarnessVersion(2, 1, 78),
    "SessionEnd": FIRST,
}
"""The events that carry something a record can hold, or say when a person was waited
for, and the version that brought each, or the first that does no harm with it."""

EVENTS = tuple(SINCE)
