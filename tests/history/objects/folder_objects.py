"""Objects in a folder, for tests without a server, and requests that can be stopped."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from toolkit.history.objects.base import Entry, MissingObjectError, Objects

__all__ = ["FolderObjects", "Interrupted", "Killed"]

Answer = TypeVar("Answer")


class FolderObjects:
    """A folder whose files are objects; a create is a link, which is made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return "s3://bucket/tested"

    def list(self, folder: str) -> Sequence[Entry]:
        return sorted(self._entries(folder), key=lambda entry: entry.name)

    def read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise MissingObjectError(name) from error

    def fetch(self, name: str, target: Path) -> None:
        target.write_bytes(self.read(name))

    def create(self, name: str, data: bytes) -> bool:
        draft = self._draft(name)
        draft.write_bytes(data)
        try:
            (self.folder / name).hardlink_to(draft)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def upload(self, name: str, path: Path) -> None:
        draft = self._draft(name)
        shutil.copyfile(path, draft)
        draft.replace(self.folder / name)

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def _draft(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{os.urandom(6).hex()}")

    def _entries(self, folder: str) -> Iterator[Entry]:
        for path in (self.folder / folder).rglob("[!.]*"):
            if path.is_file():
                status = path.stat()
                yield Entry(
                    name=str(path.relative_to(self.folder)),
                    size=status.st_size,
                    modified=datetime.fromtimestamp(status.st_mtime, UTC),
                )


class Killed(BaseException):
    """Stands for the death of a process between two requests."""


class Interrupted:
    """Objects that do something before the n-th request, or after it.

    Parameters
    ----------
    objects : Objects
    at : int
        1-based; 0 is never.
    do : callable
    after : bool
        Do it when the request has taken effect, and its answer is not seen yet.

    Attributes
    ----------
    requests : list of str
        Verbs of all requests so far.
    """

    def __init__(
        self,
        objects: Objects,
        at: int = 0,
        do: Callable[[], object] = lambda: None,
        *,
        after: bool = False,
    ) -> None:
        self._objects = objects
        self._at = at
        self._do = do
        self._after = after
        self.requests: list[str] = []

    @property
    def name(self) -> str:
        return self._objects.name

    def list(self, folder: str) -> Sequence[Entry]:
        return self._request("list", lambda: self._objects.list(folder))

    def read(self, name: str) -> bytes:
        return self._request("read", lambda: self._objects.read(name))

    def fetch(self, name: str, target: Path) -> None:
        return self._request("fetch", lambda: self._objects.fetch(name, target))

    def create(self, name: str, data: bytes) -> bool:
        return self._request("create", lambda: self._objects.create(name, data))

    def upload(self, name: str, path: Path) -> None:
        return self._request("upload", lambda: self._objects.upload(name, path))

    def remove(self, names: Sequence[str]) -> None:
        return self._request("remove", lambda: self._objects.remove(names))

    def _request(self, verb: str, send: Callable[[], Answer]) -> Answer:
        self.requests.append(verb)
        now = len(self.requests) == self._at
        if now and not self._after:
            self._do()
        answer = send()
        if now and self._after:
            self._do()
        return answer
