"""The map from a table's columns to a record's fields, read from TOML and checked."""

import codecs
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.errors import InputDataError, UsageError
from toolkit.records import (
    KINDS,
    Batch,
    FieldRule,
    Provenance,
    Record,
    field_rules,
    read_given,
)

__all__ = ["UNITS", "MappedColumn", "TableMap", "read_map"]

UNITS: Mapping[str, float] = {
    "count": 1.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "h": 3600.0,
    "percent": 0.01,
    "ratio": 1.0,
    "bytes": 1.0,
    "kB": 1e3,
    "KiB": 2.0**10,
    "MB": 1e6,
    "MiB": 2.0**20,
    "GB": 1e9,
    "GiB": 2.0**30,
}
"""What a value is multiplied by to reach the field's SI unit."""

EXCEL_DAYS = "excel_days"
"""Unit of times that a spreadsheet writes as days since the end of 1899."""

ENDINGS: Mapping[str, str] = {
    **dict.fromkeys(("s", "ms", "us", "ns", "min", "h"), "_s"),
    **dict.fromkeys(("bytes", "kB", "KiB", "MB", "MiB", "GB", "GiB"), "_bytes"),
    **dict.fromkeys(("percent", "ratio"), "_ratio"),
}
"""How the name of a declared column ends that a unit is stored under: a unit is part of
a name, so that who gives a value later knows in what."""

SI = {"_s": "seconds", "_bytes": "bytes", "_ratio": "ratios of 0 to 1"}

CONTEXT_FIELDS = ("numbers", "categories")
"""Fields of a record that hold declared columns."""

RESERVED = frozenset({"action", "spent", "achieved", "group", "took_us", "stream"})
"""Names that tables made of the records use for themselves."""

PARTS = {
    "kind",
    "source",
    "identity",
    "zone",
    "columns",
    "constants",
    "context",
    "encoding",
    "delimiter",
    "decimal",
    "thousands",
}
COLUMN_PARTS = {"column", "unit", "scale", "missing", "values", "format"}
THOUSANDS = (".", ",", " ", "'", "\u00a0", "\u202f")
"""Marks that may stand between thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """Where a field's value comes from.

    Attributes
    ----------
    column : str
        Name of the column.
    scale : float
        What numbers are multiplied by.
    missing : tuple of str
        Values that mean that nothing is known, beside an empty cell.
    values : mapping of str to object
        What other values stand for; none given, values stand for themselves.
    unit : str or None
        As the map names it.
    format : str or None
        How times are written, in the letters of `strptime`.
    decimal, thousands : str
        What stands before decimals, and between thousands.
    """

    column: str
    scale: float = 1.0
    unit: str | None = None
    format: str | None = None
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMap:
    """What a row of a table is.

    Attributes
    ----------
    path : path
        The file that says so.
    record_class : type
        The kind of record.
    source : str
        Becomes the `source` of every record.
    identity : tuple of str
        Columns whose values together tell rows apart; empty: file name and line do.
    zone : ZoneInfo or None
        Of times that carry none.
    columns : mapping of str to MappedColumn
        By field.
    constants : mapping of str to object
        Fields with the same value in every row.
    context : mapping of str to MappedColumn
        Declared context columns: one with a unit holds numbers, one without categories.
    encoding : str
        Of CSV files.
    delimiter : str or None
        Of CSV files; by default the one that occurs most in the header line.
    """

    path: Path
    record_class: type[Record]
    source: str
    identity: tuple[str, ...]
    zone: ZoneInfo | None
    columns: Mapping[str, MappedColumn]
    constants: Mapping[str, Any]
    context: Mapping[str, MappedColumn] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """List every column of the table that is read, identities last."""
        mapped = [*self.columns.values(), *self.context.values()]
        read = [*(each.column for each in mapped), *self.identity]
        return tuple(dict.fromkeys(read))

    def complete(self, known: dict[str, Any]) -> None:
        """Add the endings that follow from those that a row counts.

        Where a map counts failures and names no cancelled operations there were none,
        and where it names no successes, what did not fail succeeded.
        """
        given = {*self.columns, *self.constants}
        if self.record_class is not Batch or known.get("failed") is None:
            return
        if "cancelled" not in given:
            known["cancelled"] = 0
        if "succeeded" not in given and known.get("cancelled") is not None:
            rest = known["size"] - known["failed"] - known["cancelled"]
            known["succeeded"] = max(rest, 0)

    def mapped(self) -> Iterator[tuple[FieldRule, MappedColumn]]:
        """List the mapped fields with their rules."""
        for rule in field_rules(self.record_class):
            if rule.name in self.columns:
                yield rule, self.columns[rule.name]


def read_map(path: Path) -> TableMap:
    """Read a map.

    Raises
    ------
    InputDataError
        It is not TOML, names an unknown kind, field or unit, or leaves out a field that
        every record of the kind has.
    """
    text = _toml(path)
    if unknown := sorted(set(text) - PARTS):
        raise _wrong(path, unknown[0], f"unknown; known are {', '.join(sorted(PARTS))}")
    kind = str(text.get("kind"))
    if kind not in KINDS:
        raise _wrong(path, "kind", f"must be one of {', '.join(KINDS)}", got=kind)
    source = _text(path, text, "source", "table")
    marks = _marks(path, text)
    columns = _columns(path, text.get("columns"), marks)
    constants = {
        "source": source,
        "provenance": Provenance.DECLARED.value,
        **_table(path, "constants", text.get("constants", {})),
    }
    _check(path, KINDS[kind], columns, constants)
    context = _context(path, KINDS[kind], text.get("context", {}), marks)
    return TableMap(
        path=path,
        record_class=KINDS[kind],
        source=source,
        identity=_names(path, "identity", text.get("identity", [])),
        zone=_zone(path, text.get("zone")),
        columns=columns,
        constants=constants,
        context=context,
        encoding=_encoding(path, text),
        delimiter=_delimiter(path, text),
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_given(path).decode("utf-8"))
    except OSError as error:
        raise InputDataError(
            error.strerror or "cannot be read", file=path, fix="give another --map"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputDataError(f"not TOML: {error}", file=path) from error


def _check(
    path: Path,
    record_class: type[Record],
    columns: Mapping[str, Any],
    constants: Mapping[str, Any],
) -> None:
    """Refuse unknown fields, and required ones that come from nowhere."""
    rules = {rule.name: rule for rule in field_rules(record_class)}
    for name in [*columns, *constants]:
        if name not in rules:
            message = UsageError.unknown("field", name, sorted(rules))
            raise _wrong(path, name, str(message))
    given = {*columns, *constants, "record_id"}
    missing = [
        rule.name
        for rule in rules.values()
        if not rule.optional
        and rule.name not in given
        and _no_default(record_class, rule)
    ]
    if missing:
        raise _wrong(
            path, missing[0], "every record has it; map a column or a constant"
        )


def _no_default(record_class: type[Record], rule: FieldRule) -> bool:
    return record_class.__dataclass_fields__[rule.name].default is MISSING


def _marks(path: Path, text: Mapping[str, Any]) -> tuple[str, str]:
    """Read what stands before decimals and between thousands."""
    decimal = _text(path, text, "decimal", ".")
    if decimal not in (".", ","):
        raise _wrong(path, "decimal", 'a dot or a comma: `decimal = ","`', got=decimal)
    thousands = _text(path, text, "thousands", "")
    if thousands and (thousands not in THOUSANDS or thousands == decimal):
        raise _wrong(
            path, "thousands", "a dot, a comma, a blank or an apostrophe", got=thousands
        )
    return decimal, thousands


def _encoding(path: Path, text: Mapping[str, Any]) -> str:
    name = _text(path, text, "encoding", "utf-8")
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise _wrong(
            path, "encoding", "unknown; write utf-8, utf-16 or cp1252", got=name
        ) from error
    return name


def _delimiter(path: Path, text: Mapping[str, Any]) -> str | None:
    if "delimiter" not in text:
        return None
    mark = _text(path, text, "delimiter", None)
    if len(mark) != 1:
        raise _wrong(path, "delimiter", "one character", got=mark)
    return mark


def _columns(
    path: Path, given: Any, marks: tuple[str, str], name: str = "columns"
) -> dict[str, MappedColumn]:
    table = _table(path, name, given)
    if not table:
        raise _wrong(path, name, "maps nothing; name the column of `at` at least")
    decimal, thousands = marks
    return {
        field: replace(
            _column(path, field, value), decimal=decimal, thousands=thousands
        )
        for field, value in table.items()
    }


def _context(
    path: Path, record_class: type[Record], given: Any, marks: tuple[str, str]
) -> dict[str, MappedColumn]:
    """Read the declared context columns, whose names no column of ours has."""
    if not given:
        return {}
    fields = {rule.name for rule in field_rules(record_class)}
    if not set(CONTEXT_FIELDS) <= fields:
        raise _wrong(path, "context", f"a {record_class.kind} has no declared columns")
    columns = _columns(path, given, marks, name="context")
    for name, mapped in columns.items():
        taken = name in fields or name in RESERVED or name.startswith("recent_")
        if not name.isidentifier() or taken:
            problem = f"`{name}` is a column already; call this one otherwise"
            if not name.isidentifier():
                problem = "not the name of a column: letters, digits, underscores"
            raise _wrong(path, f"context.{name}", problem)
        ending = ENDINGS.get(mapped.unit or "")
        if ending and not name.endswith(ending):
            raise _wrong(
                path,
                f"context.{name}",
                f"stored in {SI[ending]}; its name says so: `{name}{ending}`",
            )
    return columns


def _column(path: Path, field: str, given: Any) -> MappedColumn:
    if isinstance(given, str):
        return MappedColumn(column=given)
    table = _table(path, field, given)
    if unknown := sorted(set(table) - COLUMN_PARTS):
        raise _wrong(
            path, field, f"unknown `{unknown[0]}`; known are {sorted(COLUMN_PARTS)}"
        )
    scale = table.get("scale", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)):
        raise _wrong(path, field, "`scale` is a number", got=scale)
    unit = table.get("unit")
    known = [*UNITS, EXCEL_DAYS]
    if unit is not None and unit not in known:
        raise _wrong(
            path, field, f"unknown unit; known are {', '.join(known)}", got=unit
        )
    values = table.get("values")
    return MappedColumn(
        column=_text(path, table, "column", None),
        scale=float(scale) * UNITS.get(unit or "", 1.0),
        unit=unit,
        format=_text(path, table, "format", None) if "format" in table else None,
        missing=_names(path, field, table.get("missing", [])),
        values=None if values is None else _table(path, field, values),
    )


def _table(path: Path, field: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong(path, field, "not a TOML table", got=given)
    return given


def _text(path: Path, table: Mapping[str, Any], name: str, default: str | None) -> str:
    value = table.get(name, default)
    if not isinstance(value, str):
        raise _wrong(path, name, "not a text", got=value)
    return value


def _names(path: Path, field: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise _wrong(path, field, "not a list of texts", got=given)
    return tuple(map(str, given))


def _zone(path: Path, name: Any) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as error:
        raise _wrong(
            path, "zone", "not a time zone, for instance `Europe/Berlin`", got=name
        ) from error


def _wrong(path: Path, field: str, problem: str, got: object = None) -> InputDataError:
    return InputDataError(
        problem, file=path, field=field, got=got, fix=f"edit {path.name}"
    )
