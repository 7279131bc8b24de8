"""Reads a store on object storage as it is at one moment; nothing is written there.

Segments are listed before the newest commit is read: a segment that a compaction removed
before the list is in the parts of that commit, and one that it merged after the list is
named by it. So no record is missed and, since one copy of each is read, none is counted
twice.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.escaping import printable
from toolkit.history.base import Dataset
from toolkit.history.generation import Part, folder_of
from toolkit.history.objects.base import Objects
from toolkit.history.objects.cache import ObjectCache
from toolkit.history.objects.commits import Commit, CommitLog, part_name
from toolkit.history.objects.segments import is_intact, segments
from toolkit.history.objects.versions import check_object_version
from toolkit.history.snapshot import Snapshot, is_unaltered

__all__ = ["ObjectDataset", "whole_parts"]

logger = logging.getLogger(__name__)

Report = Callable[[float, float, str], None]

ATTEMPTS = 20


class ObjectDataset(Dataset):
    """The records of a store on object storage.

    Parameters
    ----------
    objects : Objects
    cache : ObjectCache
        Holds what is read.
    report : callable, optional
        Called with how many MB of how many were fetched.
    """

    def __init__(
        self, objects: Objects, cache: ObjectCache, *, report: Report | None = None
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._report = report

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open what there is at this moment; its parts are fetched when asked for.

        Raises
        ------
        InputDataError
            There is no such store, a newer version wrote to it, or the server does not
            answer.
        """
        with self._cache.held():
            yield self._opened()

    def files(self, kind: str) -> list[Path]:
        """List the copies of the parts of a kind, by day."""
        with self.snapshot() as snapshot:
            return snapshot.parts(kind)

    def _opened(self) -> Snapshot:
        for _ in range(ATTEMPTS):
            waiting = segments(self._objects)
            check_object_version(self._objects)
            commit = CommitLog(self._objects).newest()
            tail = {e.name: e.size for e in waiting if e.name not in commit.merged}
            if not self._cache.fetch(self._objects, tail, self._report):
                names = [name for name in tail if self._is_intact(name, tail[name])]
                paths = [str(self._cache.path(name)) for name in names]
                return _ObjectSnapshot(
                    self._objects, self._cache, commit, paths, self._report
                )
        raise _changes_too_fast(self._objects)

    def _is_intact(self, name: str, size: int) -> bool:
        path = self._cache.path(name)
        if is_intact(path):
            return True
        self._cache.drop(name)
        if not self._cache.fetch(self._objects, {name: size}) and is_intact(path):
            return True
        logger.warning(
            "%s/%s is damaged and left out; ship it again from its machine",
            printable(self._objects.name),
            name,
        )
        return False


class _ObjectSnapshot(Snapshot):
    """A commit and the segments behind it; parts are copied when they are asked for."""

    def __init__(
        self,
        objects: Objects,
        cache: ObjectCache,
        commit: Commit,
        tail: list[str],
        report: Report | None,
    ) -> None:
        super().__init__(cache.folder, commit.generation, tail)
        self._objects = objects
        self._cache = cache
        self._commit = commit
        self._report = report
        self._copied: set[str] = set()

    def parts(self, kind: str) -> list[Path]:
        """List the copies of the parts of a kind that are whole, in order of their day.

        Raises
        ------
        InputDataError
            They were replaced and removed since the snapshot was opened.
        """
        if kind not in self._copied:
            lost = whole_parts(
                self._objects, self._cache, self._commit, kind, self._report
            )[1]
            if lost and not lost <= CommitLog(self._objects).newest().objects():
                raise _changes_too_fast(self._objects)
            self._copied.add(kind)
        return super().parts(kind)


def whole_parts(
    objects: Objects,
    cache: ObjectCache,
    commit: Commit,
    kind: str,
    report: Report | None = None,
) -> tuple[dict[str, Part], set[str]]:
    """Copy the parts of a kind, and look that they are what the commit says.

    Parameters
    ----------
    objects : Objects
    cache : ObjectCache
    commit : Commit
    kind : str
    report : callable, optional

    Returns
    -------
    parts : dict of str to Part
        By day; those that are whole.
    lost : set of str
        Names of the objects that are missing, cut or altered.
    """
    days = commit.parts.get(kind, {})
    names = {day: part_name(kind, day, part) for day, part in days.items()}
    sizes = {names[day]: part.size or 0 for day, part in days.items()}
    lost = cache.fetch(objects, sizes, report)
    whole = {}
    for day, part in days.items():
        folder, name = folder_of(cache.folder, kind, day), names[day]
        if name not in lost and not is_unaltered(folder, part):
            cache.drop(name)  # of the copy or of the object: fetched again, it shows
            cache.fetch(objects, {name: sizes[name]})
            if not is_unaltered(folder, part):
                lost.add(name)
        if name not in lost:
            whole[day] = part
    return whole, lost


def _changes_too_fast(objects: Objects) -> InputDataError:
    return InputDataError(
        "compacted several times while it was read", file=objects.name, fix="run again"
    )
