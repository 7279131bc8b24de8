"""One cell of a table, turned into what a record's field holds."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.errors import InputDataError
from toolkit.history.importers.table.form import EXCEL_DAYS, THOUSANDS, MappedColumn
from toolkit.records import FieldRule

__all__ = ["read_cell"]

EMPTY = {"", "na", "nan", "null", "none", "n/a"}
"""Texts, lowered, that mean that nothing is known."""
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside are a unit that was mistaken, not history."""

SINCE_1970 = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
FROM_S, TO_S = 946_684_800.0, 4_102_444_800.0
"""Years 2000 to 2100 in seconds since 1970: within these a number's unit is plain."""

COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""How times of so many digits are written, where the digits begin with 19 or 20."""

EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - the map's zone follows
EXCEL_RANGE = (20_000.0, 80_000.0)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
"""A number as it is written with points between thousands."""
MARKED = re.compile(
    rf"[+-]?[1-9]\d{{0,2}}(?P<thousands>[{''.join(THOUSANDS)}])\d{{3}}"
    r"(?:(?P=thousands)\d{3})*(?:(?P<decimal>[.,])\d+)?",
    re.ASCII,
)
"""A number as it is written with marks between thousands, and a mark before decimals."""

HOW = "write 2026-01-05T12:30:00Z, or name a `unit` or a `format` in the map"


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
    number = _plain_number(value, mapped) * mapped.scale
    if not math.isfinite(number):
        raise _wrong(mapped, "not a finite number")
    if rule.type_name == "float":
        return number
    grouped = isinstance(value, str) and GROUPED.fullmatch(value.strip()) is not None
    marked = bool(mapped.decimal or mapped.thousands)
    if abs(number - round(number)) > 1e-6:
        raise _wrong(mapped, f"not a whole number{_IN_GROUPS if grouped else ''}")
    if grouped and not marked:
        raise _wrong(mapped, f"one or a thousand{_IN_GROUPS}{_AS_DECIMALS}")
    return round(number)


_IN_GROUPS = (
    '; for points between thousands, write `decimal = ","` and `thousands = "."` '
    "in the map"
)
_AS_DECIMALS = ', for decimals `decimal = "."`'


def _plain_number(value: Any, mapped: MappedColumn) -> float:
    """Read a number as the map says that numbers are written."""
    if isinstance(value, (bool, int, float, Decimal)):
        return float(value)
    text = str(value).strip()
    if mapped.unit == "percent":
        text = text.removesuffix("%").rstrip()
    if mapped.thousands:
        text = text.replace(mapped.thousands, "")
    if mapped.decimal == ",":
        if "." in text:
            mark = 'for points between thousands, write `thousands = "."` in the map'
            raise _wrong(mapped, f"a point where decimals follow a comma; {mark}")
        text = text.replace(",", ".")
    if NUMBER.fullmatch(text) is None:
        raise _wrong(mapped, f"not a number{_number_hint(str(value))}")
    return float(text)


def _number_hint(text: str) -> str:
    """Say what the map must name for a number in this form, if it is one."""
    text = text.strip()
    if NUMBER.fullmatch(text.removesuffix("%").rstrip().replace(",", ".")):
        if text.endswith("%"):
            return '; for a percent sign, write `unit = "percent"` for its column'
        hint = '; for a decimal comma, write `decimal = ","` in the map'
        between = ', for commas between thousands `thousands = ","`'
        return hint + between * bool(MARKED.fullmatch(text))
    marked = MARKED.fullmatch(text)
    if marked is None or marked["thousands"] == marked["decimal"]:
        return ""
    mark = marked["thousands"]
    needs_comma = mark == "." or marked["decimal"] == ","
    comma = '`decimal = ","` and ' if needs_comma else ""
    hint = "; for marks between thousands, write"
    return f'{hint} {comma}`thousands = "{mark}"` in the map'


def _flag(value: Any, mapped: MappedColumn) -> bool:
    flag = FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise _wrong(mapped, "neither true nor false")
    return flag


def _moment(value: Any, mapped: MappedColumn, zone: ZoneInfo | None) -> datetime:
    moment = _found_moment(value, mapped, zone)
    if not EARLIEST <= moment < LATEST:
        raise _wrong(mapped, f"a time in the year {moment.year}; {HOW}")
    return moment


def _found_moment(value: Any, mapped: MappedColumn, zone: ZoneInfo | None) -> datetime:
    if isinstance(value, datetime):
        return _aware(value, mapped, zone)
    if isinstance(value, date):
        return _aware(datetime(value.year, value.month, value.day), mapped, zone)  # noqa: DTZ001 - the zone follows
    text = str(value).strip()
    if mapped.format is not None:
        return _aware(_in_format(text, mapped.format, mapped), mapped, zone)
    if NUMBER.fullmatch(text):
        return _from_number(text, mapped, zone)
    return _aware(_parsed(text, mapped), mapped, zone)


def _from_number(text: str, mapped: MappedColumn, zone: ZoneInfo | None) -> datetime:
    """Read a number as a time; one whose unit is not plain is refused, never guessed."""
    number = float(text)
    if mapped.unit == EXCEL_DAYS:
        return _aware(_after(EXCEL_EPOCH, number * 86400, mapped), mapped, zone)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    if mapped.unit is not None or mapped.scale != 1.0:
        return _after(epoch, number * mapped.scale, mapped)
    form = COMPACT.get(len(text)) if text.isdigit() else None
    if form is not None and text.startswith(("19", "20")):
        return _aware(_in_format(text, form, mapped), mapped, zone)
    for _, scale in SINCE_1970:
        if FROM_S <= number * scale < TO_S:
            return _after(epoch, number * scale, mapped)
    low, high = EXCEL_RANGE
    if low <= number < high:
        hint = f'a spreadsheet\'s day? write `unit = "{EXCEL_DAYS}"` for its column'
        raise _wrong(mapped, f"not a time; {hint}")
    raise _wrong(mapped, f"not a time; {HOW}")


def _after(epoch: datetime, seconds: float, mapped: MappedColumn) -> datetime:
    try:
        return epoch + timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise _wrong(mapped, f"not a time; {HOW}") from error


def _in_format(text: str, form: str, mapped: MappedColumn) -> datetime:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the map's zone follows
    except ValueError as error:
        raise _wrong(mapped, f"not a time in the form {form}") from error


def _parsed(text: str, mapped: MappedColumn) -> datetime:
    text = text.removesuffix("UTC").rstrip() + ("Z" if text.endswith("UTC") else "")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _wrong(mapped, f"not a time; {HOW}") from error


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
