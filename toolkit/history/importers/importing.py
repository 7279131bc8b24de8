"""The one way every importer is driven.

A file that cannot be read stops nothing: the import goes on with the next one, counts,
and writes every few thousand rows. An import that died is finished by running it again:
what is known is not added twice. Where there is much to read, the files are read by
processes beside this one, which alone writes; what they give is taken in the order of the
files, so the store is the same byte for byte.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from toolkit import __version__
from toolkit.history import Addition, PriceBook, RecordStore
from toolkit.history.importers.base import Source, SourceFile
from toolkit.history.importers.counter import Tally
from toolkit.history.importers.gathering import Piece
from toolkit.history.importers.own_operations import (
    OwnOperations,
    read_own_operations,
)
from toolkit.history.importers.report import ImportReport
from toolkit.history.importers.sorting import AGENT_SOURCES
from toolkit.history.importers.unchanged import FileNotes
from toolkit.history.importers.workers import Reading, read_files
from toolkit.history.store import Rejection
from toolkit.records import SCHEMA_VERSION

__all__ = ["run_import"]

SAVE_ROWS = 50_000
"""Records after which it is written down which files have been read."""

Progress = Callable[[float, float, str], None]


class _Counts:
    """What the files of one part added up to."""

    def __init__(self) -> None:
        self.files = self.lines = self.rejected = self.refused_files = 0
        self.unchanged_files = 0
        self.added = self.updated = self.duplicates = self.shared_ids = 0
        self.passed_over: Counter[str] = Counter()
        self.first_reason = ""
        self._reason = ""

    def numbers(self) -> dict[str, int]:
        """Give the plain counts by name."""
        return {k: v for k, v in vars(self).items() if isinstance(v, int)}

    def include(self, piece: Piece) -> None:
        """Count what a piece says of its file."""
        self.files += piece.refused is not None
        self.refused_files += bool(piece.refused)
        self.lines += piece.read
        self.rejected += sum(line is not None for line, _ in piece.rejected)
        self.passed_over.update(piece.passed_over)
        for line, reason in piece.rejected:
            if line is None:
                self._reason = reason  # says more than a line of the file does
            else:
                self._reason = self._reason or f"line {line}: {reason}"
        if piece.refused is not None:
            self.first_reason = self.first_reason or self._reason
            self._reason = ""

    def count(self, additions: Sequence[Addition], met_before: Sequence[bool]) -> None:
        """Count what became of some records."""
        self.added += additions.count(Addition.ADDED)
        self.duplicates += additions.count(Addition.DUPLICATE)
        if Addition.UPDATED in additions or Addition.SHARED in additions:
            again = [
                before or addition is Addition.SHARED
                for addition, before in zip(additions, met_before, strict=True)
                if addition in (Addition.UPDATED, Addition.SHARED)
            ]
            self.updated += len(again)
            self.shared_ids += sum(again)


def run_import(
    source: Source,
    paths: Sequence[Path],
    store: RecordStore,
    *,
    progress: Progress | None = None,
    prices: PriceBook | None = None,
    skip_unchanged: bool = False,
    workers: int = 1,
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
        Called with how many of how many files are done, and what is being read.
    prices : PriceBook, optional
        Prices the replies; without it turns hold their tokens and no money.
    skip_unchanged : bool
        Do not read files again that have not changed since the last import; they are
        counted, and nothing of them is.
    workers : int
        Processes that may read logs of agents, 1 or more; with 1, this one reads. They
        are forked, so other threads of this process must not hold locks for long.

    Returns
    -------
    ImportReport

    Raises
    ------
    InputDataError
        For a path that does not exist or holds nothing of this format.
    """
    files = list(source.files(paths))
    key = store.key
    store.absorb_spool()
    logs = source.name in AGENT_SOURCES
    own = read_own_operations(store.root, source.name) if logs else None
    if own is not None:
        cast("Any", source).operations = own  # every source of agents' logs has it
    notes = (
        FileNotes(store, _variant(source, prices, own))
        if logs and skip_unchanged
        else None
    )
    run = _Run(files, [_Counts() for _ in paths], store, notes, progress)
    with (
        closing(run.tally),
        nullcontext() if notes is None else closing(notes),
        _without_collector(),
    ):
        wanted = list(files) if notes is None else run.changed(notes)
        read_files(
            source,
            [file.path for file in wanted],
            lambda number: run.begin(wanted[number]),
            lambda number, piece: run.take(wanted[number], piece),
            reading=Reading(key, prices, workers if logs else 1),
        )
        store.flush()
        if notes is not None:
            notes.save()
        return _report(paths, run.counts, run.tally)


class _Run:
    """What one import has met so far."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        counts: Sequence[_Counts],
        store: RecordStore,
        notes: FileNotes | None,
        progress: Progress | None,
    ) -> None:
        self.files = files
        self.counts = counts
        self.tally = Tally()
        self._store = store
        self._notes = notes
        self._progress = progress
        self._done = self._unsaved = 0

    def changed(self, notes: FileNotes) -> list[SourceFile]:
        """List the files to read; the others are counted."""
        changed = []
        for file in self.files:
            if notes.is_unchanged(file.path):
                self.begin(file)
                self._done += 1
                self.counts[file.part].unchanged_files += 1
            else:
                changed.append(file)
        return changed

    def begin(self, file: SourceFile) -> None:
        """Say that a file is read now."""
        if self._progress is not None:
            self._progress(self._done, len(self.files), file.path.name)

    def take(self, file: SourceFile, piece: Piece) -> None:
        """Take a piece of a file into the store."""
        self._keep(piece, file)
        if piece.refused is not None:
            self._done += 1
            if self._notes is not None and not piece.refused:
                self._notes.note(file.path, piece.marks)
                self._save(self._notes)

    def _save(self, notes: FileNotes) -> None:
        """Now and then put everything on disk: one that dies then does not begin again."""
        if self._unsaved >= SAVE_ROWS:
            self._store.flush()
            notes.save()
            self._unsaved = 0

    def _keep(self, piece: Piece, file: SourceFile) -> None:
        counts, part = self.counts[file.part], file.part
        counts.include(piece)
        self._unsaved += len(piece.lines)
        for noun, identity in piece.met:
            self.tally.meet(noun, identity, part=part)
        for line, reason in piece.rejected:
            self._store.reject(Rejection(file=file.path, line=line, reason=reason))
        identities = [line[0] for line in piece.lines]
        again = self.tally.meet_all(identities, piece.weights, part=part)
        counts.count(self._store.add_lines(piece.lines), again)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no cycles: what an import makes holds none, and looking costs a tenth."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def _variant(
    source: Source, prices: PriceBook | None, own: OwnOperations | None
) -> str:
    """Name what reads: another version may find more in the same file."""
    basis = "" if prices is None else prices.basis
    table = "" if own is None else f" {own.digest}"
    return f"{source.name} {__version__} {SCHEMA_VERSION} {basis}{table}"


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
