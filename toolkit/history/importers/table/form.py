"""What a map may say: one declaration that checks it and is its JSON Schema."""

import operator
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from functools import cache, reduce
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from toolkit.declaration import declared_schema
from toolkit.errors import InputDataError
from toolkit.records import KINDS, Record, field_rules

__all__ = ["EXCEL_DAYS", "UNITS", "MapForm", "MappedColumn", "form_of", "map_schema"]

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
    decimal : str
        What stands before decimals; empty where the map does not say, and then a point.
    thousands : str
        What stands between thousands.
    """

    column: str
    scale: float = 1.0
    unit: str | None = None
    format: str | None = None
    decimal: str = ""
    thousands: str = ""
    missing: tuple[str, ...] = ()
    values: Mapping[str, Any] | None = None


def _as_column(given: Any) -> Any:
    if not isinstance(given, (str, dict)):
        raise _wrong("names no column", "write the column's name, in quotes")
    return {"column": given} if isinstance(given, str) else given


def _texts(given: Any) -> Any:
    return list(map(str, given)) if isinstance(given, list) else given


class _Form(BaseModel):
    """A table of a map, of which nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnForm(_Form):
    """How the values of a column are read."""

    column: Annotated[str, Field(description="its name in the table")]
    unit: Annotated[
        Literal[(*UNITS, EXCEL_DAYS)] | None,  # type: ignore[valid-type] # one of a table
        Field(description="of its numbers, or of its times"),
    ] = None
    scale: Annotated[
        float, Field(strict=True, description="what its numbers are multiplied by")
    ] = 1.0
    missing: Annotated[
        tuple[str, ...],
        BeforeValidator(_texts, json_schema_input_type=list[Any]),
        Field(description="values that mean that nothing is known"),
    ] = ()
    values: Annotated[
        dict[str, Any] | None, Field(description="what its values stand for")
    ] = None
    format: Annotated[
        str | None, Field(description="of times, in the letters of strptime")
    ] = None


Mapped = Annotated[
    ColumnForm, BeforeValidator(_as_column, json_schema_input_type=str | ColumnForm)
]


def _encoding(name: str) -> str:
    fix = "write utf-8, utf-16 or cp1252"
    try:
        "".encode(name)  # refuses what is no encoding of texts, as base64
    except (LookupError, ValueError) as error:
        raise _wrong("unknown encoding", fix) from error
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise _wrong("not a time zone", "for instance `Europe/Berlin`") from error
    return name


class MapForm(_Form):
    """A map as it is written, of one kind of record."""

    record_class: ClassVar[type[Record]] = Record

    source: Annotated[str, Field(description="becomes the source of every record")] = (
        "table"
    )
    identity: Annotated[
        tuple[str, ...],
        BeforeValidator(_texts, json_schema_input_type=list[str]),
        Field(
            description="columns that together name a row; without it, all that is mapped "
            "does"
        ),
    ] = ()
    zone: Annotated[
        str | None,
        AfterValidator(lambda name: name if name is None else _zone(name)),
        Field(description="of times that carry none, for instance Europe/Berlin"),
    ] = None
    encoding: Annotated[
        str,
        AfterValidator(_encoding),
        Field(description="of CSV files: utf-8, utf-16, cp1252, ..."),
    ] = "utf-8"
    delimiter: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1,
            description="of CSV files; the one that occurs most in the header, unless "
            "given",
        ),
    ] = None
    decimal: Annotated[
        Literal[".", ","], Field(description="what stands before decimals")
    ] = "."
    thousands: Annotated[
        Literal[("", *THOUSANDS)],  # type: ignore[valid-type] # one of a table
        Field(description="what stands between thousands"),
    ] = ""
    columns: Annotated[
        dict[str, Mapped], Field(min_length=1, description="the column of each field")
    ]
    constants: Annotated[
        dict[str, Any], Field(description="fields with the same value in every row")
    ] = {}
    context: Annotated[
        dict[str, Mapped],
        Field(
            description="declared columns: one with a unit holds numbers, one without "
            "categories"
        ),
    ] = {}

    def mapped(self, columns: Mapping[str, ColumnForm]) -> dict[str, MappedColumn]:
        """Give columns as an import reads them, with the marks of the map."""
        return {
            name: MappedColumn(
                column=each.column,
                scale=each.scale * UNITS.get(each.unit or "", 1.0),
                unit=each.unit,
                format=each.format,
                missing=each.missing,
                values=each.values,
                decimal=self.decimal if "decimal" in self.model_fields_set else "",
                thousands=self.thousands,
            )
            for name, each in columns.items()
        }

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Check parts against each other, and name their problems beside those of fields.

        Raises
        ------
        ValidationError
        """
        found: list[InitErrorDetails] = []
        made = None
        try:
            made = handler(given)
        except ValidationError as error:
            found += [
                InitErrorDetails(
                    type=PydanticCustomError(
                        each["type"], _escaped(each["msg"]), each.get("ctx", {})
                    ),
                    loc=each["loc"],
                    input=each["input"],
                )
                for each in error.errors(include_url=False)
            ]
        if isinstance(given, dict):
            found += [*_missing(cls, given), *_context(cls.record_class, given)]
            if (mark := given.get("thousands")) and mark == given.get("decimal", "."):
                found.append(
                    _at(("thousands",), mark, "stands before decimals", "write another")
                )
        if found or made is None:
            raise ValidationError.from_exception_data("map", found)
        return made


def _escaped(text: str) -> str:
    """Keep braces of a message from being read as its fields."""
    return text.replace("{", "(").replace("}", ")")


def _wrong(problem: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("map", "{problem}", {"problem": problem, "fix": fix})


def _at(loc: tuple[str, ...], got: object, problem: str, fix: str) -> InitErrorDetails:
    return InitErrorDetails(type=_wrong(problem, fix), loc=loc, input=got)


def _missing(form: type[MapForm], given: Mapping[str, Any]) -> list[InitErrorDetails]:
    """Name the fields that every record has and that come from nowhere."""
    written = [given.get(part) for part in ("columns", "constants")]
    known = {"record_id", "source", "provenance"}
    known |= {name for part in written if isinstance(part, dict) for name in part}
    return [
        _at(
            ("columns", rule.name),
            None,
            f"every {form.record_class.kind} has it",
            "map a column or write a constant",
        )
        for rule in field_rules(form.record_class)
        if not rule.optional
        and rule.name not in known
        and form.record_class.__dataclass_fields__[rule.name].default is MISSING
    ]


def _context(
    record_class: type[Record], given: Mapping[str, Any]
) -> list[InitErrorDetails]:
    """Check the names of declared columns, which no column of ours may have."""
    context = given.get("context")
    if not isinstance(context, dict) or not context:
        return []
    fields = {rule.name for rule in field_rules(record_class)}
    if not set(CONTEXT_FIELDS) <= fields:
        problem = f"a {record_class.kind} has no declared columns"
        return [_at(("context",), None, problem, "leave the section out")]
    found = []
    for name, written in context.items():
        unit = written.get("unit") if isinstance(written, dict) else None
        ending = ENDINGS.get(str(unit))
        taken = name in fields or name in RESERVED or name.startswith("recent_")
        if not name.isidentifier():
            problem, fix = "not the name of a column", "letters, digits, underscores"
        elif taken:
            problem, fix = f"`{name}` is a column already", "call this one otherwise"
        elif ending and not name.endswith(ending):
            problem = f"stored in {SI[ending]}, which its name says"
            fix = f"write `{name}{ending}`"
        else:
            continue
        found.append(_at(("context", name), None, problem, fix))
    return found


@cache
def _form(kind: str) -> type[MapForm]:
    """Declare the maps of one kind, whose fields are those of its records."""
    names = [rule.name for rule in field_rules(KINDS[kind])]
    mappable = Literal[tuple(n for n in names if n not in CONTEXT_FIELDS)]  # type: ignore[valid-type] # of a table
    base: Any = MapForm.model_fields
    fields: dict[str, Any] = {
        "kind": Annotated[Literal[kind], Field(description="what a row is")],
        "columns": Annotated[dict[mappable, Mapped], base["columns"]],  # type: ignore[valid-type] # of a table
        "constants": (Annotated[dict[mappable, Any], base["constants"]], {}),  # type: ignore[valid-type] # of a table
    }
    made: type[MapForm] = create_model(f"map of a {kind}", __base__=MapForm, **fields)
    made.record_class = KINDS[kind]
    return made


def form_of(table: Mapping[str, Any]) -> type[MapForm]:
    """Choose the declaration of a map by its kind.

    Raises
    ------
    InputDataError
        There is no such kind of record.
    """
    kind = table.get("kind")
    if kind not in KINDS:
        raise InputDataError(
            "no kind of record" if kind else "missing",
            field="kind",
            got=kind,
            fix=f"write one of {', '.join(KINDS)}",
        )
    return _form(kind)


def map_schema() -> dict[str, Any]:
    """Build the JSON Schema of a map (draft 2020-12), for editors.

    Returns
    -------
    dict

    Examples
    --------
    >>> sorted(map_schema()["discriminator"]["mapping"])[:2]
    ['batch', 'coordination']
    """
    forms = reduce(operator.or_, map(_form, KINDS))
    return declared_schema(
        Annotated[forms, Field(discriminator="kind")],
        title="Map from a table's columns to the fields of records",
    )
