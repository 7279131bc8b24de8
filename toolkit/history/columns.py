"""Records as DuckDB sees them: columns and types, what is valid, which copy is kept."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from toolkit.history.engine import quoted
from toolkit.records import ENUMS, KINDS, MAX_TEXT, FieldRule, field_rules

__all__ = [
    "COMPLETENESS_SQL",
    "best_copies_sql",
    "column_names",
    "column_types",
    "day_sql",
    "lines_sql",
    "named",
    "parts_sql",
    "valid_sql",
]

COMPLETENESS_SQL = {
    "batch": "((coalesce(succeeded,0)+coalesce(failed,0)+coalesce(cancelled,0))"
    "*1000000+size)*128+(provenance = 'measured')::INT*64"
    "+(turn_id IS NOT NULL)::INT*16+(known_before IS NOT NULL)::INT*8"
    "+(cycle_s IS NOT NULL)::INT+(execution_s IS NOT NULL)::INT"
    "+(turn_s IS NOT NULL)::INT+(previous_id IS NOT NULL)::INT"
    "+(operations_s IS NOT NULL)::INT+(longest_s IS NOT NULL)::INT"
    "+(median_s IS NOT NULL)::INT",
    "coordination": "(outcome <> 'unknown')::INT*4+(provenance = 'measured')::INT*2"
    "+(workflow_id IS NOT NULL)::INT",
    "workflow": "(coalesce(runs_succeeded,0)+coalesce(runs_failed,0)"
    "+coalesce(runs_refused,0))*4"
    "+(makespan_s IS NOT NULL)::INT*2+(outcome <> 'unknown')::INT",
    "load": "0",
    "recovery": "(post_condition IS NOT NULL)::INT*2+(outcome <> 'unknown')::INT",
    "turn": "(coalesce(calls,0)*1000000000+coalesce(output_tokens,0))*4"
    "+(money_usd IS NOT NULL)::INT+(latency_s IS NOT NULL)::INT",
}
"""`Record.completeness` of each kind, as DuckDB sees it; a test holds them together."""

SQL_TYPES = {
    "str": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMPTZ",
    "Mapping[str, float]": "MAP(VARCHAR, DOUBLE)",
    "Mapping[str, str]": "MAP(VARCHAR, VARCHAR)",
    **dict.fromkeys(ENUMS, "VARCHAR"),
}

MAX_LINE_BYTES = 1 << 20
"""Longest line of a spool: forty fields of at most 200 characters need far less."""


def column_names(kind: str) -> list[str]:
    """List the columns of a kind in the order of its fields."""
    return [declared.name for declared in fields(KINDS[kind])]


def column_types(kind: str) -> dict[str, str]:
    """Map the columns of a kind to their DuckDB types."""
    return {rule.name: SQL_TYPES[rule.type_name] for rule in field_rules(KINDS[kind])}


def named(kind: str) -> str:
    """Write the columns of a kind as an SQL list."""
    return ", ".join(f'"{name}"' for name in column_names(kind))


def day_sql(column: str = '"at"') -> str:
    """Write the day in UTC that a row belongs to."""
    return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%d')"


def valid_sql(kind: str) -> str:
    """Write the test that a row has every required field, each within its range."""
    tests = (_valid_field(rule) for rule in field_rules(KINDS[kind]))
    return f"(kind = '{kind}' AND {' AND '.join(filter(None, tests))})"


def lines_sql(files: Sequence[str], kinds: Sequence[str], *, strict: bool) -> str:
    """Write the reading of JSON lines, with the columns of some kinds.

    Parameters
    ----------
    files : sequence of str
    kinds : sequence of str
        Columns of one name have one type in all kinds.
    strict : bool
        Raise at a line that is not readable; otherwise it is left out, and a value of
        a wrong type is missing.
    """
    types = {"kind": "VARCHAR"}
    for kind in kinds:
        types |= column_types(kind)
    columns = ", ".join(f"\"{name}\": '{sql}'" for name, sql in types.items())
    listed = ", ".join(map(quoted, files))
    return (
        f"read_json([{listed}], format='newline_delimited', columns={{{columns}}}, "
        f"ignore_errors={str(not strict).lower()}, "
        f"maximum_object_size={MAX_LINE_BYTES})"
    )


def parts_sql(kind: str, files: Sequence[str]) -> str:
    """Write the reading of part files; a column that an older one lacks is missing."""
    empty = ", ".join(f'NULL::{sql} AS "{n}"' for n, sql in column_types(kind).items())
    if not files:
        return f"(SELECT {empty} LIMIT 0)"
    listed = ", ".join(map(quoted, files))
    return (
        f"(SELECT {named(kind)} FROM ((SELECT {empty} LIMIT 0) UNION ALL BY NAME "  # noqa: S608 - names come from the schema
        f"(SELECT * FROM read_parquet([{listed}], union_by_name=true, "
        "hive_partitioning=false))))"
    )


def best_copies_sql(kind: str, source: str) -> str:
    """Write the choice of one copy of each record: the fullest, else by a total order."""
    return (
        f"(SELECT {named(kind)} FROM (SELECT {named(kind)} FROM {source}) AS r "  # noqa: S608 - names come from the schema
        "QUALIFY row_number() OVER (PARTITION BY record_id "
        f'ORDER BY {COMPLETENESS_SQL[kind]} DESC, "at", r::VARCHAR) = 1)'
    )


def _valid_field(rule: FieldRule) -> str:
    column = f'"{rule.name}"'
    test = _valid_value(rule, column)
    if rule.optional:
        return f"({column} IS NULL OR {test})" if test else ""
    return f"{column} IS NOT NULL" + (f" AND {test}" if test else "")


def _valid_value(rule: FieldRule, column: str) -> str:
    if rule.type_name in ENUMS:
        return f"{column} IN ({', '.join(map(quoted, ENUMS[rule.type_name]))})"
    if rule.type_name == "str":
        return f"length({column}) <= {MAX_TEXT}"
    tests: list[Any] = []
    if rule.type_name == "float":
        tests.append(f"isfinite({column})")
    if math.isfinite(rule.low):
        tests.append(f"{column} >= {rule.low!r}")
    if math.isfinite(rule.high):
        tests.append(f"{column} <= {rule.high!r}")
    return " AND ".join(tests)
