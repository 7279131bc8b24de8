"""TOML files that one declaration reads, checks and describes to editors."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import InputDataError, ManyProblemsError
from toolkit.records import read_given

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["declared_schema", "read_declared"]

Shape = TypeVar("Shape")

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PROBLEMS = {
    "missing": "missing",
    "unexpected_keyword_argument": "unknown field",
    "extra_forbidden": "unknown field",
    "literal_error": "unknown value",
    "int_type": "not a whole number",
    "float_type": "not a number",
    "finite_number": "not a finite number",
    "string_type": "not a text",
    "tuple_type": "not a list",
    "dict_type": "not a TOML table",
    "model_type": "not a TOML table",
    "dataclass_type": "not a TOML table",
}
"""What a problem is called, by pydantic's name of it; of any other its own message."""

FIXES = {
    "missing": "add the field",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "string_type": "write a text, in quotes",
    "tuple_type": "write a list: [...]",
    "dict_type": "write a table: {...}",
    "model_type": "write a table: {...}",
    "dataclass_type": "write a table: {...}",
}

UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
FIELD = re.compile(r"\s*([\w.\"'-]+)\s*=")


def read_declared(
    path: Path, shape: Callable[[Mapping[str, Any]], type[Shape]], *, fix: str
) -> Shape:
    """Read a TOML file as its declaration says.

    Parameters
    ----------
    path : path
        A TOML file.
    shape : callable
        Gives the declaration, a dataclass or a model of pydantic, for the content.
    fix : str
        What to do where the file cannot be read.

    Returns
    -------
    object
        Of that shape.

    Raises
    ------
    InputDataError
        Not readable, not TOML, or with a problem: its line and field, what was got and
        what to write. With several problems it is a `ManyProblemsError` of them all.
    """
    from pydantic import ValidationError

    try:
        text = read_given(path).decode("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputDataError(reason, file=path, fix=fix) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputDataError(f"not TOML: {error}", file=path) from error
    try:
        declaration: Any = shape(table)
    except InputDataError as error:
        raise InputDataError(
            error.problem,
            file=path,
            line=_line(text, [error.field or ""]),
            field=error.field,
            got=error.got,
            fix=error.fix,
        ) from None
    try:
        made: Shape = _adapter(declaration).validate_python(table)
    except ValidationError as error:
        schema = _adapter(declaration).json_schema()
        found = error.errors(include_url=False)
        problems = [_problem(path, text, schema, each) for each in found]
        raise ManyProblemsError.of(problems) from error
    return made


def declared_schema(shape: Any, *, title: str) -> dict[str, Any]:
    """Build the JSON Schema (draft 2020-12) of a declaration.

    Parameters
    ----------
    shape : type
        A dataclass or a model of pydantic, or a union of them.
    title : str

    Returns
    -------
    dict
    """
    return {"$schema": DIALECT, **_adapter(shape).json_schema(), "title": title}


@cache
def _adapter(shape: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(shape)


def _problem(
    path: Path, text: str, schema: Mapping[str, Any], found: Mapping[str, Any]
) -> InputDataError:
    """Say in our words what pydantic found."""
    kind, context = found["type"], found.get("ctx", {})
    place = [str(part) for part in found["loc"] if part != "[key]"]
    here = _part(schema, place)
    problem = PROBLEMS.get(kind, found["msg"])
    fix = context.get("fix", FIXES.get(kind, f"edit {path.name}"))
    if {"minimum", "maximum"} <= here.keys() and kind.endswith("than_equal"):
        problem = f"outside {here['minimum']:g} to {here['maximum']:g}"
        fix = "write a number within"
    elif "[key]" in found["loc"]:
        names = _part(schema, place[:-1]).get("propertyNames", {}).get("enum", [])
        problem, fix = "unknown field", _known(place[-1], names)
    elif kind in UNKNOWN:
        fix = _known(place[-1], list(_part(schema, place[:-1]).get("properties", {})))
    elif kind == "literal_error" and "enum" in here:
        fix = _known(str(found["input"]), list(map(str, here["enum"])))
    return InputDataError(
        problem,
        file=path,
        line=_line(text, place),
        field=".".join(place) or None,
        got=None if problem in ("missing", "unknown field") else found["input"],
        fix=fix,
    )


def _known(got: str, known: Sequence[str]) -> str:
    near = get_close_matches(got, known, n=1, cutoff=0.5)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return f"known are {', '.join(known)}{hint}"


def _part(schema: Mapping[str, Any], place: Sequence[str]) -> Mapping[str, Any]:
    """Follow a place through a JSON Schema; empty where it leads nowhere."""
    here = _resolved(schema, schema)
    for name in place:
        below = here.get("properties", {}).get(name, here.get("additionalProperties"))
        if not isinstance(below, Mapping):
            return {}
        here = _resolved(schema, below)
    return here


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and of a choice take the one that is an object."""
    while True:
        if "anyOf" in part:
            part = next((p for p in part["anyOf"] if "$ref" in p), part["anyOf"][0])
        elif "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        else:
            return part


def _line(text: str, place: Sequence[str]) -> int | None:
    """Find the line of a field, or of the nearest table that it would stand in."""
    best, depth, table = None, 0, ()  # type: int | None, int, tuple[str, ...]
    for number, line in enumerate(text.splitlines(), start=1):
        if header := TABLE.fullmatch(line):
            table = _keys(header[1])
            here = table
        elif field := FIELD.match(line):
            here = (*table, *_keys(field[1]))
        else:
            continue
        if len(here) > depth and tuple(place[: len(here)]) == here:
            best, depth = number, len(here)
    return best


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(key.strip().strip("\"'") for key in dotted.split("."))
