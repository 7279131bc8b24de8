"""A team's history on disk: spool, dataset, the index of what is known, the refused.

::

    STORE/key               secret of the keyed hashes
    STORE/spool/*.jsonl     what was appended and is not yet compacted
    STORE/dataset/kind=K/day=D/part.parquet
    STORE/index.sqlite      record ids already known, for idempotent import
    STORE/rejected/*.jsonl  lines that could not be read: file, line, reason

The index only saves work. Where it is behind (a hook appended to the spool, a process
died between the two writes) a record may be appended twice, and compaction keeps one.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from toolkit.errors import InputDataError, SchemaError
from toolkit.records.dataset import Compaction, Dataset
from toolkit.records.identity import keyed_hash, record_id, store_key
from toolkit.records.schema import KINDS, Record
from toolkit.records.spool import Spool, read_lines

__all__ = ["Addition", "RecordStore", "Rejection"]

FLUSH_ROWS = 2000
"""Rows held back before they are written together: bounds memory, saves system calls."""


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
        self._rows: list[dict[str, Any]] = []
        self._pending: dict[tuple[str, str], int] = {}

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
        identity = (record.kind, record.record_id)
        known = self._known(identity)
        if known is not None and known >= record.completeness:
            return Addition.DUPLICATE
        self._pending[identity] = record.completeness
        self._rows.append(record.to_json())
        if len(self._rows) >= FLUSH_ROWS:
            self.flush()
        return Addition.ADDED if known is None else Addition.UPDATED

    def reject(self, rejection: Rejection) -> Addition:
        """Note a line that could not be read, once."""
        folder = self.hidden(str(rejection.file.parent.resolve()))
        place = f"{folder}/{rejection.file.name}:{rejection.line}"
        identity = ("rejected", record_id(place, rejection.reason))
        if self._known(identity) is not None:
            return Addition.DUPLICATE
        self._pending[identity] = 0
        row = {
            "file": rejection.file.name,
            "folder": folder,
            "line": rejection.line,
            "reason": rejection.reason,
        }
        self._rejected.append(row)
        return Addition.ADDED

    def flush(self) -> None:
        """Write what is held back; when this returns, it survives `kill -9`."""
        self.spool.append_all(self._rows)
        self._rows.clear()
        if not self._pending:
            return
        index = self._open_index()
        with index:
            index.executemany(
                "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET completeness = max(completeness, excluded.completeness)",
                [(kind, name, full) for (kind, name), full in self._pending.items()],
            )
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

    def compact(self) -> Compaction:
        """Merge the spool into the Parquet dataset."""
        self.absorb_spool()
        done = self.dataset.compact(self.spool)
        with self._open_index() as index:
            index.execute("DELETE FROM absorbed")
        return done

    def rejected(self) -> Iterator[dict[str, Any]]:
        """Read what could not be imported, in the order it was met."""
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

    def _known(self, identity: tuple[str, str]) -> int | None:
        if identity in self._pending:
            return self._pending[identity]
        row = (
            self._open_index()
            .execute(
                "SELECT completeness FROM seen WHERE kind = ? AND record_id = ?",
                identity,
            )
            .fetchone()
        )
        return None if row is None else int(row[0])

    def _note(self, row: dict[str, Any] | None) -> None:
        kind = KINDS.get(str((row or {}).get("kind")))
        if kind is None or row is None:
            return
        try:
            record = kind.from_json(row)
        except SchemaError:
            return  # compaction skips it as well
        self._pending[(record.kind, record.record_id)] = record.completeness
        if len(self._pending) >= FLUSH_ROWS:
            self.flush()

    def _open_index(self) -> sqlite3.Connection:
        if self._index is None:
            self.root.mkdir(parents=True, exist_ok=True)
            path = self.root / "index.sqlite"
            try:
                self._index = sqlite3.connect(path, timeout=30)
                self._index.executescript(_INDEX_SCHEMA)
            except sqlite3.DatabaseError as error:
                raise InputDataError(
                    f"not a usable index: {error}",
                    file=path,
                    fix="remove it; it is made anew from what is added next",
                ) from error
        return self._index


_INDEX_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS seen (
  kind TEXT, record_id TEXT, completeness INTEGER,
  PRIMARY KEY (kind, record_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS absorbed (inode INTEGER PRIMARY KEY, end INTEGER);
"""
