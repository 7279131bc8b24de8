"""Notifying a person: the notifier is passed in, and no shell is ever involved."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from toolkit.errors import UsageError
from toolkit.escaping import printable

__all__ = [
    "Level",
    "MemoryNotifier",
    "Notification",
    "Notifier",
    "SilentNotifier",
    "Tee",
]

MAX_MESSAGE = 500
"""Longest message; a notification is a line, not a document."""


class Level(StrEnum):
    """How urgent a notification is (definitions, section 5)."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One line for a person, with the values behind it.

    Parameters
    ----------
    message : str
        One line of at most 500 characters; those without a picture become escapes.
    level : Level or str
        One of info, success, warning, error.
    metadata : mapping
        JSON values.

    Raises
    ------
    UsageError
        The level is unknown or the message is empty or too long.

    Examples
    --------
    >>> note = Notification(message="stale", level="warning", metadata={"rate": 0.2})
    >>> note.arguments()
    ['notify', '--message', 'stale', '--level', 'warning', '--metadata', '{"rate":0.2}']
    """

    message: str
    level: Level = Level.INFO
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level not in tuple(Level):
            raise UsageError.unknown("level", str(self.level), [*Level])
        if not 0 < len(self.message) <= MAX_MESSAGE:
            raise UsageError(
                f"a message has 1 to {MAX_MESSAGE} characters, got {len(self.message)}"
            )
        object.__setattr__(self, "level", Level(self.level))
        # Names in it come from other programs, and it goes to terminals and to others.
        object.__setattr__(self, "message", printable(self.message)[:MAX_MESSAGE])

    def arguments(self) -> list[str]:
        """Write the notification as the argument list of the `notify` hook.

        Returns
        -------
        list of str
            For `toolkit hooks`, or any program with the same flags; never for a
            shell.
        """
        words = [
            "notify",
            "--message",
            printable(self.message),
            "--level",
            self.level.value,
        ]
        if self.metadata:
            words += ["--metadata", json.dumps(self.metadata, separators=(",", ":"))]
        return words

    @classmethod
    def from_arguments(cls, words: Sequence[str]) -> "Notification":
        """Read an argument list written by `arguments`.

        Raises
        ------
        UsageError
            It is not a `notify` call with a message.
        """
        flags = dict(zip(words[1::2], words[2::2], strict=False))
        if not words or words[0] != "notify" or "--message" not in flags:
            raise UsageError(f"not a `notify` argument list: {list(words)}")
        return cls(
            message=flags["--message"],
            level=Level(flags.get("--level", "info")),
            metadata=json.loads(flags.get("--metadata", "{}")),
        )


@runtime_checkable
class Notifier(Protocol):
    """Takes a notification and returns at once; it never raises for its transport."""

    def notify(self, notification: Notification, /) -> None:
        """Pass one notification on."""
        ...


class SilentNotifier:
    """Notifies no one.

    Examples
    --------
    >>> SilentNotifier().notify(Notification(message="not heard"))
    """

    def notify(self, notification: Notification, /) -> None:
        """Drop the notification."""


class MemoryNotifier:
    """Keeps the latest notifications, for views and tests.

    Parameters
    ----------
    keep : int
        How many; older ones are dropped and still counted.

    Examples
    --------
    >>> notifier = MemoryNotifier(keep=1)
    >>> for text in ("a", "b"):
    ...     notifier.notify(Notification(message=text))
    >>> [note.message for note in notifier.kept], notifier.count
    (['b'], 2)
    """

    def __init__(self, *, keep: int = 1000) -> None:
        self.kept: deque[Notification] = deque(maxlen=keep)
        self.count = 0

    def notify(self, notification: Notification, /) -> None:
        """Keep the notification."""
        self.kept.append(notification)
        self.count += 1


class Tee:
    """Tells several.

    Examples
    --------
    >>> left, right = MemoryNotifier(), MemoryNotifier()
    >>> Tee(left, right).notify(Notification(message="both"))
    >>> left.count, right.count
    (1, 1)
    """

    def __init__(self, *notifiers: Notifier) -> None:
        self._notifiers = notifiers

    def notify(self, notification: Notification, /) -> None:
        """Pass the notification to each in turn."""
        for notifier in self._notifiers:
            notifier.notify(notification)
