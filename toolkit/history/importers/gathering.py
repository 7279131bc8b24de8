"""What one file gives, in pieces that can be handed on, to another process as well."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import InputDataError, SchemaError, StorageError
from toolkit.history import PriceBook
from toolkit.history.importers.base import Source
from toolkit.history.importers.recognition import recognise_file
from toolkit.history.prices import price_row
from toolkit.history.store import Line, line_of
from toolkit.records import PLAIN_ID, Batch, Record, Turn, identifier, keyed_hash

__all__ = ["FileSink", "Piece", "read_file"]

HOLD_ROWS = 1000
"""Records held back before they are handed on together: bounds memory, saves time."""

HOLD_NAMES = 1000
"""Hidden names remembered while a file is read."""

MAX_KINDS = 100
"""Kinds of passed-over things that are counted apart in one file."""

OTHER_KINDS = "other kinds"

BATCH, TURN = Batch.kind, Turn.kind

ID_FIELDS = ("agent_id", "session_id")
"""What a person may have named; a name that no program drew is hidden."""


class Piece(NamedTuple):
    """A part of what a file gives.

    Attributes
    ----------
    lines : list of Line
        Records in their order.
    weights : list of int
        How many calls each of them holds; 1 for other kinds.
    met : list of (str, str)
        Nouns and identities.
    rejected : list of (int or None, str)
        Lines and reasons; `None` refuses the file.
    read : int
        Lines.
    passed_over : dict of str to int
        By kind.
    marks : dict of (str, int) to str
        Of each kind of record and each day, the id of one; in the last piece.
    refused : bool or None
        Whether the file could not be read; `None` where more pieces follow.
    """

    lines: list[Line]
    weights: list[int]
    met: list[tuple[str, str]]
    rejected: list[tuple[int | None, str]]
    read: int
    passed_over: dict[str, int]
    marks: dict[tuple[str, int], str]
    refused: bool | None


class FileSink:
    """Gathers what a source reads of one file.

    Parameters
    ----------
    deliver : callable
        Takes the pieces.
    key : bytes
        Secret of the keyed hashes.
    prices : PriceBook, optional
        Prices the turns.
    """

    def __init__(
        self,
        deliver: Callable[[Piece], None],
        *,
        key: bytes,
        prices: PriceBook | None = None,
    ) -> None:
        self._deliver = deliver
        self._key = key
        self._prices = prices
        self._hidden: dict[str, str] = {}
        self._plain: set[str | None] = {None}
        self._marks: dict[tuple[str, int], str] = {}
        self._kinds: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self._lines: list[Line] = []
        self._weights: list[int] = []
        self._met: list[tuple[str, str]] = []
        self._rejected: list[tuple[int | None, str]] = []
        self._passed_over: Counter[str] = Counter()
        self._read = 0

    def add(self, record: Record) -> None:
        """Keep a record, once however often it comes."""
        self.add_row(record.known())

    def add_row(self, row: dict[str, Any]) -> None:
        """Keep a record that is written already."""
        kind, get, plain = row["kind"], row.get, self._plain
        if kind == TURN and self._prices is not None:
            price_row(row, self._prices)
            if "money_usd" not in row:
                self.met("unpriced_turn", row["record_id"])
        if get("agent_id") not in plain or get("session_id") not in plain:
            self._hide(row)
        lines = self._lines
        lines.append(line_of(row))
        self._weights.append((get("calls") or row["size"]) if kind == BATCH else 1)
        mark = kind, row["at"].toordinal()
        if mark not in self._marks:
            self._marks[mark] = row["record_id"]
        if len(lines) >= HOLD_ROWS:
            self._hand_on(refused=None)

    def reject(self, line: int, reason: str) -> None:
        """Note a line that cannot be read."""
        self._rejected.append((line, reason))

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what holds nothing for us, by its kind."""
        if kind not in self._kinds:
            if len(self._kinds) >= MAX_KINDS:
                kind = OTHER_KINDS
            self._kinds.add(kind)
        self._passed_over[kind] += count

    def met(self, noun: str, identity: str) -> None:
        """Count a session or a subagent stream."""
        self._met.append((noun, identity))

    def read(self, lines: int) -> None:
        """Count lines read."""
        self._read += lines

    def hidden(self, name: str) -> str:
        """Hide a name; names of one file are remembered while it is read."""
        found = self._hidden.get(name)
        if found is None:
            if len(self._hidden) >= HOLD_NAMES:
                self._hidden.clear()
            found = self._hidden[name] = keyed_hash(self._key, name)
        return found

    def end(self, refusal: str | None) -> None:
        """Hand on what is left, and whether the file had to be refused."""
        if refusal is not None:
            self._rejected.append((None, refusal))
        self._hand_on(refused=refusal is not None)

    def _hide(self, row: dict[str, Any]) -> None:
        """Hide ids that no program drew: e-mail addresses, names of people."""
        for name in ID_FIELDS:
            value = row.get(name)
            if value is None:
                continue
            if PLAIN_ID.fullmatch(value) is None:
                row[name] = identifier(value, self.hidden)
            else:
                self._plain.add(value)

    def _hand_on(self, *, refused: bool | None) -> None:
        piece = Piece(
            self._lines,
            self._weights,
            self._met,
            self._rejected,
            self._read,
            dict(self._passed_over),
            {} if refused is None else self._marks,
            refused,
        )
        self._begin()
        self._deliver(piece)


def read_file(source: Source, path: Path, sink: FileSink) -> None:
    """Read one file to its end, or to what refuses it.

    Raises
    ------
    StorageError
        It is the store's disk that failed, not this file.
    """
    sink.end(_refusal(source, path, sink))


def _refusal(source: Source, path: Path, sink: FileSink) -> str | None:
    if not path.is_file():
        return _no_file(path)
    try:
        source.read(path, sink)
    except StorageError:
        raise
    except SchemaError as error:
        return f"field `{error.field}`: {error.problem}"
    except InputDataError as error:
        known = recognise_file(path, besides=source.name)
        return error.problem if known is None else f"{error.problem}; {known}"
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _no_file(path: Path) -> str:
    """Say why a path is not opened: a pipe or a device would never end."""
    if path.is_dir():
        return "a folder that may not be read"
    return "not a regular file" if path.exists() else "no such file"
