"""What a trial needs to know of an operation."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

__all__ = ["ANSWERED", "Check", "Operation"]

ANSWERED = "answered"
"""A file beside the folder: what was asked was acknowledged before the run ended."""


class Check(Protocol):
    """Looks at the files afterwards and does the operation again; raises if unsound."""

    def __call__(self, folder: Path, *, acknowledged: bool) -> None:
        """Check; `acknowledged` says that the first run ended with 0."""


class Operation(NamedTuple):
    """One operation on a folder.

    Attributes
    ----------
    prepare : callable
        Makes the folder that it starts from.
    run : callable
        Does it, and gives the exit code.
    check : Check
    warm : tuple of str
        Modules that its children need, imported once before they are forked.
    rehearsed : bool
        It is run once on files of its own before children are forked: SQLAlchemy
        prepares each statement once, which takes longer than the statement.
    passed : tuple of str
        Parts of names of files whose calls do not fail here: another operation goes
        through them.
    """

    prepare: Callable[[Path], None]
    run: Callable[[Path], int]
    check: Check
    warm: tuple[str, ...]
    rehearsed: bool = False
    passed: tuple[str, ...] = ()
