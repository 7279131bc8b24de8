"""What a JSON document may hold: one line a field, checked before anything reads it.

A rule takes a value and the path to it, and raises `SchemaError` unless the value is
what the field may hold. A document's rules are data beside its class, so that a new
field is one more line.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from toolkit.errors import SchemaError
from toolkit.escaping import is_plain

__all__ = [
    "Rule",
    "array",
    "aware_time",
    "flag",
    "mapping",
    "number",
    "one_of",
    "optional",
    "pair",
    "parse",
    "plain_name",
    "section",
    "text",
    "tree",
    "whole",
]

Rule = Callable[[object, str], None]

IDENTIFIER = r"[A-Za-z0-9_][A-Za-z0-9_.:+-]*"
MAX_WHOLE = 2**53
"""Largest whole number that every JSON reader holds exactly."""
MOMENT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
"""The one form of ISO 8601 that is read: any reader can."""


def parse(content: bytes | str) -> object:
    """Parse a document as every JSON reader does: UTF-8, without marks, NaN and infinity.

    Raises
    ------
    ValueError
        It is something else, or nested too deeply.

    Examples
    --------
    >>> parse(b'{"share": 0.5}')
    {'share': 0.5}
    >>> parse("[NaN]")
    Traceback (most recent call last):
    ...
    ValueError: `NaN` is no JSON
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> object:
    raise ValueError(f"`{name}` is no JSON")


def number(low: float = -1e300, high: float = 1e300) -> Rule:
    """Accept a finite number within bounds.

    Examples
    --------
    >>> number(0, 1)(0.5, "share")
    >>> number(0, 1)(7, "share")
    Traceback (most recent call last):
    ...
    toolkit.errors.SchemaError: field `share`: not a number from 0 to 1 (got 7)
    """

    def check(value: object, path: str) -> None:
        wrong = isinstance(value, bool) or not isinstance(value, (int, float))
        if wrong or not low <= value <= high:  # type: ignore[operator]  # a number by now
            raise _refused(f"not a number from {low:g} to {high:g}", path, value)

    return check


def whole(low: int = 0, high: int = MAX_WHOLE) -> Rule:
    """Accept a whole number within bounds; 3.0 is whole."""
    inner = number(low, high)

    def check(value: object, path: str) -> None:
        inner(value, path)
        if not float(value).is_integer():  # type: ignore[arg-type]  # a number by now
            raise _refused("not a whole number", path, value)

    return check


def text(most: int = 200, *, pattern: str | None = None, least: int = 0) -> Rule:
    """Accept a text of printable characters; `pattern` must match all of it."""
    compiled = None if pattern is None else re.compile(pattern)

    def check(value: object, path: str) -> None:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise _refused(f"not a text of {least} to {most} characters", path, value)
        if not is_plain(value):
            raise _refused("holds characters that cannot be printed", path, value)
        if compiled is not None and compiled.fullmatch(value) is None:
            raise _refused("not a name of the expected form", path, value)

    return check


def plain_name(most: int = 100) -> Rule:
    """Accept a name of letters, digits, `_.:+-`."""
    return text(most, pattern=IDENTIFIER, least=1)


def one_of(*known: object) -> Rule:
    """Accept one of some values."""

    def check(value: object, path: str) -> None:
        # In Python true is 1 as well; in JSON it is not.
        if isinstance(value, (list, dict, bool)) or value not in known:
            raise _refused(f"not one of {', '.join(map(str, known))}", path, value)

    return check


def flag(value: object, path: str) -> None:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise _refused("neither true nor false", path, value)


def aware_time(value: object, path: str) -> None:
    """Accept an aware time of the years 2000 to 9000."""
    text_ = value if isinstance(value, str) and re.fullmatch(MOMENT, value) else ""
    try:
        parsed = datetime.fromisoformat(text_)
    except ValueError:
        raise _refused("not a time in ISO 8601", path, value) from None
    if parsed.tzinfo is None or not 2000 <= parsed.year <= 9000:
        raise _refused("not an aware time of the years 2000 to 9000", path, value)


def array(item: Rule, *, most: int, least: int = 0, order: str | None = None) -> Rule:
    """Accept a list of values.

    Parameters
    ----------
    item : Rule
        What each value may be.
    most, least : int
        Bounds on the length.
    order : str, optional
        `ascending` (each above the one before) or `rising` (none below it).
    """

    def check(value: object, path: str) -> None:
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            raise _refused(f"not a list of {least} to {most} values", path, value)
        for place, each in enumerate(value):
            item(each, f"{path}[{place}]")
        if order is not None and not _ordered(value, strict=order == "ascending"):
            raise _refused(f"its values are not {order}", path, value)

    return check


def pair(first: Rule, second: Rule, *, rising: bool = False) -> Rule:
    """Accept a list of two values; `rising` asks that the first is not the larger."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise _refused("not a list of two values", path, value)
        first(value[0], f"{path}[0]")
        second(value[1], f"{path}[1]")
        if rising and value[0] > value[1]:
            raise _refused("its first value is above its second", path, value)

    return check


def mapping(key: Rule, item: Rule, *, most: int) -> Rule:
    """Accept an object whose names are data."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, Mapping) or len(value) > most:
            raise _refused(f"not an object of at most {most} fields", path, value)
        for name, each in value.items():
            key(name, path)
            item(each, f"{path}.{name}")

    return check


def optional(rule: Rule) -> Rule:
    """Accept null, or what the rule accepts."""

    def check(value: object, path: str) -> None:
        if value is not None:
            rule(value, path)

    return check


def section(
    fields: Mapping[str, Rule],
    *,
    may: Mapping[str, Rule] | None = None,
    others: Rule | None = None,
) -> Rule:
    """Accept an object with known fields.

    Parameters
    ----------
    fields : mapping of str to Rule
        Fields that must be there.
    may : mapping of str to Rule, optional
        Fields that may be missing.
    others : Rule, optional
        What any other field may hold; without it another field is refused.

    Examples
    --------
    >>> rule = section({"share": number(0, 1)}, may={"note": text(20)})
    >>> rule({"share": 0.3}, "doc")
    >>> rule({"share": 0.3, "notes": ""}, "doc")
    Traceback (most recent call last):
    ...
    toolkit.errors.SchemaError: field `doc.notes`: unknown field (got '')
    """
    known = {**fields, **(may or {})}

    def check(value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _refused("not an object", path, value)
        for name in fields:
            if name not in value:
                raise SchemaError("is missing", field=_below(path, name))
        for name, each in value.items():
            rule = known.get(name, others)
            if rule is None:
                raise _refused("unknown field", _below(path, str(name)), each)
            rule(each, _below(path, str(name)))

    return check


def tree(*, most: int = 4000, depth: int = 6, longest: int = 400) -> Rule:
    """Accept any JSON value of bounded size with finite numbers and printable texts."""
    leaf_text = text(longest)

    def count(value: object, path: str, left: int) -> int:
        if isinstance(value, str):
            leaf_text(value, path)
            return 1
        if value is None or isinstance(value, bool):
            return 1
        if isinstance(value, (int, float)):
            number()(value, path)
            return 1
        if left == 0 or not isinstance(value, (Mapping, list, tuple)):
            raise _refused("nested too deeply", path, value)
        if isinstance(value, Mapping):
            for name in value:
                leaf_text(name, path)
            value = list(value.values())
        return 1 + sum(count(each, path, left - 1) for each in value)

    def check(value: object, path: str) -> None:
        if count(value, path, depth) > most:
            raise _refused(f"holds more than {most} values", path, None)

    return check


def _ordered(values: Sequence[float], *, strict: bool) -> bool:
    return all(a < b if strict else a <= b for a, b in pairwise(values))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refused(problem: str, path: str, value: object) -> SchemaError:
    shown = (
        value if not isinstance(value, float) or math.isfinite(value) else str(value)
    )
    return SchemaError(problem, field=path[:200], got=shown)
