"""Joins what installed hooks append, from where the last joining ended.

The handlers of many sessions append to one file, and a batch is described by events that lie
apart. So two things are remembered together: the place up to which the file was read,
and the lines of the sessions that were still open there. What it costs to join again
follows what is new and what is open, not the length of the file.

They are written in one atomic step after the records are on disk: a process that dies
before it reads the same lines again, and a record that is known is not added twice.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

from toolkit.errors import InputDataError, SchemaError
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, ImportSink, SourceFile, run_import
from toolkit.history.importers.claude_code.streams import MAIN
from toolkit.history.importers.hooks.events import HookJoiner
from toolkit.history.importers.lines import decode_object, read_lines
from toolkit.records import Spool, open_regular, read_regular, replace_file

__all__ = ["HookTail", "Place", "forget_events", "join_hooks", "read_place"]

PLACE_NAME = "joined.json"
PLACE_MAX_BYTES = 1 << 30

IDLE_S = 7 * 24 * 3600.0
"""A session that said nothing for so long, seen from the newest event, is over, whether
or not it said so: harnesses are killed."""

MOST_CARRIED = 50_000
"""Lines of one open session that are carried; of a longer one the newest. Calls wait for
their batch within far fewer (`hook_events.MAX_OPEN_CALLS`)."""

CHECKED_BYTES = 256
"""Bytes before the place that tell whether this is still the same file."""

BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a hook spool was joined.

    Attributes
    ----------
    end : int
        Byte offset just behind the last line that was read.
    lines : int
        Lines up to there.
    check : int
        CRC-32 of the bytes before it.
    open : dict of str to list of str
        Lines of the sessions that were open there, by session.
    """

    end: int = 0
    lines: int = 0
    check: int = 0
    open: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, spool: Path) -> "Place":
        """Read a place; the beginning, where it is not one of this spool.

        Reading again from the beginning is always right, only slower.
        """
        try:
            row = json.loads(read_regular(path, max_bytes=PLACE_MAX_BYTES))
            place = cls(**row) if _is_place(row) else cls()
        except (OSError, ValueError, TypeError, RecursionError):
            return cls()
        return place if place.check == _check(spool, place.end) else cls()

    def write(self, path: Path) -> None:
        """Replace what was remembered, at once and durably."""
        replace_file(path, json.dumps(asdict(self), separators=(",", ":")).encode())


class HookTail:
    """The part of a hook spool behind a place, as a source of records.

    Parameters
    ----------
    place : Place
        Where to go on from; afterwards where the next one goes on from.

    Examples
    --------
    >>> HookTail(Place()).name
    'hooks'
    """

    name = "hooks"

    def __init__(self, place: Place) -> None:
        self.place = place

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Give the files as they are: there is one, and it exists."""
        return [SourceFile(path, number) for number, path in enumerate(paths)]

    def read(self, path: Path, sink: ImportSink) -> None:
        """Join the events behind the place with those of the sessions open there."""
        joiner = HookJoiner()
        open_lines = _OpenLines()
        for row, line in _carried(self.place):
            _ignored(joiner, row)
            open_lines.note(row, line)
        end = _last_line_end(path, self.place.end)
        number = 0
        for number, data in read_lines(path, start=self.place.end, end=end):
            try:
                row = decode_object(data)
                open_lines.note(row, (data or b"").decode())
                for record in joiner.take(row):
                    sink.add(record)
            except (InputDataError, SchemaError) as error:
                sink.reject(self.place.lines + number, error.problem)
        sink.read(number)
        for session, agent in joiner.streams:
            if not session:
                continue
            sink.met("session", session)
            if agent != MAIN:
                sink.met("subagent_stream", f"{session}/{agent}")
        self.place = Place(
            end=end,
            lines=self.place.lines + number,
            check=_check(path, end),
            open=open_lines.kept(path.stat().st_mtime_ns),
        )


def join_hooks(store: RecordStore) -> ImportReport | None:
    """Turn the hook events of a store that are new into records.

    Parameters
    ----------
    store : RecordStore

    Returns
    -------
    ImportReport or None
        `None` where no hook has recorded anything.
    """
    live, before = read_place(store.root)
    if not live.exists():
        return None
    tail = HookTail(before)
    report = run_import(tail, [live], store)
    if tail.place != before:
        tail.place.write(live.with_name(PLACE_NAME))
    return report


def read_place(root: Path) -> tuple[Path, Place]:
    """Name the live hook spool of a store, and read up to where it was joined.

    Parameters
    ----------
    root : path
        The store's folder.

    Returns
    -------
    live : path
        Need not exist.
    place : Place
        The beginning where nothing was joined yet.
    """
    live = root / "hooks" / "live.jsonl"
    return live, Place.read(live.with_name(PLACE_NAME), live)


def forget_events(root: Path, before_ns: int) -> int:
    """Let go of old hook events that have been joined, but for those of open sessions.

    Parameters
    ----------
    root : path
        The store.
    before_ns : int
        Events of before this moment go, nanoseconds since 1970.

    Returns
    -------
    int
        How many went.
    """
    live, place = read_place(root)
    if not live.exists():
        return 0
    with Spool(live.parent).held():
        gone = end = 0
        kept = []
        with _opened(live) as stream:
            lines = stream.read().splitlines(keepends=True)
        for line in lines:
            end += len(line)
            if end <= place.end and _is_over(line, before_ns, place):
                gone += 1
            else:
                kept.append(line)
        if gone:
            # The place does not fit the new file: what is left is joined from its
            # beginning again, which adds nothing that is known.
            replace_file(live, b"".join(kept))
        return gone


def _is_over(line: bytes, before_ns: int, place: Place) -> bool:
    """Tell whether an event is old and its session is not open."""
    try:
        row = decode_object(line)
    except InputDataError:
        return True  # was refused when it was joined, and noted then
    at_ns = row.get("at_ns")
    old = isinstance(at_ns, int) and at_ns < before_ns
    return old and row.get("session") not in place.open


def _is_place(row: Any) -> bool:
    """Tell whether every field has its type: a hand may have altered the file."""
    if not isinstance(row, dict) or not isinstance(row.get("open"), dict):
        return False
    numbers = [row.get(name) for name in ("end", "lines", "check")]
    lists = list(row["open"].values())
    return all(type(n) is int and n >= 0 for n in numbers) and all(
        isinstance(lines, list) and all(isinstance(line, str) for line in lines)
        for lines in lists
    )


class _OpenLines:
    """The lines of sessions that have not ended."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._latest: dict[str, int] = {}

    def note(self, row: dict[str, Any], line: str) -> None:
        session, at_ns = row.get("session"), row.get("at_ns")
        if not isinstance(session, str) or not isinstance(at_ns, int):
            return
        if row.get("event") == "SessionEnd":
            self._lines.pop(session, None)
            self._latest.pop(session, None)
            return
        lines = self._lines.setdefault(session, [])
        lines.append(line)
        if len(lines) >= 2 * MOST_CARRIED:
            del lines[:MOST_CARRIED]
        self._latest[session] = at_ns

    def kept(self, written_ns: int) -> dict[str, list[str]]:
        """Give the lines of sessions that spoke within `IDLE_S`.

        No event is newer than the last write of the file: one that says so has a wrong
        clock, and must not make every other session look idle.
        """
        newest = min(max(self._latest.values(), default=0), written_ns)
        return {
            session: lines[-MOST_CARRIED:]
            for session, lines in self._lines.items()
            if newest - self._latest[session] <= IDLE_S * 1e9
        }


def _carried(place: Place) -> Iterator[tuple[dict[str, Any], str]]:
    for lines in place.open.values():
        for line in lines:
            with suppress(InputDataError):  # altered by hand: it was an event once
                yield decode_object(line.encode("utf-8", "surrogatepass")), line


def _ignored(joiner: HookJoiner, row: dict[str, Any]) -> None:
    """Bring a joiner to where it was; what this gives was added the first time."""
    try:
        for _ in joiner.take(row):
            pass
    except (InputDataError, SchemaError):
        return  # refused the first time as well, and noted then


def _last_line_end(path: Path, start: int) -> int:
    """Find the end of the last whole line behind a place, or the place itself."""
    with _opened(path) as stream:
        position = stream.seek(0, os.SEEK_END)
        while position > start:
            size = min(BLOCK_BYTES, position - start)
            position -= size
            stream.seek(position)
            if (found := stream.read(size).rfind(b"\n")) >= 0:
                return position + found + 1
    return start


def _opened(path: Path) -> BinaryIO:
    """Open a spool; a pipe that lies in its place would be waited for."""
    return open(open_regular(path, os.O_RDONLY), "rb")  # noqa: PTH123 - of a descriptor


def _check(path: Path, end: int) -> int:
    with _opened(path) as stream:
        if stream.seek(0, os.SEEK_END) < end:
            return -1
        stream.seek(max(0, end - CHECKED_BYTES))
        return crc32(stream.read(min(end, CHECKED_BYTES)))
