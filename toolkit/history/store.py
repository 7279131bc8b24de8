"""A team's history on disk: spool, dataset, the index of what is known, the refused.

::

    STORE/store.json        version (`toolkit.history.version`)
    STORE/key               secret of the keyed hashes
    STORE/spool/*.jsonl     what was appended and is not yet compacted
    STORE/dataset/          Parquet files (`toolkit.history.dataset`)
    STORE/known.sqlite      copies of records already known, for idempotent import
    STORE/prices.json       what the price list says of models met (`rate_cards`)
    STORE/rejected/*.jsonl  lines that could not be read: file, line, reason
    STORE/inbox/*.jsonl     what members appended who may not write the rest

Of two copies of a record the fuller one is kept. Copies that are equally full but differ
(a fork names another session) are all spooled, once each, and compaction picks one by a
total order: so the dataset is the same whatever order the files were imported in.

Records are on disk before the index knows them, so what is known is never lost; the
index only saves work (`toolkit.history.index`).
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from toolkit.errors import MissingExtraError, SchemaError, StorageError
from toolkit.escaping import printable
from toolkit.history.address import require_local
from toolkit.history.dataset import Compaction, LocalDataset, OnSealed
from toolkit.history.engine import EngineLimits
from toolkit.history.generation import Generation, read_generation
from toolkit.history.index import Copies, Identity, KnownIndex
from toolkit.history.sorting_out import Refused
from toolkit.history.version import check_version, raise_version
from toolkit.records import (
    KINDS,
    MEASURED_MARK,
    Batch,
    Inbox,
    Record,
    Spool,
    identifier,
    keyed_hash,
    lines_of,
    record_id,
    store_key,
)

try:
    import orjson
except ImportError as error:
    raise MissingExtraError("the record store", "history") from error

__all__ = ["Addition", "Line", "RecordStore", "Rejection", "line_of", "read_rejected"]

FLUSH_ROWS = 8000
"""Rows held back before they are written together, about 10 MB: the index is sorted into
once for all of them."""

REMEMBERED = 50_000
"""Records of a new store that are remembered, about 20 MB, before the index is asked."""

INDEX_NAME = "known.sqlite"


class Addition(StrEnum):
    """What adding a record did."""

    ADDED = "added"
    UPDATED = "updated"
    SHARED = "shared"
    """Known from other sessions only: a fork or a resumed session repeats it."""
    DUPLICATE = "duplicate"


ADDED = Addition.ADDED


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


Line = tuple[Identity, int, bytes]
"""A record as the spool holds it: its kind and id, completeness and the line itself."""


class RecordStore:
    """Adds records once, whatever the number of copies and the order they come in.

    Use it as a context manager, or call `close`: what `flush` or leaving the context
    returned from is on disk, and survives a power cut.

    Parameters
    ----------
    root : path
        Created at first use.

    Raises
    ------
    UsageError
        It is an address, or a path that was made of one.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import datetime, UTC
    >>> from toolkit.records import LoadSample, Provenance
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
        self.root = root = require_local(root)
        self.spool = Spool(root / "spool")
        self.dataset = LocalDataset(root / "dataset", self.spool)
        self._index: KnownIndex | None = None
        self._lines: list[bytes] = []
        self._pending: dict[Identity, Copies] = {}
        self._remembered: dict[Identity, Copies] | None = None
        self._refused: list[dict[str, Any]] = []
        self._folders: dict[Path, str] = {}
        self._inbox = Inbox(root)
        self._is_member = self._inbox.is_for_us()
        self._sent: dict[Identity, Copies] = {}

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
        """Hide a name with this store's key.

        Parameters
        ----------
        name : str
            A path, a key or another name.

        Returns
        -------
        str
            As of `keyed_hash`.
        """
        return keyed_hash(self.key, name)

    def knows(self, identities: Sequence[Identity]) -> bool:
        """Whether records of all these kinds and ids are in the store.

        Parameters
        ----------
        identities : sequence of (str, str)
            Kind and record id of each.

        Returns
        -------
        bool
        """
        known = self._recall(identities)
        return all(identity in known for identity in identities)

    def add(self, record: Record) -> Addition:
        """Keep a record unless a copy at least as full is known already.

        Parameters
        ----------
        record : Record

        Returns
        -------
        Addition
            Added, updated by a fuller copy, shared with another session, or a duplicate.
        """
        return self.add_all([record])[0]

    def add_all(self, records: Iterable[Record]) -> list[Addition]:
        """Keep several records; asking the index for all at once saves time.

        Parameters
        ----------
        records : iterable of Record

        Returns
        -------
        list of Addition
            What adding each one did, in their order.
        """
        return self.add_lines([line_of(record.known()) for record in records])

    def add_lines(self, lines: Sequence[Line]) -> list[Addition]:
        """Keep several records that are written already; see `add_all`.

        Parameters
        ----------
        lines : sequence of Line
            As `line_of` writes them.

        Returns
        -------
        list of Addition
            In their order.
        """
        known = self._recall([line[0] for line in lines])
        pending, held = self._pending, self._lines
        added = []
        for line in lines:
            identity, fullness, data = line
            copies = known.get(identity)
            if copies is None:  # as nearly always
                held.append(data)
                pending[identity] = known[identity] = {digest(data): fullness}
                added.append(ADDED)
            else:
                added.append(self._keep_copy(line, copies))
        if len(self._lines) >= FLUSH_ROWS:
            self.flush()
        return added

    def _keep_copy(self, line: Line, copies: Copies) -> Addition:
        """Keep another copy of a record, unless a known one is as full or the same."""
        identity, fullness, data = line
        poorer = max(copies.values()) > fullness
        if poorer and not _is_another_account(line, copies):
            return Addition.DUPLICATE
        mark = digest(data)
        if mark in copies:
            return Addition.DUPLICATE
        self._lines.append(data)
        is_shared = all(_session(known) != _session(mark) for known in copies)
        self._pending.setdefault(identity, {})[mark] = copies[mark] = fullness
        if poorer:
            return Addition.DUPLICATE
        return Addition.SHARED if is_shared else Addition.UPDATED

    def reject(self, rejection: Rejection) -> Addition:
        """Note a line that could not be read, once.

        Parameters
        ----------
        rejection : Rejection
            Its file's name is kept, or hidden where it is no plain name.

        Returns
        -------
        Addition
            A duplicate where the line was noted before.
        """
        row = {
            "file": identifier(rejection.file.name, self.hidden),
            "folder": self._folder(rejection.file.parent),
            "line": rejection.line,
            "reason": printable(rejection.reason),
        }
        identity = _rejection_identity(row)
        known = self._recall([identity])
        if identity in known:
            return Addition.DUPLICATE
        self._pending[identity] = known[identity] = {0: 0}
        self._refused.append(row)
        if len(self._refused) >= FLUSH_ROWS:
            self.flush()
        return Addition.ADDED

    def flush(self) -> None:
        """Write what is held back; when this returns, it survives a power cut.

        Raises
        ------
        StorageError
            The disk is full or not ours to write. What is held back stays so, and
            nothing of it is known.
        """
        if self._is_member:
            self._send()
            return
        try:
            if self._lines or self._refused:
                raise_version(self.root)
            span = self.spool.append_encoded(self._lines, durable=True)
            self._lines.clear()
            self._rejected.append_all(self._refused, durable=True)
            self._refused.clear()
        except OSError as error:
            raise StorageError(error.filename or self.root, error) from error
        if self._pending:
            self._open_index().remember(self._pending.items(), span)
            if self._remembered is not None and len(self._remembered) > REMEMBERED:
                self._remembered = None
            self._pending.clear()

    def _send(self) -> None:
        """Append what is held back to this member's spool; compaction knows the rest."""
        try:
            self._inbox.append(self._lines)
        except OSError as error:
            raise StorageError(error.filename or self.root, error) from error
        self._lines.clear()
        self._refused.clear()
        self._pending.clear()

    def absorb_spool(self) -> int:
        """Bring the index up to date with lines that others appended to the spool.

        Returns
        -------
        int
            Lines read; what has been read before is not read again.
        """
        self.flush()
        if self._is_member:
            return 0
        index = self._open_index()
        merged = read_generation(self.dataset.root).merged
        lines = 0
        for segment, descriptor in self.spool.opened(after=merged):
            end = begin = index.absorbed(segment)
            for line in lines_of(descriptor, begin):
                lines += 1
                end = line.end
                self._note(line.row)
            if end > begin:
                os.fsync(descriptor)  # a hook's line is known once it is on disk
                self.flush()
                index.absorb(segment, end)
        return lines

    def take_in_inbox(self) -> None:
        """Append to the spool what members of a shared store have appended.

        Raises
        ------
        StorageError
            The spool cannot be written, or its disk is full.
        """
        self.flush()
        try:
            self._inbox.take_in(
                lambda lines: self.spool.append_encoded(lines, durable=True)
            )
        except OSError as error:
            raise StorageError(error.filename or self.root, error) from error

    def compact(
        self, on_sealed: OnSealed | None = None, *, limits: EngineLimits | None = None
    ) -> Compaction:
        """Merge the spool into the Parquet dataset.

        What hooks recorded joins in `toolkit.history.compaction`, which knows both.

        Parameters
        ----------
        on_sealed : callable, optional
            Called with the spool files before they are merged.
        limits : EngineLimits, optional
            What DuckDB may use.

        Returns
        -------
        Compaction

        Raises
        ------
        StorageError
            The store cannot be read or written, or its disk is full.
        """
        self.take_in_inbox()
        self.absorb_spool()
        try:
            done = self.dataset.compact(
                self.spool,
                on_sealed=on_sealed,
                on_refused=self._reject_lines,
                limits=limits,
            )
        except OSError as error:
            raise StorageError(error.filename or self.dataset.root, error) from error
        index = self._open_index()
        generation = read_generation(self.dataset.root)
        if done.damaged:
            self._read_files(index, generation)
        else:
            index.match(generation)
        return done

    def keep_from(self, day: str) -> dict[str, int]:
        """Let go of what is older than a day; see `LocalDataset.keep_from`.

        Parameters
        ----------
        day : str
            First day that is kept, in UTC, as `2026-01-05`.

        Returns
        -------
        dict of str to int
            Records let go, by kind.

        Raises
        ------
        StorageError
            The store cannot be read or written.
        """
        try:
            return self.dataset.keep_from(day, self.spool)
        except OSError as error:
            raise StorageError(error.filename or self.dataset.root, error) from error

    def rewrite(self) -> Compaction:
        """Write parts that lack a column of today's records; see `LocalDataset.rewrite`.

        Returns
        -------
        Compaction

        Raises
        ------
        StorageError
            The store cannot be read or written, or its disk is full.
        """
        try:
            return self.dataset.rewrite(self.spool)
        except OSError as error:
            raise StorageError(error.filename or self.dataset.root, error) from error

    def amend(
        self, kind: str, changes: Path, *, keys: Sequence[str], columns: Sequence[str]
    ) -> Compaction:
        """Write other values into some columns of a kind; see `Dataset.amend`."""
        try:
            return self.dataset.amend(
                self.spool, kind, changes, keys=keys, columns=columns
            )
        except OSError as error:
            raise StorageError(error.filename or self.dataset.root, error) from error

    def rejected(self) -> Iterator[dict[str, Any]]:
        """Read what could not be imported, each line once, in the order it was met.

        Yields
        ------
        dict
            Name of the file, hidden folder, line (1-based) and reason.
        """
        self.flush()
        return read_rejected(self.root)

    def close(self) -> None:
        """Flush and let go of the index."""
        try:
            self.flush()
        finally:
            self._lines.clear()
            self._refused.clear()
            if self._index is not None:
                self._index.close()
                self._index = None

    @property
    def _rejected(self) -> Spool:
        return Spool(self.root / "rejected")

    def _reject_lines(self, refused: Sequence[Refused]) -> None:
        for line in refused:
            self.reject(Rejection(file=line.file, line=line.line, reason=line.reason))
        self.flush()

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
        if self._is_member:
            check_version(self.root)
            return self._sent
        index = self._open_index()
        if self._remembered is not None:
            return self._remembered
        known = index.recall(identities)
        for identity in identities:
            if identity in self._pending:
                known.setdefault(identity, {}).update(self._pending[identity])
        return known

    def _note(self, row: dict[str, Any] | None) -> None:
        kind = KINDS.get(str((row or {}).get("kind")))
        if kind is None or row is None:
            return
        try:
            record = kind.from_json(row)
        except SchemaError:
            return  # compaction sets it aside
        self._note_record(record)

    def _note_record(self, record: Record) -> None:
        identity, fullness, data = line_of(record.known())
        mark = digest(data)
        self._pending.setdefault(identity, {})[mark] = fullness
        if self._remembered is not None:
            self._remembered.setdefault(identity, {})[mark] = fullness
        if len(self._pending) >= FLUSH_ROWS:
            self.flush()

    def _open_index(self) -> KnownIndex:
        if self._index is None:
            try:
                raise_version(self.root)
                generation = self.dataset.drop_missing()
            except OSError as error:
                raise StorageError(error.filename or self.root, error) from error
            self._index = index = KnownIndex(self.root / INDEX_NAME)
            if not index.agrees(generation, self.spool):
                self._read_files(index, generation)
            self._remembered = {} if index.is_empty() else None
        return self._index

    def _read_files(self, index: KnownIndex, generation: Generation) -> None:
        """Rebuild the index from the parts; spool lines follow in `absorb_spool`."""
        index.clear()
        for line in self._rejected.lines():
            if line.row is not None:
                self._pending[_rejection_identity(line.row)] = {0: 0}
        compacted = LocalDataset(self.dataset.root)
        for kind in KINDS:
            # without a part DuckDB need not be loaded
            if generation.parts.get(kind) and compacted.has(kind):
                for record in compacted.scan(kind):
                    self._note_record(record)
        self.flush()
        index.match(generation)


def read_rejected(root: Path) -> Iterator[dict[str, Any]]:
    """Read what could not be imported into a store, each line once.

    An import that died may have written a line twice: it is the same line.

    Parameters
    ----------
    root : path
        The store's folder.

    Yields
    ------
    dict
        Name of the file, hidden folder, line (1-based) and reason.
    """
    seen: set[Identity] = set()
    for line in Spool(root / "rejected").lines():
        if line.row is not None:
            identity = _rejection_identity(line.row)
            if identity not in seen:
                seen.add(identity)
                yield line.row


def line_of(row: dict[str, Any]) -> Line:
    """Write what `Record.row` or `known` gave as one line of the spool.

    Parameters
    ----------
    row : dict

    Returns
    -------
    Line
        Kind, record id, fullness, and the line as bytes.
    """
    kind = row["kind"]
    fullness = KINDS[kind].fullness(row)
    data = orjson.dumps(row) + b"\n"  # what `dumps` gives occupies many times its size
    return (kind, row["record_id"]), fullness, data


SESSION = b'"session_id":"'
SESSION_BITS = 0x7FFFFFFF
"""With the digest of a line they fill what the index holds as one number."""


def digest(data: bytes) -> int:
    """Digest a line: 32 bits tell apart the few copies of one record, 31 their sessions.

    Parameters
    ----------
    data : bytes
        As `line_of` writes it; a quote inside a text is escaped there.

    Returns
    -------
    int
        Of 63 bits.
    """
    begin = data.find(SESSION)
    if begin < 0:
        return crc32(data)
    begin += len(SESSION)
    session = data[begin : data.find(b'"', begin)]
    return (crc32(session) & SESSION_BITS) << 32 | crc32(data)


def _session(mark: int) -> int:
    return mark >> 32


def _rejection_identity(row: dict[str, Any]) -> Identity:
    place = f"{row.get('folder')}/{row.get('file')}:{row.get('line')}"
    return ("rejected", record_id(place, str(row.get("reason"))))


def _is_another_account(line: Line, copies: Copies) -> bool:
    """Tell whether a poorer copy of a batch is the first of its provenance.

    What a hook clocked and what a transcript tells are two accounts of one batch. The
    poorer one is kept until the compaction, which compares them and keeps the fuller.
    """
    (kind, _), its_fullness, _ = line
    if kind != Batch.kind:
        return False
    mark = its_fullness & MEASURED_MARK
    return all(fullness & MEASURED_MARK != mark for fullness in copies.values())
