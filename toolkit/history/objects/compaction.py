"""Merges what machines shipped into the parts of a store on object storage.

A compaction reads commit N, merges segments that are not in it, writes new parts under
names that hold N + 1 and their content, and creates commit N + 1. Where another was
first, its parts count for nothing and it begins again from what the other left. Then what no kept commit
needs is removed. It may die between any two requests: before the commit nothing has
changed, after it only removals are left, which the next one does.

Removing rests on two facts. A part whose name holds a number that the log has reached,
and that no kept commit names, can never come in force, since its commit could not be
created any more. A segment that every kept commit has merged is read by none. So no
clock and no lease is needed; the server's own times only say for how long commits are
kept for slow readers.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.escaping import printable
from toolkit.history.dataset import Compaction
from toolkit.history.engine import COMPACTING, EngineLimits, connect, within
from toolkit.history.generation import Part, folder_of
from toolkit.history.merging import merge, stage_valid
from toolkit.history.objects.base import Entry, MissingObjectError, Objects
from toolkit.history.objects.cache import ObjectCache, in_parallel
from toolkit.history.objects.commits import Commit, CommitLog, part_name, target_of
from toolkit.history.objects.reading import whole_parts
from toolkit.history.objects.segments import segments, unpack_segment
from toolkit.history.objects.versions import check_object_version, raise_object_version
from toolkit.records import Segment

if TYPE_CHECKING:
    import duckdb

__all__ = ["KEPT_FOR", "compact_objects"]

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(minutes=15)
"""Commits that are this much older than the newest are kept, with what they need."""

ROUND_BYTES = 128 * 2**20
"""Packed segments that one commit merges; more are merged by the next."""

MOST_ROUNDS = 10_000


@dataclass(frozen=True, slots=True)
class _Round:
    """One attempt: what is waiting, and the commit that it is merged into."""

    before: Commit
    listed: frozenset[str]
    fresh: list[Entry]


def compact_objects(
    objects: Objects,
    cache: ObjectCache,
    *,
    limits: EngineLimits | None = None,
    kept_for: timedelta = KEPT_FOR,
    report: Callable[[float, float, str], None] | None = None,
) -> Compaction:
    """Merge all segments, and remove what is not needed any more.

    Any number of compactions may run at once, on any machines.

    Parameters
    ----------
    objects : Objects
    cache : ObjectCache
        Holds the parts that are merged with.
    limits : EngineLimits, optional
        What DuckDB may use.
    kept_for : timedelta
        How long commits before the newest stay readable.
    report : callable, optional
        Called with how many segments of how many are merged.

    Returns
    -------
    Compaction
        What this one did; `spool_files` counts segments.

    Raises
    ------
    InputDataError
        There is no such store, a newer version wrote to it, or the server does not
        answer or does not honour `If-None-Match`.
    StorageError
        The cache cannot be written.
    """
    check_object_version(objects)
    raise_object_version(objects)
    done = Compaction()
    with cache.held():
        written, lost = _looked_through(objects)
        for _ in range(MOST_ROUNDS):
            waiting = _next(objects)
            if not waiting.fresh:
                break
            if report is not None:
                left = len(waiting.listed - waiting.before.merged)
                report(done.spool_files, done.spool_files + left, "segments")
            won = within(
                limits or COMPACTING, partial(_merge_round, objects, cache, waiting)
            )
            done = done if won is None else _added(done, won)
        _clean(objects, written, kept_for)
    return replace(done, damaged=(*lost, *done.damaged))


def _next(objects: Objects) -> _Round:
    """Look what is waiting; segments are listed first, as by a reader."""
    listed = segments(objects)
    check_object_version(objects)
    before = CommitLog(objects).newest()
    fresh: list[Entry] = []
    for entry in listed:
        full = sum(each.size for each in fresh) + entry.size > ROUND_BYTES
        if entry.name not in before.merged and not (fresh and full):
            fresh.append(entry)
    return _Round(before, frozenset(entry.name for entry in listed), fresh)


def _merge_round(
    objects: Objects, cache: ObjectCache, waiting: _Round, limits: EngineLimits
) -> Compaction | None:
    """Merge some segments and commit; `None` where another was first."""
    with ExitStack() as stack:
        work = stack.enter_context(cache.work())
        unpacked = _unpacked(objects, cache, waiting.fresh, work / "lines")
        if unpacked is None:
            return None
        lines, damaged = unpacked
        connection = stack.enter_context(connect(limits, scratch=work))
        aside = work / "aside"
        staged, refused = (
            stage_valid(connection, lines, work, aside) if lines else ({}, [])
        )
        merging = _Merging(objects, cache, waiting.before, work / "dataset")
        for kind, files in staged.items():
            if lost := merging.merge(connection, kind, files):
                return Compaction(damaged=_drop(objects, lost))
        set_aside = {f"refused/{path.name}": path for path in aside.glob("*")}
        _upload(objects, {**set_aside, **merging.written})
        names = {e.name for e in waiting.fresh} - {str(path) for path in damaged}
        commit = replace(
            waiting.before,
            number=waiting.before.number + 1,
            writer=os.urandom(8).hex(),
            merged=(waiting.before.merged & waiting.listed) | names,
            parts=merging.parts,
        )
        if not CommitLog(objects).append(commit):
            return None
        objects.remove([str(path) for path in damaged])  # so that it can come again
        for name, path in merging.written.items():
            cache.keep(name, path)
    return Compaction(
        partitions=len(merging.written),
        rows=merging.rows,
        spool_files=len(names),
        refused=tuple(refused),
        damaged=tuple(damaged),
    )


def _unpacked(
    objects: Objects, cache: ObjectCache, fresh: Sequence[Entry], folder: Path
) -> tuple[list[Segment], list[Path]] | None:
    """Fetch and unpack segments; `None` where one was removed since it was listed."""
    sizes = {entry.name: entry.size for entry in fresh}
    if cache.fetch(objects, sizes):
        return None
    folder.mkdir()
    lines: list[Segment] = []
    damaged: list[Path] = []
    for number, name in enumerate(sizes, start=1):
        packed = cache.path(name)
        target = folder / packed.name.removesuffix(".gz")
        try:
            unpack_segment(packed, target)
        except ValueError:
            target.unlink()
            logger.warning(
                "%s/%s is damaged and set aside; ship it again from its machine",
                printable(objects.name),
                name,
            )
            objects.upload(f"refused/{packed.name}", packed)
            damaged.append(Path(name))
        else:
            lines.append(Segment(number, target))
        cache.drop(name)  # what is merged is not read again
    return lines, damaged


class _Merging:
    """Parts of the next commit, written in a folder that mirrors the dataset.

    Parameters
    ----------
    objects : Objects
    cache : ObjectCache
    before : Commit
        In force now.
    root : path
        For links to the parts in force, and the new ones.

    Attributes
    ----------
    parts : dict
        Of the next commit.
    rows : dict of str to int
        In new parts, by kind.
    written : dict of str to path
        New parts, by the name of their object.
    """

    def __init__(
        self, objects: Objects, cache: ObjectCache, before: Commit, root: Path
    ) -> None:
        self.parts = dict(before.parts)
        self.rows: dict[str, int] = {}
        self.written: dict[str, Path] = {}
        self._objects = objects
        self._cache = cache
        self._before = before
        self._root = root

    def merge(
        self, connection: "duckdb.DuckDBPyConnection", kind: str, staged: Sequence[str]
    ) -> set[str]:
        """Merge the rows of one kind; names of parts that are lost stop it."""
        held, lost = whole_parts(self._objects, self._cache, self._before, kind)
        if lost:
            return lost
        for day, part in held.items():
            folder = folder_of(self._root, kind, day)
            folder.mkdir(parents=True)
            (folder / part.name).symlink_to(
                folder_of(self._cache.folder, kind, day) / part.name
            )
        merged, self.rows[kind] = merge(
            connection, self._root, kind, staged, self._before.generation
        )
        self.parts[kind] = {
            day: part if held.get(day) is part else self._named(kind, day, part)
            for day, part in merged.items()
        }
        return set()

    def _named(self, kind: str, day: str, part: Part) -> Part:
        """Name a new part for the commit that it is written for, and its content."""
        path = folder_of(self._root, kind, day) / part.name
        with path.open("rb") as stream:
            content = file_digest(stream, "sha256").hexdigest()[:32]
        named = replace(part, name=f"{self._before.number + 1:012d}-{content}.parquet")
        self.written[part_name(kind, day, named)] = path
        return named


def _upload(objects: Objects, files: Mapping[str, Path]) -> None:
    in_parallel(lambda name: objects.upload(name, files[name]), list(files))


def _looked_through(objects: Objects) -> tuple[list[str], tuple[Path, ...]]:
    """List the parts, and let go of those in force that are not there, or are cut.

    The commit is read before they are listed: what it names, and a later one names too,
    was there all the time.
    """
    now = CommitLog(objects).newest()
    there = {entry.name: entry.size for entry in objects.list("parts")}
    lost = {
        name
        for kind, days in now.parts.items()
        for day, part in days.items()
        for name in [part_name(kind, day, part)]
        if there.get(name) != part.size
    }
    return list(there), _drop(objects, lost) if lost else ()


def _drop(objects: Objects, lost: set[str]) -> tuple[Path, ...]:
    """Commit without lost parts, and merge again all segments that are left."""
    log = CommitLog(objects)
    now = log.newest()
    gone = lost & now.objects()
    if not gone:
        return ()  # replaced meanwhile
    parts = {
        kind: {d: p for d, p in days.items() if part_name(kind, d, p) not in gone}
        for kind, days in now.parts.items()
    }
    dropped = replace(
        now,
        number=now.number + 1,
        writer=os.urandom(8).hex(),
        merged=frozenset(),
        parts=parts,
    )
    if not log.append(dropped):
        return ()  # the next look finds them again
    for name in sorted(gone):
        logger.warning(
            "%s/%s is missing or damaged and left out; ship its records again: "
            "`toolkit records ship --again`",
            printable(objects.name),
            name,
        )
    return tuple(Path(name) for name in sorted(gone))


def _clean(objects: Objects, written: Sequence[str], kept_for: timedelta) -> None:
    """Remove what no kept commit needs; what may be needed stays."""
    log = CommitLog(objects)
    entries = log.entries()
    if not entries:
        return
    newest = max(entries)
    since = entries[newest] - kept_for
    kept = [n for n, at in entries.items() if at >= since or n >= newest - 1]
    oldest = min(kept)
    try:
        commits = [log.read(number) for number in range(oldest, newest + 1)]
    except MissingObjectError:
        return  # another compaction cleans at this moment
    needed = set().union(*(commit.objects() for commit in commits))
    merged = frozenset.intersection(*(commit.merged for commit in commits))
    if oldest == 1 and len(commits) == 1:
        merged = frozenset()  # who began before there was a commit reads them
    old = [
        name
        for name in written
        if (target_of(name) or newest + 1) <= newest and name not in needed
    ]
    log.remove_before(oldest)
    objects.remove([*old, *(e.name for e in segments(objects) if e.name in merged)])


def _added(one: Compaction, other: Compaction) -> Compaction:
    kinds = {**one.rows, **other.rows}
    return Compaction(
        partitions=one.partitions + other.partitions,
        rows={k: one.rows.get(k, 0) + other.rows.get(k, 0) for k in kinds},
        spool_files=one.spool_files + other.spool_files,
        refused=(*one.refused, *other.refused),
        damaged=(*one.damaged, *other.damaged),
    )
