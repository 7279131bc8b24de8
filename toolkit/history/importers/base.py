"""The contract of an importer, and the one way every importer is driven.

A `Source` knows a format; it never sees the store, the paths that were asked for or the
progress bar. For each file it is given a `Sink`, hands records to it, names lines that
cannot be read, and raises `InputDataError` to refuse the whole file. `run_import` does
the rest: it goes on with the next file, counts, and writes every few thousand rows. An
import that died is finished by running it again: what is known is not added twice.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from toolkit import __version__
from toolkit.errors import InputDataError, SchemaError, StorageError
from toolkit.history import Addition, PriceBook, RecordStore, Rejection, price_turn
from toolkit.history.importers.counter import Tally
from toolkit.history.importers.recognition import recognise_file
from toolkit.history.importers.report import ImportReport
from toolkit.history.importers.unchanged import FileNotes
from toolkit.records import (
    PLAIN_ID,
    SCHEMA_VERSION,
    Batch,
    Record,
    Turn,
    identifier,
    keyed_hash,
)

__all__ = ["FileSink", "ImportReport", "Sink", "Source", "SourceFile", "run_import"]

HOLD_ROWS = 1000
"""Records held back before they go to the store together: bounds memory, saves time."""

MAX_KINDS = 100
"""Kinds of passed-over things that are counted apart in one file."""

SKIPPING = frozenset({"claude-code", "codex", "copilot", "gemini", "opencode", "pi"})
"""Sources of logs that agents keep: many files, which are read again every day. Others
are few, or give something else with another map."""

OTHER_KINDS = "other kinds"

ID_FIELDS = ("agent_id", "session_id")
"""What a person may have named; a name that no program drew is hidden."""

Progress = Callable[[float, float, str], None]


class SourceFile(NamedTuple):
    """A file to read.

    Attributes
    ----------
    path : path
    part : int
        Index of the given path that it was found under.
    """

    path: Path
    part: int


class Sink(Protocol):
    """Where a source puts what it reads of one file."""

    def add(self, record: Record) -> None:
        """Keep a record, once however often it comes."""
        ...

    def reject(self, line: int, reason: str) -> None:
        """Note a line (1-based) that cannot be read, without its content."""
        ...

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what was understood to hold nothing, or not understood, by its kind.

        The kind is a word of the format, never a text of the file.
        """
        ...

    def met(self, noun: str, identity: str) -> None:
        """Count a `session` or a `subagent_stream`, once however often it comes."""
        ...

    def read(self, lines: int) -> None:
        """Count lines or rows read."""
        ...

    def hidden(self, name: str) -> str:
        """Hide a path, a key or another name with the store's key."""
        ...


class Source(Protocol):
    """A format that records are imported from.

    Attributes
    ----------
    name : str
        As typed after `toolkit records import`; the `source` of every record it makes.
    """

    name: str

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find the files to read, in an order of their own.

        Raises
        ------
        InputDataError
            For a path that does not exist or holds nothing of this format.
        """
        ...

    def read(self, path: Path, sink: Sink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            The file as a whole is not of this format or cannot be read; what it gave
            before that is kept.
        """
        ...


class FileSink:
    """The sink that `run_import` hands to a source: one for each file.

    Parameters
    ----------
    file : SourceFile
    store : RecordStore
    tally : Tally
        Shared by all files of the run.
    key : bytes
        Secret of the keyed hashes.
    prices : PriceBook, optional
        Prices the turns.
    """

    def __init__(
        self,
        file: SourceFile,
        store: RecordStore,
        tally: Tally,
        *,
        key: bytes,
        prices: PriceBook | None = None,
    ) -> None:
        self.lines = 0
        self.rejected = 0
        self.shared_ids = 0
        self.first_reason = ""
        self.marks: dict[tuple[str, int], str] = {}
        self.passed_over: Counter[str] = Counter()
        self.additions = dict.fromkeys(Addition, 0)
        self._file = file
        self._store = store
        self._tally = tally
        self._key = key
        self._prices = prices
        self._hidden: dict[str, str] = {}
        self._held: list[Record] = []

    def add(self, record: Record) -> None:
        """Keep a record, once however often it comes."""
        if self._prices is not None and isinstance(record, Turn):
            record = price_turn(record, self._prices)
            if record.money_usd is None:
                self.met("unpriced_turn", record.record_id)
        self._held.append(self._pseudonymised(record))
        if len(self._held) >= HOLD_ROWS:
            self.hand_over()

    def reject(self, line: int, reason: str) -> None:
        """Note a line that cannot be read."""
        self.rejected += 1
        self.first_reason = self.first_reason or f"line {line}: {reason}"
        self._store.reject(Rejection(file=self._file.path, line=line, reason=reason))

    def refuse(self, reason: str) -> None:
        """Note that the file as a whole cannot be read."""
        self.first_reason = reason
        self._store.reject(Rejection(file=self._file.path, line=None, reason=reason))

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what holds nothing for us, by its kind."""
        if kind in self.passed_over or len(self.passed_over) < MAX_KINDS:
            self.passed_over[kind] += count
        else:
            self.passed_over[OTHER_KINDS] += count

    def met(self, noun: str, identity: str) -> None:
        """Count a session or a subagent stream."""
        self._tally.meet(noun, identity, part=self._file.part)

    def read(self, lines: int) -> None:
        """Count lines read."""
        self.lines += lines

    def hidden(self, name: str) -> str:
        """Hide a name; names of one file are remembered while it is read."""
        if name not in self._hidden:
            if len(self._hidden) >= HOLD_ROWS:
                self._hidden.clear()
            self._hidden[name] = keyed_hash(self._key, name)
        return self._hidden[name]

    def _pseudonymised(self, record: Record) -> Record:
        """Hide ids that no program drew: e-mail addresses, names of people."""
        named: dict[str, Any] = {
            name: identifier(value, self.hidden)
            for name in ID_FIELDS
            if isinstance(value := getattr(record, name, None), str)
            and PLAIN_ID.fullmatch(value) is None
        }
        return replace(record, **named) if named else record

    def hand_over(self) -> None:
        """Give what is held back to the store."""
        part = self._file.part
        again: list[bool] = []
        for record in self._held:
            weight = (record.calls or record.size) if isinstance(record, Batch) else 1
            again.append(
                self._tally.meet(
                    record.kind, record.record_id, part=part, weight=weight
                )
            )
        for addition, met in zip(self._store.add_all(self._held), again, strict=True):
            self.additions[addition] += 1
            self.shared_ids += met and addition is Addition.UPDATED
        for record in self._held:
            day = record.at.toordinal()
            self.marks.setdefault((record.kind, day), record.record_id)
        self._held.clear()


class _Counts:
    """What the files of one part added up to."""

    def __init__(self) -> None:
        self.files = self.lines = self.rejected = self.refused_files = 0
        self.unchanged_files = 0
        self.added = self.updated = self.duplicates = self.shared_ids = 0
        self.passed_over: Counter[str] = Counter()
        self.first_reason = ""

    def numbers(self) -> dict[str, int]:
        """Give the plain counts by name."""
        return {k: v for k, v in vars(self).items() if isinstance(v, int)}

    def include(self, sink: FileSink, *, refused: bool) -> None:
        self.files += 1
        self.lines += sink.lines
        self.rejected += sink.rejected
        self.passed_over += sink.passed_over
        self.shared_ids += sink.shared_ids
        self.first_reason = self.first_reason or sink.first_reason
        self.refused_files += int(refused)
        self.added += sink.additions[Addition.ADDED]
        self.updated += sink.additions[Addition.UPDATED]
        self.duplicates += sink.additions[Addition.DUPLICATE]


def run_import(
    source: Source,
    paths: Sequence[Path],
    store: RecordStore,
    *,
    progress: Progress | None = None,
    prices: PriceBook | None = None,
    skip_unchanged: bool = False,
) -> ImportReport:
    """Import every file that a source finds under some paths.

    A file that cannot be read is refused with one reason and stops nothing; what it
    gave before that is kept. When this returns everything is on disk.

    Parameters
    ----------
    source : Source
    paths : sequence of path
        Files and directories.
    store : RecordStore
    progress : callable, optional
        Told how many of how many files are done, and what is being read.
    prices : PriceBook, optional
        Prices the replies; without it turns hold their tokens and no money.
    skip_unchanged : bool
        Do not read files again that have not changed since the last import; they are
        counted, and nothing of them is.

    Returns
    -------
    ImportReport

    Raises
    ------
    InputDataError
        For a path that does not exist or holds nothing of this format.
    """
    files = list(source.files(paths))
    counts = [_Counts() for _ in paths]
    tally = Tally()
    key = store.key
    store.absorb_spool()
    skips = skip_unchanged and source.name in SKIPPING
    notes = FileNotes(store, _variant(source, prices)) if skips else None
    searching = gc.isenabled()
    gc.disable()  # what an import makes holds no cycles; looking for them costs a tenth
    try:
        for done, file in enumerate(files):
            if progress is not None:
                progress(done, len(files), file.path.name)
            if notes is not None and notes.is_unchanged(file.path):
                counts[file.part].unchanged_files += 1
                continue
            sink = FileSink(file, store, tally, key=key, prices=prices)
            read = _read(source, file, sink)
            counts[file.part].include(sink, refused=not read)
            if notes is not None and read:
                notes.note(file.path, sink.marks)
        store.flush()
        if notes is not None:
            notes.close()
        return _report(paths, counts, tally)
    finally:
        if searching:
            gc.enable()
        tally.close()


def _variant(source: Source, prices: PriceBook | None) -> str:
    """Name what reads: another version may find more in the same file."""
    basis = "" if prices is None else prices.basis
    return f"{source.name} {__version__} {SCHEMA_VERSION} {basis}"


def _read(source: Source, file: SourceFile, sink: FileSink) -> bool:
    """Read one file into the store; `False` if it had to be refused."""
    if not file.path.is_file():
        sink.refuse(_no_file(file.path))
        return False
    try:
        source.read(file.path, sink)
    except StorageError:
        raise  # the store's disk, not this file
    except SchemaError as error:
        sink.refuse(f"field `{error.field}`: {error.problem}")
        return False
    except InputDataError as error:
        known = recognise_file(file.path, besides=source.name)
        sink.refuse(error.problem if known is None else f"{error.problem}; {known}")
        return False
    except OSError as error:
        sink.refuse(error.strerror or type(error).__name__)
        return False
    finally:
        sink.hand_over()
    return True


def _no_file(path: Path) -> str:
    """Say why a path is not opened: a pipe or a device would never end."""
    if path.is_dir():
        return "a folder that may not be read"
    return "not a regular file" if path.exists() else "no such file"


_NOUNS = {
    "sessions": "session",
    "subagent_streams": "subagent_stream",
    "batches": "batch",
    "turns": "turn",
    "unpriced_turns": "unpriced_turn",
    "load_samples": "load",
    "events": "coordination",
    "workflows": "workflow",
    "recoveries": "recovery",
}


def _report(
    paths: Sequence[Path], counts: Sequence[_Counts], tally: Tally
) -> ImportReport:
    met = tally.counts()
    parts = []
    for number, (path, count) in enumerate(zip(paths, counts, strict=True)):
        _, calls, several = met.get(("batch", number), (0, 0, 0))
        parts.append(
            ImportReport(
                path=str(path),
                passed_over=dict(count.passed_over.most_common()),
                first_reason=count.first_reason,
                **count.numbers(),
                calls=calls,
                multi_call_batches=several,
                parts=(),
                **{n: met.get((k, number), (0,))[0] for n, k in _NOUNS.items()},
            )
        )
    summed = [
        name
        for name in ImportReport.__dataclass_fields__
        if name not in ("path", "parts", "passed_over", "first_reason")
    ]
    passed_over = sum((count.passed_over for count in counts), Counter[str]())
    return ImportReport(
        parts=tuple(parts),
        passed_over=dict(passed_over.most_common()),
        first_reason=next(
            (part.first_reason for part in parts if part.first_reason), ""
        ),
        **{name: sum(getattr(part, name) for part in parts) for name in summed},
    )
