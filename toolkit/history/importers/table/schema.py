"""The JSON Schema of a map, with which editors complete and check it while it is typed."""

from typing import Any

from toolkit.history.importers.table.map import (
    CONTEXT_FIELDS,
    EXCEL_DAYS,
    PARTS,
    THOUSANDS,
    UNITS,
)
from toolkit.records import KINDS, field_rules

__all__ = ["map_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ABOUT = {
    "kind": "what a row is",
    "source": "becomes the source of every record",
    "identity": "columns that together name a row; without it, all that is mapped does",
    "zone": "of times that carry none, for instance Europe/Berlin",
    "columns": "the column of each field",
    "constants": "fields with the same value in every row",
    "context": "declared columns: one with a unit holds numbers, one without categories",
    "encoding": "of CSV files: utf-8, utf-16, cp1252, ...",
    "delimiter": "of CSV files; the one that occurs most in the header, unless given",
    "decimal": "what stands before decimals",
    "thousands": "what stands between thousands",
}


def map_schema() -> dict[str, Any]:
    """Build the JSON Schema of a map (draft 2020-12).

    Returns
    -------
    dict

    Examples
    --------
    >>> map_schema()["required"]
    ['kind', 'columns']
    """
    text: dict[str, Any] = {"type": "string"}
    column = {"$ref": "#/$defs/column"}
    shapes: dict[str, dict[str, Any]] = {
        "kind": {"enum": list(KINDS)},
        "identity": {"type": "array", "items": text},
        "columns": {"type": "object", "additionalProperties": column},
        "context": {"type": "object", "additionalProperties": column},
        "constants": {"type": "object"},
        "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
        "decimal": {"enum": [".", ","]},
        "thousands": {"enum": ["", *THOUSANDS]},
    }
    return {
        "$schema": DIALECT,
        "title": "Map from a table's columns to the fields of records",
        "type": "object",
        "required": ["kind", "columns"],
        "additionalProperties": False,
        "properties": {
            name: {"description": ABOUT[name], **shapes.get(name, text)}
            for name in sorted(PARTS)
        },
        "allOf": [_of_kind(kind) for kind in KINDS],
        "$defs": {"column": _column()},
    }


def _of_kind(kind: str) -> dict[str, Any]:
    """Allow the fields of one kind."""
    names = [rule.name for rule in field_rules(KINDS[kind])]
    fields = {"propertyNames": {"enum": [n for n in names if n not in CONTEXT_FIELDS]}}
    return {
        "if": {"properties": {"kind": {"const": kind}}},
        "then": {"properties": {"columns": fields, "constants": fields}},
    }


def _column() -> dict[str, Any]:
    return {
        "description": "name of the column, or how its values are read",
        "oneOf": [
            {"type": "string"},
            {
                "type": "object",
                "required": ["column"],
                "additionalProperties": False,
                "properties": {
                    "column": {"type": "string"},
                    "unit": {"enum": [*UNITS, EXCEL_DAYS]},
                    "scale": {"type": "number"},
                    "missing": {"type": "array"},
                    "values": {"type": "object"},
                    "format": {"type": "string"},
                },
            },
        ],
    }
