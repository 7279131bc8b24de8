"""One cell of a table, turned into what a record's field holds."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.errors import InputDataError
from toolkit.history.importers.table.map import MappedColumn
from toolkit.records import FieldRule

__all__ = ["read_cell"]

EMPTY = {"", "na", "nan", "null", "none", "n/a"}
"""Texts, lowered, that mean that nothing is known."""
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds since 1970; as seconds, the year 5138."""


def read_cell(
    value: Any, rule: FieldRule, mapped: MappedColumn, *, zone: ZoneInfo | None
) -> Any:
    """Read a cell; an empty one is `None`.

    Parameters
    ----------
    value : object
        Text of a CSV file, or what JSON or Parquet hold.
    rule : FieldRule
        The field it becomes.
    mapped : MappedColumn
        How it is translated and scaled.
    zone : ZoneInfo or None
        Of times that carry none.

    Raises
    ------
    InputDataError
        It cannot become this field's type.
    """
    if _is_empty(value, mapped):
        return None
    if mapped.values is not None:
        if str(value) not in mapped.values:
            known = ", ".join(mapped.values)
            raise _wrong(mapped, f"not among the mapped values {known}")
        value = mapped.values[str(value)]
    if rule.type_name == "datetime":
        return _moment(value, mapped, zone)
    if rule.type_name in ("int", "float"):
        return _number(value, rule, mapped)
    if rule.type_name == "bool":
        return _flag(value, mapped)
    return str(value)


def _is_empty(value: Any, mapped: MappedColumn) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    text = str(value).strip()
    return text.lower() in EMPTY or text in mapped.missing


def _number(value: Any, rule: FieldRule, mapped: MappedColumn) -> float | int:
    try:
        number = float(value) * mapped.scale
    except (TypeError, ValueError) as error:
        raise _wrong(mapped, "not a number") from error
    if not math.isfinite(number):
        raise _wrong(mapped, "not a finite number")
    if rule.type_name == "float":
        return number
    if abs(number - round(number)) > 1e-6:
        raise _wrong(mapped, "not a whole number")
    return round(number)


def _flag(value: Any, mapped: MappedColumn) -> bool:
    flag = FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise _wrong(mapped, "neither true nor false")
    return flag


def _moment(value: Any, mapped: MappedColumn, zone: ZoneInfo | None) -> datetime:
    if isinstance(value, datetime):
        return _aware(value, mapped, zone)
    if isinstance(value, date):
        return _aware(datetime(value.year, value.month, value.day), mapped, zone)  # noqa: DTZ001 - the zone follows
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _aware(_parsed(str(value).strip(), mapped), mapped, zone)
    seconds = number * mapped.scale
    if mapped.scale == 1.0 and number >= MILLISECONDS_FROM:
        seconds = number / 1000
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise _wrong(mapped, "not a time") from error


def _parsed(text: str, mapped: MappedColumn) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(
            mapped, "not a time; write 2026-01-05T12:30:00Z or seconds since 1970"
        ) from error


def _aware(moment: datetime, mapped: MappedColumn, zone: ZoneInfo | None) -> datetime:
    if moment.tzinfo is None:
        if zone is None:
            raise _wrong(
                mapped, "a time without a zone; name it with `zone` in the map"
            )
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _wrong(mapped: MappedColumn, problem: str) -> InputDataError:
    return InputDataError(problem, field=mapped.column)
