"""Ships what a store of this machine holds to a store on object storage.

::

    STORE/shipped.json    up to which place of which spool segment, by address
    STORE/.shipping       held alone by the one shipment that runs

Whole lines of the spool go as they are, in segments that are named for their content
(`segments`). Where the dataset holds lines whose spool segments are gone, its parts are
written as lines again. When `ship` returns, all that the store held when it was called is
on object storage. The note is written after each segment and only saves work: without it
everything is sent again, and counts once all the same.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

from toolkit.errors import StorageError
from toolkit.history.columns import column_names, parts_sql
from toolkit.history.dataset import held_alone
from toolkit.history.engine import (
    COMPACTING,
    EngineLimits,
    connect,
    quoted,
    within,
)
from toolkit.history.generation import Generation
from toolkit.history.importers.hooks.spool import join_hooks
from toolkit.history.objects.base import Objects
from toolkit.history.objects.segments import SEGMENT_BYTES, create_segment, segments
from toolkit.history.objects.versions import raise_object_version
from toolkit.history.snapshot import Snapshot, open_snapshot
from toolkit.history.store import RecordStore
from toolkit.history.version import require_store
from toolkit.records import read_regular, replace_file

__all__ = ["Shipment", "ship"]

NAME = "shipped.json"
LOCK_NAME = ".shipping"
WORK = ".ship-"
MAX_BYTES = 2**26
CHECKED_BYTES = 4096
"""Of what lies before a place, to see that it is the same file still."""

Report = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What was sent.

    Attributes
    ----------
    segments : int
        Created.
    already_there : int
        Segments that were there with the same content.
    lines : int
        In both together.
    bytes : int
        Of lines in segments that were created, before they were packed.
    """

    segments: int = 0
    already_there: int = 0
    lines: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Up to where a store is shipped.

    Attributes
    ----------
    segment, offset : int
        First byte of the spool that is not.
    check : int
        CRC-32 of what lies just before it.
    parts : tuple of str
        Part files whose records are.
    """

    segment: int = 0
    offset: int = 0
    check: int = 0
    parts: tuple[str, ...] = ()


def ship(
    root: Path,
    objects: Objects,
    *,
    again: bool = False,
    report: Report | None = None,
) -> Shipment:
    """Send all records of a store that were not sent there before.

    Parameters
    ----------
    root : path
        The store; what hooks recorded and members appended is joined first.
    objects : Objects
        Where to; a store is made there if there is none.
    again : bool
        Send everything, whatever was sent before.
    report : callable, optional
        Called with how many MB of how many are sent.

    Returns
    -------
    Shipment

    Raises
    ------
    InputDataError
        There is no such store, a newer version wrote either, or the server does not
        answer or does not honour `If-None-Match`.
    StorageError
        The store is not ours to write.
    """
    require_store(root)
    with RecordStore(root) as store:
        join_hooks(store)
        store.take_in_inbox()
        raise_object_version(objects)
        try:
            with held_alone(root / LOCK_NAME):
                for work in root.glob(f"{WORK}*"):  # of a shipment that died
                    shutil.rmtree(work, ignore_errors=True)
                shipping = _Shipping(store, objects, report or _silent)
                return shipping.run(again=again)
        except OSError as error:
            raise StorageError(error.filename or root, error) from error


class _Shipping:
    """One shipment: sends chunk after chunk, and notes each."""

    def __init__(self, store: RecordStore, objects: Objects, report: Report) -> None:
        self._root = store.root
        self._spool = store.spool
        self._objects = objects
        self._report = report
        self._there = {entry.name for entry in segments(objects)}
        self._total = 0
        self._sent = 0
        self.done = Shipment()

    def run(self, *, again: bool) -> Shipment:
        with ExitStack() as stack:
            snapshot = stack.enter_context(open_snapshot(self._root / "dataset"))
            opened: dict[int, int] = {}
            for number, descriptor in self._spool.opened(merged=True):
                opened[number] = os.dup(descriptor)
                stack.callback(os.close, opened[number])
            ends = self._ends(opened)
            place = _Place() if again else self._place(opened, ends, snapshot)
            self._send(snapshot, place, opened, ends)
        return self.done

    def _send(
        self,
        snapshot: Snapshot,
        place: _Place,
        opened: Mapping[int, int],
        ends: Mapping[int, int],
    ) -> None:
        merged = snapshot.generation.merged
        needed = range(place.segment, merged + 1) if merged else range(0)
        if not set(needed) - {0} <= opened.keys():
            self._send_parts(snapshot, set(place.parts))
            place = _Place(segment=merged + 1)
        todo = {n: end for n, end in ends.items() if n >= place.segment}
        self._total = sum(todo.values())
        for number, end in sorted(todo.items()):
            begin = place.offset if number == place.segment else 0
            for chunk in _chunks(opened[number], begin, end):
                self._create(chunk)
                begin += len(chunk)
                check = _check_before(opened[number], begin)
                place = replace(place, segment=number, offset=begin, check=check)
                self._note(place)
        self._note(replace(place, parts=_part_ids(snapshot.generation)))

    def _send_parts(self, snapshot: Snapshot, shipped: set[str]) -> None:
        """Send the records of the parts that were not, as lines again."""
        with TemporaryDirectory(prefix=WORK, dir=self._root) as work:
            for kind, days in snapshot.generation.parts.items():
                fresh = {
                    part.name
                    for day, part in days.items()
                    if _part_id(kind, day, part.name, part.check) not in shipped
                }
                paths = [p for p in snapshot.parts(kind) if p.name in fresh]
                if not paths:
                    continue
                target = Path(work) / f"{kind}.jsonl"
                within(COMPACTING, partial(_write_lines, kind, paths, target))
                descriptor = os.open(target, os.O_RDONLY)
                try:
                    size = os.fstat(descriptor).st_size
                    self._total, self._sent = size, 0
                    for chunk in _chunks(descriptor, 0, size):
                        self._create(chunk)
                finally:
                    os.close(descriptor)
                target.unlink()
        self._sent = 0

    def _create(self, lines: bytes) -> None:
        created = create_segment(self._objects, lines, there=self._there)
        self._sent += len(lines)
        self._report(self._sent / 2**20, self._total / 2**20, "MB")
        self.done = Shipment(
            segments=self.done.segments + created,
            already_there=self.done.already_there + (not created),
            lines=self.done.lines + lines.count(b"\n"),
            bytes=self.done.bytes + created * len(lines),
        )

    def _ends(self, opened: Mapping[int, int]) -> dict[int, int]:
        """Measure the segments while none appends, and have them on disk.

        What is appended in this moment may be cut off again; a place behind it would
        hide other lines that come there.
        """
        if not opened:
            return {}
        with self._spool.held():
            ends = {n: os.fstat(each).st_size for n, each in opened.items()}
        for descriptor in opened.values():
            os.fsync(descriptor)
        return ends

    def _place(
        self,
        opened: Mapping[int, int],
        ends: Mapping[int, int],
        snapshot: Snapshot,
    ) -> _Place:
        """Read up to where was shipped; from the beginning where that fits no more."""
        row = _read_notes(self._root).get(self._objects.name)
        try:
            place = _Place(**(row or {}))
            place = replace(place, parts=tuple(place.parts))
        except TypeError:
            return _Place()
        if place.segment in opened:
            same = (
                ends[place.segment] >= place.offset
                and _check_before(opened[place.segment], place.offset) == place.check
            )
            return place if same else _Place()
        gone = place.segment <= snapshot.generation.merged
        follows = place.segment == snapshot.generation.merged + 1 and not place.offset
        return place if gone or follows else _Place()

    def _note(self, place: _Place) -> None:
        notes = {**_read_notes(self._root), self._objects.name: asdict(place)}
        replace_file(self._root / NAME, json.dumps(notes).encode())


def _read_notes(root: Path) -> dict[str, Any]:
    try:
        notes = json.loads(read_regular(root / NAME, max_bytes=MAX_BYTES))
    except (FileNotFoundError, ValueError):
        return {}  # never shipped, or damaged: everything is sent again
    return notes if isinstance(notes, dict) else {}


def _chunks(descriptor: int, begin: int, end: int) -> Iterator[bytes]:
    """Cut a file into whole lines, `SEGMENT_BYTES` at most unless one is longer."""
    while begin < end:
        data = os.pread(descriptor, min(SEGMENT_BYTES, end - begin), begin)
        whole = data.rfind(b"\n") + 1
        while not whole and begin + len(data) < end:
            more = os.pread(descriptor, SEGMENT_BYTES, begin + len(data))
            if not more:
                break
            data += more
            whole = data.rfind(b"\n") + 1
        if not whole:
            return  # a torn line: its writer died, and none acknowledged it
        yield data[:whole]
        begin += whole


def _check_before(descriptor: int, offset: int) -> int:
    begin = max(0, offset - CHECKED_BYTES)
    return crc32(os.pread(descriptor, offset - begin, begin))


def _write_lines(
    kind: str, paths: list[Path], target: Path, limits: EngineLimits
) -> None:
    """Write parts as JSON lines, in an order that sends the same segments again."""
    columns = ", ".join(
        "strftime(\"at\" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00') AS \"at\""
        if name == "at"
        else f'"{name}"'
        for name in column_names(kind)
    )
    parts = parts_sql(kind, [str(path) for path in paths])
    with connect(limits, scratch=target.parent) as connection:
        connection.execute(
            f"COPY (SELECT '{kind}' AS kind, {columns} FROM {parts} "  # noqa: S608 - names come from the schema
            f'ORDER BY "at", record_id) TO {quoted(target)} (FORMAT json)'
        )


def _part_ids(generation: Generation) -> tuple[str, ...]:
    return tuple(
        _part_id(kind, day, part.name, part.check)
        for kind, days in generation.parts.items()
        for day, part in days.items()
    )


def _part_id(kind: str, day: str, name: str, check: int | None) -> str:
    return f"{kind}/{day}/{name}/{check}"


def _silent(done: float, total: float, what: str) -> None:
    """Report no progress."""
