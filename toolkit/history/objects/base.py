"""What a store needs of object storage: six requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

__all__ = ["Entry", "MissingObjectError", "Objects"]


class MissingObjectError(Exception):
    """An object that was listed, or named by a commit, is not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object, as it is listed.

    Attributes
    ----------
    name : str
        Below the store's prefix.
    size : int
        Bytes.
    modified : datetime
        By the server's clock.
    """

    name: str
    size: int
    modified: datetime


class Objects(Protocol):
    """The objects below one prefix.

    A write is seen by every read and list that begins after it returned. Errors of the
    server are `InputDataError`, with what to do about them.
    """

    @property
    def name(self) -> str:
        """Address of the store, for messages."""
        ...

    def list(self, folder: str) -> "Sequence[Entry]":
        """List the objects of a folder and below it."""
        ...

    def read(self, name: str) -> bytes:
        """Read a small object; `MissingObjectError` where it is not there."""
        ...

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to a new file; `MissingObjectError` where it is not there."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Create an object, whole; `False` where there is one of the name already."""
        ...

    def upload(self, name: str, path: Path) -> None:
        """Write a file to a name that no other content has."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; those that are not there are none."""
        ...
