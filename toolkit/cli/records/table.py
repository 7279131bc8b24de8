"""`toolkit records import table`: a map suggested, tried, and used."""

import argparse
from typing import TYPE_CHECKING, Any

from toolkit.cli.output import print_json, print_note, print_table, print_text
from toolkit.cli.places import local
from toolkit.errors import InputDataError, UsageError

if TYPE_CHECKING:
    from toolkit.history.importers.table import TableCheck

__all__ = ["add_table_options", "prepare"]

HIDDEN = ("kind", "record_id", "source", "provenance")
"""Fields that say nothing about how a row was read."""


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add what only the import of a table has."""
    parser.add_argument("--map", type=local, help="TOML file that maps columns")
    parser.add_argument(
        "--suggest",
        type=local,
        metavar="FILE",
        help="print a map for a table, with what is recognised in it, and import nothing",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show ten rows as they would be stored and all problems, and store nothing",
    )
    parser.add_argument(
        "--schema",
        action="store_true",
        help="print the JSON Schema of a map, for editors",
    )


def prepare(options: argparse.Namespace) -> int | None:
    """Do what needs no store; `None` where the table is to be imported.

    Raises
    ------
    UsageError
        A file or the map is not given.
    InputDataError
        Nothing in the tables could be imported.
    """
    if options.schema:
        from toolkit.history.importers.table import map_schema

        print_json(map_schema())
        return 0
    if options.suggest is not None:
        from toolkit.history.importers.table import suggest_map

        print_text(suggest_map(options.suggest).rstrip("\n"))
        return 0
    if options.map is None or not options.paths:
        raise UsageError(
            "give the table and its `--map`; `toolkit records import table --suggest "
            "FILE` writes one"
        )
    if options.dry_run:
        return _try(options)
    return None


def _try(options: argparse.Namespace) -> int:
    from toolkit.history.importers.table import check_tables

    found = check_tables(options.map, options.paths)
    if options.json:
        print_json(found.to_json())
    else:
        _print(found)
    if not found.usable:
        raise InputDataError(
            f"none of {found.rows} rows could be imported",
            file=options.paths[0] if len(options.paths) == 1 else None,
            fix=f"correct {options.map}",
        )
    return 0


def _print(found: "TableCheck") -> None:
    rows = [_flat(row) for row in found.first]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if rows:
        print_table(names, [[row.get(name, "") for name in names] for row in rows])
    if found.problems:
        print_text()
        print_table(
            ["problem", "rows", "first in", "line"],
            [
                [
                    problem.reason,
                    problem.rows or "all",
                    problem.file.name,
                    "" if problem.line is None else problem.line,
                ]
                for problem in found.problems
            ],
        )
    print_note(
        f"{found.usable} of {found.rows} rows would be imported; none was stored"
    )


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Give each declared column a separate column."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in HIDDEN:
            continue
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat
