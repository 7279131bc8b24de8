"""The map from a table's columns to a record's fields, read from TOML and checked."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.errors import InputDataError, UsageError
from toolkit.records import KINDS, FieldRule, Provenance, Record, field_rules

__all__ = ["UNITS", "MappedColumn", "TableMap", "read_map"]

UNITS: Mapping[str, float] = {
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

PARTS = {"kind", "source", "identity", "zone", "columns", "constants"}
COLUMN_PARTS = {"column", "unit", "scale", "missing", "values"}


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
    """

    column: str
    scale: float = 1.0
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
    """

    path: Path
    record_class: type[Record]
    source: str
    identity: tuple[str, ...]
    zone: ZoneInfo | None
    columns: Mapping[str, MappedColumn]
    constants: Mapping[str, Any]

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
    columns = _columns(path, text.get("columns"))
    constants = {
        "source": source,
        "provenance": Provenance.DECLARED.value,
        **_table(path, "constants", text.get("constants", {})),
    }
    _check(path, KINDS[kind], columns, constants)
    return TableMap(
        path=path,
        record_class=KINDS[kind],
        source=source,
        identity=_names(path, "identity", text.get("identity", [])),
        zone=_zone(path, text.get("zone")),
        columns=columns,
        constants=constants,
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
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


def _columns(path: Path, given: Any) -> dict[str, MappedColumn]:
    table = _table(path, "columns", given)
    if not table:
        raise _wrong(path, "columns", "maps nothing; name the column of `at` at least")
    return {name: _column(path, name, value) for name, value in table.items()}


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
    if unit is not None and unit not in UNITS:
        raise _wrong(
            path, field, f"unknown unit; known are {', '.join(UNITS)}", got=unit
        )
    values = table.get("values")
    return MappedColumn(
        column=_text(path, table, "column", None),
        scale=float(scale) * (UNITS[unit] if unit else 1.0),
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
