"""A team's history on disk: spool, dataset, the index of what is known, the refused.

::

    STORE/key               secret of the keyed hashes
    STORE/spool/*.jsonl     what was appended and is not yet compacted
    STORE/dataset/kind=K/day=D/part.parquet
    STORE/index.sqlite      copies of records already known, for idempotent import
    STORE/rejected/*.jsonl  lines that could not be read: file, line, reason

Of two copies of a record the fuller one is kept. Copies that are equally full but differ
(a fork names another session) are all spooled, once each, and compaction picks one by a
total order: so the dataset is the same whatever order the files were imported in.

The index only saves work. Where it is behind (a hook appended to the spool, a process
died between the two writes) a record may be appended twice, and compaction keeps one.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from toolkit.errors import InputDataError, MissingExtraError, SchemaError
from toolkit.history.dataset import Compaction, Dataset, Look
from toolkit.records import (
    KINDS,
    MEASURED_MARK,
    Batch,
    Record,
    Span,
    Spool,
    keyed_hash,
    read_lines,
    record_id,
    store_key,
)

try:
    import orjson
except ImportError as error:
    raise MissingExtraError("the record store", "research") from error

__all__ = ["Addition", "RecordStore", "Rejection"]

FLUSH_ROWS = 8000
"""Rows held back before they are written together, about 10 MB: the index is sorted into
once for all of them."""

REMEMBERED = 50_000
"""Records of a new store that are remembered, about 20 MB, before the index is asked."""

ASK_IDS = 500
"""Ids asked of the index at once; SQLite takes at most 999 values in a question."""

Identity = tuple[str, str]
Copies = dict[int, int]
"""Completeness of each known copy of a record, by the digest of its content."""


class Addition(StrEnum):
    """What adding a record did."""

    ADDED = "added"
    UPDATED = "updated"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A line, or a whole file, that could not be read.

    Attributes
    ----------
    file : path
        What was being read. Its directory is stored as a keyed hash only.
    line : int or None
        1-based; `None` refuses the whole file.
    reason : str
        What was wrong, without the content that was wrong.
    """

    file: Path
    line: int | None
    reason: str


class RecordStore:
    """Adds records once, whatever the number of copies and the order they come in.

    Use it as a context manager, or call `close`: what `flush` or leaving the context
    returned from survives the death of the process.

    Parameters
    ----------
    root : path
        Created at first use.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import datetime, UTC
    >>> from toolkit.records.schema import LoadSample, Provenance
    >>> sample = LoadSample(
    ...     record_id="x",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.MEASURED,
    ...     host="h",
    ...     cpu=0.5,
    ... )
    >>> with RecordStore(Path(tempfile.mkdtemp())) as store:
    ...     print(store.add(sample), store.add(sample))
    added duplicate
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = Spool(root / "spool")
        self.dataset = Dataset(root / "dataset")
        self._index: sqlite3.Connection | None = None
        self._lines: list[bytes] = []
        self._pending: dict[Identity, Copies] = {}
        self._remembered: dict[Identity, Copies] | None = None
        self._refused: list[dict[str, Any]] = []
        self._folders: dict[Path, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def key(self) -> bytes:
        """Secret key of this store's keyed hashes."""
        return store_key(self.root)

    def hidden(self, name: str) -> str:
        """Hide a name with this store's key."""
        return keyed_hash(self.key, name)

    def add(self, record: Record) -> Addition:
        """Keep a record unless a copy at least as full is known already."""
        return self.add_all([record])[0]

    def add_all(self, records: Sequence[Record]) -> list[Addition]:
        """Keep several records; asking the index for all at once saves time.

        Returns
        -------
        list of Addition
            What adding each one did, in their order.
        """
        identities = [(record.kind, record.record_id) for record in records]
        known = self._recall(identities)
        added = [
            self._keep(record, identity, known)
            for record, identity in zip(records, identities, strict=True)
        ]
        if len(self._lines) >= FLUSH_ROWS:
            self.flush()
        return added

    def _keep(
        self, record: Record, identity: Identity, known: dict[Identity, Copies]
    ) -> Addition:
        copies = known.get(identity)
        fullness = record.completeness
        poorer = copies is not None and max(copies.values()) > fullness
        if copies and poorer and not _is_another_account(record, copies):
            return Addition.DUPLICATE
        line = encode(record)
        mark = digest(line)
        if copies is None:
            self._lines.append(line)
            self._pending[identity] = known[identity] = {mark: fullness}
            return Addition.ADDED
        if mark in copies:
            return Addition.DUPLICATE
        self._lines.append(line)
        self._pending.setdefault(identity, {})[mark] = copies[mark] = fullness
        return Addition.DUPLICATE if poorer else Addition.UPDATED

    def reject(self, rejection: Rejection) -> Addition:
        """Note a line that could not be read, once."""
        folder = self._folder(rejection.file.parent)
        place = f"{folder}/{rejection.file.name}:{rejection.line}"
        identity = ("rejected", record_id(place, rejection.reason))
        known = self._recall([identity])
        if identity in known:
            return Addition.DUPLICATE
        self._pending[identity] = known[identity] = {0: 0}
        row = {
            "file": rejection.file.name,
            "folder": folder,
            "line": rejection.line,
            "reason": rejection.reason,
        }
        self._refused.append(row)
        if len(self._refused) >= FLUSH_ROWS:
            self.flush()
        return Addition.ADDED

    def flush(self) -> None:
        """Write what is held back; when this returns, it survives `kill -9`."""
        span = self.spool.append_encoded(self._lines)
        self._lines.clear()
        self._rejected.append_all(self._refused)
        self._refused.clear()
        if not self._pending:
            return
        rows = [
            (kind, name, mark, full)
            for (kind, name), copies in self._pending.items()
            for mark, full in copies.items()
        ]
        rows.sort()
        index = self._open_index()
        with index:
            index.executemany("INSERT OR IGNORE INTO known VALUES (?, ?, ?, ?)", rows)
            if span is not None:
                _advance(index, span)
        if self._remembered is not None and len(self._remembered) > REMEMBERED:
            self._remembered = None
        self._pending.clear()

    def absorb_spool(self) -> int:
        """Bring the index up to date with lines that others appended to the spool.

        Returns
        -------
        int
            Lines read; what has been read before is not read again.
        """
        self.flush()
        index = self._open_index()
        lines = 0
        for path in self.spool.files():
            inode = path.stat().st_ino
            row = index.execute(
                "SELECT end FROM absorbed WHERE inode = ?", (inode,)
            ).fetchone()
            end = row[0] if row else 0
            for line in read_lines(path, end):
                lines += 1
                end = line.end
                self._note(line.row)
            with index:
                index.execute(
                    "INSERT OR REPLACE INTO absorbed VALUES (?, ?)", (inode, end)
                )
        self.flush()
        return lines

    def compact(self, look: Look | None = None) -> Compaction:
        """Merge the spool into the Parquet dataset.

        What hooks recorded joins in `toolkit.history.compaction`, which knows both.

        Parameters
        ----------
        look : callable, optional
            Shown the spool files before they are merged.
        """
        self.absorb_spool()
        done = self.dataset.compact(self.spool, look=look)
        with self._open_index() as index:
            index.execute("DELETE FROM absorbed")
        return done

    def rejected(self) -> Iterator[dict[str, Any]]:
        """Read what could not be imported, in the order it was met."""
        self.flush()
        for line in self._rejected.lines():
            if line.row is not None:
                yield line.row

    def close(self) -> None:
        """Flush and let go of the index."""
        self.flush()
        if self._index is not None:
            self._index.close()
            self._index = None

    @property
    def _rejected(self) -> Spool:
        return Spool(self.root / "rejected")

    def _folder(self, directory: Path) -> str:
        """Hide a directory, remembering the last one: files of one come together."""
        if directory not in self._folders:
            self._folders = {directory: self.hidden(str(directory.resolve()))}
        return self._folders[directory]

    def _recall(self, identities: Sequence[Identity]) -> dict[Identity, Copies]:
        """Find the known copies of some records, written or still held back.

        A store that was empty when it was opened knows what it was given since; others
        that write to it meanwhile are noticed by compaction.
        """
        index = self._open_index()
        if self._remembered is not None:
            return self._remembered
        pending = self._pending
        known = {i: dict(pending[i]) for i in identities if i in pending}
        names: dict[str, list[str]] = {}
        for kind, name in identities:
            names.setdefault(kind, []).append(name)
        for kind, wanted in names.items():
            for start in range(0, len(wanted), ASK_IDS):
                some = wanted[start : start + ASK_IDS]
                marks = ",".join("?" * len(some))
                for name, mark, full in index.execute(
                    "SELECT record_id, digest, completeness FROM known "  # noqa: S608 - question marks only
                    f"WHERE kind = ? AND record_id IN ({marks})",
                    [kind, *some],
                ):
                    known.setdefault((kind, name), {})[mark] = full
        return known

    def _note(self, row: dict[str, Any] | None) -> None:
        kind = KINDS.get(str((row or {}).get("kind")))
        if kind is None or row is None:
            return
        try:
            record = kind.from_json(row)
        except SchemaError:
            return  # compaction skips it as well
        identity = (record.kind, record.record_id)
        mark, fullness = digest(encode(record)), record.completeness
        self._pending.setdefault(identity, {})[mark] = fullness
        if self._remembered is not None:
            self._remembered.setdefault(identity, {})[mark] = fullness
        if len(self._pending) >= FLUSH_ROWS:
            self.flush()

    def _open_index(self) -> sqlite3.Connection:
        if self._index is None:
            self.root.mkdir(parents=True, exist_ok=True)
            path = self.root / "index.sqlite"
            try:
                self._index = sqlite3.connect(path, timeout=30)
                self._index.executescript(_INDEX_SCHEMA)
                known = self._index.execute("SELECT 1 FROM known LIMIT 1").fetchone()
                self._remembered = {} if known is None else None
            except sqlite3.DatabaseError as error:
                raise InputDataError(
                    f"not a usable index: {error}",
                    file=path,
                    fix="remove it; it is made anew from what is added next",
                ) from error
        return self._index


def encode(record: Record) -> bytes:
    """Write a record as one line of the spool."""
    return orjson.dumps(record.known(), option=orjson.OPT_APPEND_NEWLINE)


def digest(line: bytes) -> int:
    """Digest a line: 32 bits tell apart the few copies of one record."""
    return crc32(line)


def _is_another_account(record: Record, copies: Copies) -> bool:
    """Tell whether a poorer copy of a batch is the first of its provenance.

    What a hook clocked and what a transcript tells are two accounts of one batch. The
    poorer one is kept until the compaction, which compares them and keeps the fuller.
    """
    if record.kind != Batch.kind:
        return False
    mark = record.completeness & MEASURED_MARK
    return all(fullness & MEASURED_MARK != mark for fullness in copies.values())


def _advance(index: sqlite3.Connection, span: Span) -> None:
    """Count what this process appended as absorbed, unless others wrote before it."""
    row = index.execute(
        "SELECT end FROM absorbed WHERE inode = ?", (span.inode,)
    ).fetchone()
    if span.start == (row[0] if row else 0):
        index.execute(
            "INSERT OR REPLACE INTO absorbed VALUES (?, ?)", (span.inode, span.end)
        )


_INDEX_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS known (
  kind TEXT, record_id TEXT, digest INTEGER, completeness INTEGER,
  PRIMARY KEY (kind, record_id, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS absorbed (inode INTEGER PRIMARY KEY, end INTEGER);
"""
