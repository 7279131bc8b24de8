"""Types and ranges of a record's fields, and the functions that check them.

A record class declares a field's range beside the field (`bounded`, `required`). Here the
declarations become rules, and the rules one compiled function for each class.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from toolkit.errors import SchemaError
from toolkit.escaping import is_plain
from toolkit.records.codegen import compile_check, compile_known, compile_row

if TYPE_CHECKING:
    from toolkit.records.schema.base import Record

__all__ = [
    "ENUMS",
    "MAX_TEXT",
    "FieldRule",
    "Layout",
    "Outcome",
    "Provenance",
    "Served",
    "Timing",
    "bounded",
    "counted",
    "field_rules",
    "layout_of",
    "required",
]

MAX_TEXT = 200
"""Longest string a record may hold: identifiers are short, texts are not stored."""

MAX_INT = 2**63 - 1
"""Largest whole number that JSON readers and Parquet files hold."""

MOST: Mapping[str, float] = {"int": 2**60, "float": 1e15}
"""Largest numbers of fields that state no range: sums over a history stay finite."""

MAX_COUNT = 10**9
"""Largest count of calls, runs or characters in one row."""

MAX_CONTEXT = 32
"""Most declared context columns of one row."""


class Provenance(StrEnum):
    """How a row came to be known; *suspect* and *simulated* rows train nothing."""

    MEASURED = "measured"
    DERIVED = "derived"
    DECLARED = "declared"
    SUSPECT = "suspect"
    SIMULATED = "simulated"


class Outcome(StrEnum):
    """How an event, a workflow or a recovery ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Served(StrEnum):
    """What became of a decision.

    *Advised*: given to the agent, which followed it. *Explored*: the same, and the size
    was drawn by chance. *Declined*: given, and the agent chose otherwise. *Shadow*:
    computed, and not given to the agent.
    """

    ADVISED = "advised"
    EXPLORED = "explored"
    DECLINED = "declined"
    SHADOW = "shadow"


class Timing(StrEnum):
    """Whose times a source records: each call's own, or the batch's as a whole."""

    CALL = "call"
    BATCH = "batch"


ENUMS: Mapping[str, type[StrEnum]] = {
    cls.__name__: cls for cls in (Outcome, Provenance, Served, Timing)
}
"""Classes of the fields that hold one of a few words, by name."""

NUMBERS = "Mapping[str, float]"
CATEGORIES = "Mapping[str, str]"

_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (float, int),
    "bool": bool,
    "datetime": datetime,
    NUMBERS: dict,
    CATEGORIES: dict,
    **ENUMS,
}

MOST_CHECKED = 2000

_CHECKED: set[str] = set()
"""Texts that have been found to be in order: names of models, projects, operations and
sessions stand in thousands of rows. Ids of single events do not, and are looked at each
time."""

_OWN_IDS = frozenset(
    ("record_id", "turn_id", "previous_id", "batch_id", "context_id", "healing_id")
)
"""Fields that name one event."""

_TEST_NAMES: Mapping[str, Any] = {
    **ENUMS,
    "datetime": datetime,
    "UTC": UTC,
    "checked": _CHECKED,
}
"""What the expressions of `FieldRule.quick_test` refer to."""


def bounded(low: float, high: float = math.inf) -> Any:
    """Declare the range of a numeric field that may be unknown."""
    return field(default=None, metadata={"low": low, "high": high})


def counted(high: float = MAX_COUNT) -> Any:
    """Declare a count that may be unknown; it is bounded, so that sums do not overflow."""
    return bounded(0, high)


def required(low: float, high: float = math.inf) -> Any:
    """Declare the range of a numeric field that every row has."""
    return field(metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Type and range of one field, read from its declaration."""

    name: str
    type_name: str
    optional: bool
    low: float
    high: float

    def check(self, value: object) -> None:
        """Raise `SchemaError` unless the value has this field's type and range.

        Parameters
        ----------
        value : object
            Not `None`.

        Raises
        ------
        SchemaError
            Of another type or outside the range; names the field.
        """
        accepted = _PYTHON_TYPES[self.type_name]
        if isinstance(value, bool) and self.type_name != "bool":
            raise self._wrong(value)
        if not isinstance(value, accepted):
            raise self._wrong(value)
        if isinstance(value, str):
            _check_text(self.name, value)
        if isinstance(value, dict):
            self._check_context(value)
        if isinstance(value, datetime) and value.utcoffset() != timedelta(0):
            raise SchemaError(
                "not an aware time in UTC", field=self.name, got=value.isoformat()
            )
        if isinstance(value, int) and abs(value) > MAX_INT:
            raise SchemaError("does not fit in 64 bits", field=self.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise SchemaError("not a finite number", field=self.name, got=value)
        if isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise SchemaError(
                f"outside {self.low:g} to {self.high:g}", field=self.name, got=value
            )

    def look(self, value: Any) -> None:
        """Check a value that failed the quick test, `None` included.

        Parameters
        ----------
        value : object

        Raises
        ------
        SchemaError
            Missing, of another type, or outside the range.
        """
        if value is None:
            raise SchemaError("missing", field=self.name, fix="give a value")
        self.check(value)
        if value.__class__ is str:
            if len(_CHECKED) >= MOST_CHECKED:
                _CHECKED.clear()
            _CHECKED.add(value)

    def quick_test(self, value: str) -> str:
        """Write the test of a variable that is true where `look` must decide.

        Parameters
        ----------
        value : str
            Name of the variable.

        Returns
        -------
        str
            A Python expression over that name and `checked`.
        """
        if self.type_name == "str" and self.name not in _OWN_IDS:
            return f"{value}.__class__ is not str or {value} not in checked"
        if self.type_name == "str":
            return (
                f"{value}.__class__ is not str or len({value}) > {MAX_TEXT} "
                f"or not {value}.isascii() or not {value}.isprintable()"
            )
        if self.type_name in ("int", "float"):
            most = MAX_INT if self.type_name == "int" else sys.float_info.max
            kind = int if self.type_name == "int" else float  # like compares quickly
            low, high = kind(max(self.low, -most)), kind(min(self.high, most))
            return (
                f"{value}.__class__ is not {self.type_name} "
                f"or not {low!r} <= {value} <= {high!r}"
            )
        if self.type_name == "datetime":
            return f"{value}.__class__ is not datetime or {value}.tzinfo is not UTC"
        if self.type_name in (NUMBERS, CATEGORIES):
            return "True"
        return f"{value}.__class__ is not {self.type_name}"

    def decode(self, value: Any) -> Any:
        """Turn a JSON value into the field's type, where JSON has none for it.

        Parameters
        ----------
        value : object
            As JSON gives it.

        Returns
        -------
        object
            A time or a member of an enumeration; anything else as it came.

        Raises
        ------
        SchemaError
            A text that is no time, or no member.
        """
        if self.type_name == "datetime" and isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError as error:
                raise SchemaError("not a time", field=self.name, got=value) from error
        if self.type_name in ENUMS and isinstance(value, str):
            try:
                return ENUMS[self.type_name](value)
            except ValueError as error:
                known = ", ".join(ENUMS[self.type_name])
                raise SchemaError(
                    "unknown value", field=self.name, got=value, fix=f"known: {known}"
                ) from error
        return value

    def _check_context(self, columns: dict[Any, Any]) -> None:
        """Check declared context columns: few, named like identifiers, one type."""
        if len(columns) > MAX_CONTEXT:
            raise SchemaError(f"more than {MAX_CONTEXT} columns", field=self.name)
        for name, value in columns.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise SchemaError(
                    "not the name of a column", field=self.name, got=str(name)
                )
            place = f"{self.name}.{name}"
            if self.type_name == CATEGORIES:
                if not isinstance(value, str):
                    raise SchemaError("not a category", field=place, got=value)
                _check_text(place, value)
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise SchemaError("not a number", field=place, got=value)
            elif not math.isfinite(value):
                raise SchemaError("not a finite number", field=place, got=value)

    def _wrong(self, value: object) -> SchemaError:
        return SchemaError(
            f"not of type {self.type_name}",
            field=self.name,
            got=value,
        )


def _check_text(name: str, value: str) -> None:
    if len(value) > MAX_TEXT:
        raise SchemaError(
            f"longer than {MAX_TEXT} characters",
            field=name,
            got=value,
            fix="records hold identifiers, not texts",
        )
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise SchemaError("holds half a character", field=name)
    if not is_plain(value):
        raise SchemaError("holds characters that cannot be printed", field=name)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is made once of a record class's fields, so that a row takes microseconds.

    Attributes
    ----------
    check : callable
        Raises `SchemaError` for a record with a field outside its type or range.
    known : callable
        Gives a record's kind and its known fields, in order.
    row : callable
        Checks fields given by name, and gives what `known` would.
    times : tuple of str
        Names of the fields that hold a time.
    """

    check: Callable[[Any], None]
    known: Callable[[Any], dict[str, Any]]
    row: Callable[..., dict[str, Any]]
    times: tuple[str, ...]


_LAYOUTS: dict[type["Record"], Layout] = {}


def layout_of(cls: type["Record"]) -> Layout:
    """Compile the functions of a record class when they are first needed."""
    layout = _LAYOUTS.get(cls)
    if layout is None:
        rules = field_rules(cls)
        layout = _LAYOUTS[cls] = Layout(
            check=compile_check(rules, _TEST_NAMES),
            known=compile_known(rules),
            row=compile_row(cls.kind, rules, _defaults(cls), _TEST_NAMES),
            times=tuple(rule.name for rule in rules if rule.type_name == "datetime"),
        )
    return layout


def _defaults(cls: type["Record"]) -> dict[str, Any]:
    return {f.name: f.default for f in fields(cls) if f.default is not MISSING}


_RULES: dict[str, tuple[FieldRule, ...]] = {}


def field_rules(cls: type["Record"]) -> tuple[FieldRule, ...]:
    """Read the type and range of every field of a record class, once a class.

    Returns
    -------
    tuple of FieldRule
        In declared order.
    """
    if cls.kind not in _RULES:
        _RULES[cls.kind] = tuple(map(_field_rule, fields(cls)))
    return _RULES[cls.kind]


def _field_rule(declared: Field[Any]) -> FieldRule:
    text = str(getattr(declared.type, "__name__", declared.type))
    if "|" in str(declared.type):
        text = str(declared.type)
    parts = [part.strip().rsplit(".", 1)[-1] for part in text.split("|")]
    type_name = next(part for part in parts if part != "None")
    return FieldRule(
        name=declared.name,
        type_name=type_name,
        optional="None" in parts,
        low=declared.metadata.get("low", -math.inf),
        high=min(declared.metadata.get("high", math.inf), MOST[type_name])
        if type_name in MOST
        else math.inf,
    )
