"""The Parquet dataset behind the spool: generations of part files, one a kind and day.

::

    DATASET/generation.json     which parts are in force (`toolkit.history.generation`)
    DATASET/kind=K/day=D/part-NNNNNNNN.parquet
    DATASET/.compacting         held alone by the one compaction that runs
    DATASET/.readers            held by readers; held alone while old files are removed

A compaction seals the spool, writes and syncs new parts, and puts them in force with one
atomic step. Only then, and only while no reader is there, are the merged segments and
the replaced parts removed; what had to stay is removed by the next one. So it may die,
or the machine may, at any point: the next compaction does what is left.

Of two copies of a record the fuller one is kept, whatever the order they came in.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.history.amendment import Amendment
from toolkit.history.base import Dataset
from toolkit.history.columns import column_names
from toolkit.history.engine import COMPACTING, EngineLimits, connect, within
from toolkit.history.generation import (
    GENERATION_NAME,
    Generation,
    Part,
    folder_of,
    read_generation,
    write_generation,
)
from toolkit.history.merging import merge, restage, stage_valid
from toolkit.history.snapshot import (
    READERS_NAME,
    Snapshot,
    is_unaltered,
    open_snapshot,
    report_damage,
)
from toolkit.history.sorting_out import Refused
from toolkit.records import (
    Segment,
    Spool,
    make_directory,
    open_regular,
    share_directory,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

__all__ = ["Compaction", "LocalDataset", "OnRefused", "OnSealed", "held_alone"]

OnSealed = Callable[[list[Path]], None]
OnRefused = Callable[[Sequence[Refused]], None]

Restaged = Iterator[tuple[str, list[str], str]]
"""Kind, days whose parts are replaced, and the file that their rows are staged in."""

COMPACTING_NAME = ".compacting"
WORK_PREFIX = ".work-"

KEPT_SEGMENT_BYTES = 64 * 2**20
"""Merged segments that stay on disk for followers (`Spool.retire`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What one compaction did.

    Attributes
    ----------
    partitions : int
        Parts written.
    rows : dict of str to int
        Rows in those parts, by kind.
    spool_files : int
        Spool segments merged.
    refused : tuple of Refused
        Lines of those segments that are no records; they were set aside.
    damaged : tuple of path
        Part files that were set aside because they are missing, cut or altered.
    """

    partitions: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    spool_files: int = 0
    refused: tuple[Refused, ...] = ()
    damaged: tuple[Path, ...] = ()


class LocalDataset(Dataset):
    """A dataset in a folder of this machine, with the spool behind it.

    Parameters
    ----------
    root : path
        Created by the first compaction.
    spool : Spool, optional
        Where the lines that are not compacted yet are; without it only parts are read.
    more : callable, optional
        Gives descriptors of open files with further lines to read.
    """

    def __init__(
        self,
        root: Path,
        spool: Spool | None = None,
        *,
        more: Callable[[], Sequence[int]] | None = None,
    ) -> None:
        self.root = root
        self._spool = spool
        self._more = more

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open what there is at this moment for reading; nothing is written."""
        with open_snapshot(self.root, self._spool, more=self._more) as snapshot:
            yield snapshot

    def files(self, kind: str) -> list[Path]:
        """List the part files of a kind that are in force and whole, by day."""
        with open_snapshot(self.root) as snapshot:
            return snapshot.parts(kind)

    def compact(
        self,
        spool: Spool,
        *,
        on_sealed: OnSealed | None = None,
        on_refused: OnRefused | None = None,
        limits: EngineLimits | None = None,
    ) -> Compaction:
        """Merge everything the spool holds into the parts it belongs to.

        One compaction runs at a time; a second one waits, and then finds what is left.

        Parameters
        ----------
        spool : Spool
        on_sealed : callable, optional
            Called with the spool's files before any of them is merged.
        on_refused : callable, optional
            Called with the lines that are no records, before the others are in force;
            called again with the same lines where a compaction died.
        limits : EngineLimits, optional
            What DuckDB may use; little memory and one thread unless given.
        """
        make_directory(self.root)
        with held_alone(self.root / COMPACTING_NAME):
            self._remove_leftovers()
            before, damaged = self._whole(read_generation(self.root))
            sealed = spool.seal(after=before.merged)
            fresh = [s for s in sealed if s.number > before.merged]
            if fresh and on_sealed is not None:
                on_sealed([segment.path for segment in fresh])
            after, done = within(
                limits or COMPACTING, partial(self._merged, before, fresh)
            )
            if done.refused and on_refused is not None:
                on_refused(done.refused)
            if damaged:
                after = replace(after, lost=after.number)
            if fresh or damaged:
                write_generation(self.root, after)
            self._remove_replaced(after, spool)
            return replace(done, damaged=tuple(damaged))

    def drop_missing(self) -> Generation:
        """Drop the parts that are missing, cut or empty, and give what is in force.

        What a generation says is there and is not makes an import believe that it is
        known; dropped, the next import brings it again.
        """
        now = read_generation(self.root)
        if all(
            part.is_whole(folder_of(self.root, kind, day))
            for kind, days in now.parts.items()
            for day, part in days.items()
        ):
            return now
        make_directory(self.root)
        with held_alone(self.root / COMPACTING_NAME):
            whole, damaged = self._whole(read_generation(self.root))
            if damaged:
                number = whole.number + 1
                whole = replace(whole, number=number, lost=number)
                write_generation(self.root, whole)
            return whole

    def keep_from(self, day: str, spool: Spool) -> dict[str, int]:
        """Let go of what is older than a day, for good.

        Parameters
        ----------
        day : str
            The first that is kept, as `YYYY-MM-DD` in UTC. An earlier day than the last
            time brings nothing back.
        spool : Spool
            What it still holds of older days goes with the next compaction, and is not
            read until then.

        Returns
        -------
        dict of str to int
            Records that went, by kind.
        """
        make_directory(self.root)
        with held_alone(self.root / COMPACTING_NAME):
            before = read_generation(self.root)
            since = max(before.since, day)
            rows = {
                kind: sum(
                    _rows_of(folder_of(self.root, kind, d) / part.name)
                    for d, part in days.items()
                    if d < since
                )
                for kind, days in before.parts.items()
                if min(days, default=since) < since
            }
            if rows or since != before.since:
                parts = {
                    kind: {d: part for d, part in days.items() if d >= since}
                    for kind, days in before.parts.items()
                }
                number = before.number + 1
                after = replace(before, number=number, since=since, parts=parts)
                write_generation(self.root, after)
                self._remove_replaced(after, spool)
            return rows

    def rewrite(
        self, spool: Spool, *, limits: EngineLimits | None = None
    ) -> Compaction:
        """Write the parts again that lack a column of today's records.

        Parameters
        ----------
        spool : Spool
        limits : EngineLimits, optional
            What DuckDB may use.
        """

        def lacking(
            connection: "Connection", before: Generation, work: Path
        ) -> Restaged:
            for kind in before.parts:
                paths = self._paths(before, kind)
                old = [day for day in paths if _lacks_columns(kind, paths[day])]
                if old:
                    named = [str(paths[day]) for day in old]
                    target = work / f"{kind}.parquet"
                    yield kind, old, restage(connection, kind, named, target)

        return within(limits or COMPACTING, partial(self._write_again, spool, lacking))

    def amend(
        self,
        spool: Spool,
        kind: str,
        changes: Path,
        *,
        keys: Sequence[str],
        columns: Sequence[str],
        limits: EngineLimits | None = None,
    ) -> Compaction:
        """Write the parts of a kind again with other values in some columns.

        Parameters
        ----------
        spool : Spool
        kind : str
        changes : path
            JSON lines with `keys` and `columns`.
        keys : sequence of str
            What a record must be, `record_id` first, for a change to hold.
        columns : sequence of str
            Optional fields of the kind; one that a line lacks becomes missing.
        limits : EngineLimits, optional
            What DuckDB may use.

        Returns
        -------
        Compaction
            The parts that were written again: those of days with a change.
        """

        def changed(
            connection: "Connection", before: Generation, work: Path
        ) -> Restaged:
            amendment = Amendment(connection, kind, changes, keys, columns)
            paths = self._paths(before, kind)
            old = [day for day in paths if amendment.touches(str(paths[day]))]
            if old:
                named = [str(paths[day]) for day in old]
                yield kind, old, amendment.stage(named, work / f"{kind}.parquet")

        return within(limits or COMPACTING, partial(self._write_again, spool, changed))

    def _write_again(
        self,
        spool: Spool,
        restaged: "Callable[[Connection, Generation, Path], Restaged]",
        limits: EngineLimits,
    ) -> Compaction:
        """Put staged rows in the place of the parts of their days."""
        make_directory(self.root)
        with held_alone(self.root / COMPACTING_NAME):
            self._remove_leftovers()
            before, damaged = self._whole(read_generation(self.root))
            parts, rows, written = dict(before.parts), dict[str, int](), 0
            with ExitStack() as stack:
                work = self._work(stack)
                connection = stack.enter_context(connect(limits, scratch=work))
                for kind, old, staged in restaged(connection, before, work):
                    days = before.parts[kind]
                    kept = {day: part for day, part in days.items() if day not in old}
                    shown = replace(before, parts={kind: kept})
                    parts[kind], rows[kind] = merge(
                        connection, self.root, kind, [staged], shown
                    )
                    written += len(old)
            if written or damaged:
                number = before.number + 1
                lost = number if damaged else before.lost
                after = replace(before, parts=parts, number=number, lost=lost)
                write_generation(self.root, after)
                self._remove_replaced(after, spool)
            return Compaction(partitions=written, rows=rows, damaged=tuple(damaged))

    def _paths(self, generation: Generation, kind: str) -> dict[str, Path]:
        """Find the part file of each day of a kind."""
        return {
            day: folder_of(self.root, kind, day) / part.name
            for day, part in generation.parts.get(kind, {}).items()
        }

    def _work(self, stack: ExitStack) -> Path:
        """Make a folder for what a compaction stages, removed when it is done."""
        work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=self.root))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        share_directory(work)  # another member may have to remove it
        return work

    def _remove_leftovers(self) -> None:
        """Remove what a compaction that died left; this one is alone."""
        for work in self.root.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(work, ignore_errors=True)
        for draft in self.root.glob(f".{GENERATION_NAME}-*"):
            draft.unlink()

    def _whole(self, generation: Generation) -> tuple[Generation, list[Path]]:
        """Set aside the parts that are damaged, and go on with the others."""
        damaged: list[Path] = []
        parts: dict[str, dict[str, Part]] = {}
        for kind, days in generation.parts.items():
            for day, part in days.items():
                folder = folder_of(self.root, kind, day)
                if is_unaltered(folder, part):
                    parts.setdefault(kind, {})[day] = part
                else:
                    report_damage(folder / part.name)
                    damaged.append(self._set_aside(folder / part.name))
        return replace(generation, parts=parts), damaged

    def _set_aside(self, path: Path) -> Path:
        """Move a damaged part out of the dataset; what can be saved may be there."""
        target = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        make_directory(target.parent)
        with suppress(FileNotFoundError):
            path.rename(target)
        return path

    def _merged(
        self, before: Generation, fresh: Sequence[Segment], limits: EngineLimits
    ) -> tuple[Generation, Compaction]:
        after = replace(before, number=before.number + 1)
        if not fresh:
            return after, Compaction()
        parts = dict(before.parts)
        rows: dict[str, int] = {}
        written = 0
        with ExitStack() as stack:
            work = self._work(stack)
            connection = stack.enter_context(connect(limits, scratch=work))
            aside = self.root / "damaged"
            staged, refused = stage_valid(connection, fresh, work, aside)
            for kind, files in staged.items():
                held = parts.get(kind, {})
                parts[kind], rows[kind] = merge(
                    connection, self.root, kind, files, before
                )
                written += sum(p is not held.get(d) for d, p in parts[kind].items())
        return replace(after, merged=fresh[-1].number, parts=parts), Compaction(
            partitions=written,
            rows=rows,
            spool_files=len(fresh),
            refused=tuple(refused),
        )

    def _remove_replaced(self, now: Generation, spool: Spool) -> None:
        """Remove what the generation in force does not need, unless it is being read."""
        with (
            suppress(BlockingIOError),
            held_alone(self.root / READERS_NAME, wait=False),
        ):
            spool.retire(now.merged, keep_bytes=KEPT_SEGMENT_BYTES)
            for path in self.root.glob("kind=*/day=*/part*.parquet"):
                kind, day = path.parent.parent.name[5:], path.parent.name[4:]
                part = now.parts.get(kind, {}).get(day)
                if part is None or part.name != path.name:
                    path.unlink(missing_ok=True)
                    if part is None:
                        with suppress(OSError):
                            path.parent.rmdir()


def _rows_of(path: Path) -> int:
    from pyarrow.parquet import read_metadata

    try:
        return int(read_metadata(path).num_rows)
    except (OSError, ValueError):
        return 0  # damaged: what it held is not there


def _lacks_columns(kind: str, path: Path) -> bool:
    from pyarrow.parquet import read_schema

    return not set(column_names(kind)) <= set(read_schema(path).names)


@contextmanager
def held_alone(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file alone.

    Raises
    ------
    BlockingIOError
        Another holds it, and waiting was not wanted.
    """
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
