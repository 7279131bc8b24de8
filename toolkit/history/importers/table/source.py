"""Tables of any origin: CSV, JSON lines or Parquet, and a map of their columns.

The map is TOML; it says what a row is and which column holds what::

    kind = "batch"                # or coordination, workflow, load, recovery
    identity = ["run", "step"]    # columns that tell rows apart
    zone = "Europe/Berlin"        # of times that carry none; without it they are refused

    [columns]
    at = "started"                                  # a column's name, or more:
    cycle_s = { column = "cycle_ms", unit = "ms" }
    size = "n"
    load_cpu = { column = "cpu", unit = "percent" }

    [constants]
    operation_type = "fileOperations"
    provenance = "declared"

How numbers and texts are written is said once for the whole table, and how times are
written beside their column::

    encoding = "cp1252"           # or utf-16; without it a CSV file is UTF-8
    delimiter = ";"               # without it, the one that the header has most of
    decimal = ","
    thousands = "."

    [columns]
    at = { column = "Beginn", format = "%d.%m.%Y %H:%M" }
    cycle_s = { column = "Dauer", unit = "s" }
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.lines import UnreadableLineError, reason_of
from toolkit.history.importers.table.cells import read_cell
from toolkit.history.importers.table.form import MappedColumn
from toolkit.history.importers.table.map import read_map
from toolkit.history.importers.table.occurrences import Occurrences
from toolkit.history.importers.table.rows import SUFFIXES, Rows, read_table
from toolkit.records import FieldRule, Record, record_id

__all__ = ["TableSource"]

NUMBER = FieldRule("number", "float", optional=True, low=-math.inf, high=math.inf)
CATEGORY = FieldRule("category", "str", optional=True, low=-math.inf, high=math.inf)
"""What a declared column may hold."""

COLUMN_NAME = re.compile(r"[\w.%/-]{1,40}")
SHOWN_COLUMNS = 20
"""Columns that a refusal lists: beyond it the line is rather data than a header."""


class TableSource:
    """Rows of a table, each one record of the kind that the map names.

    Parameters
    ----------
    map_path : path
        The TOML map.

    Raises
    ------
    InputDataError
        The map cannot be read, or names what there is not.
    """

    name = "table"

    def __init__(self, map_path: Path) -> None:
        self.map = read_map(map_path)

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find tables by their suffix; a file that is named is taken as it is."""
        return find_files(paths, lambda path: path.name.lower().endswith(SUFFIXES))

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one table; a row that breaks the schema is rejected, the rest is kept.

        Raises
        ------
        InputDataError
            The format is unknown, or the table lacks a column that the map names.
        """
        columns, rows = read_table(
            path, encoding=self.map.encoding, delimiter=self.map.delimiter
        )
        self.check_columns(columns, path)
        with closing(Occurrences()) as seen:
            self._read_rows(path, rows, seen, sink)

    def _read_rows(
        self, path: Path, rows: Rows, seen: Occurrences, sink: ImportSink
    ) -> None:
        for number, row in rows:
            sink.read(1)
            try:
                if isinstance(row, UnreadableLineError):
                    raise row
                sink.add(self.record(number, row, path, seen))
            except InputDataError as error:
                sink.reject(number, reason_of(error))

    def check_columns(self, columns: Sequence[str] | None, path: Path) -> None:
        """Refuse a table without the mapped columns; JSON lines say what they have by row.

        Raises
        ------
        InputDataError
            Naming every column that is missing, or one that stands twice.
        """
        if columns is None:
            return
        for column in self.map.names:
            if columns.count(column) > 1:
                raise InputDataError(
                    f"{columns.count(column)} columns are called `{column}`",
                    file=path,
                    field=column,
                    fix="give each its own name",
                )
        missing = [column for column in self.map.names if column not in columns]
        if missing:
            named = ", ".join(f"`{column}`" for column in missing)
            raise InputDataError(
                f"no column {named}; {_listed(columns)}",
                file=path,
                field=missing[0],
                fix=f"name others in {self.map.path.name}",
            )

    def record(
        self, number: int, row: Mapping[str, Any], path: Path, seen: Occurrences
    ) -> Record:
        """Make a record; a mapped column goes before a constant of the same field.

        Raises
        ------
        InputDataError
            A cell cannot become its field, or the record breaks the schema.
        """
        known, problems = self.cells(row)
        if problems:
            raise problems[0]
        known.setdefault("record_id", self._identity(row, seen))
        try:
            return self.map.record_class.from_json(known)
        except SchemaError as error:
            column = self.map.columns.get(error.field or "")
            named = column.column if column else error.field
            raise InputDataError(
                error.problem, file=path, line=number, field=named, fix=error.fix
            ) from error

    def cells(
        self, row: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[InputDataError]]:
        """Read the mapped cells of a row.

        Returns
        -------
        known : dict
            Fields of the record by name.
        problems : list of InputDataError
            One for each cell that cannot be read or is missing.
        """
        known: dict[str, Any] = dict(self.map.constants)
        problems: list[InputDataError] = []
        for rule, mapped in self.map.mapped():
            needed = rule.name not in known and not rule.optional
            value = self._read(row, rule, mapped, problems, needed=needed)
            if value is not None:
                known[rule.name] = value
        known |= self._context(row, problems)
        if not problems:
            self.map.complete(known)
        return known, problems

    def _read(
        self,
        row: Mapping[str, Any],
        rule: FieldRule,
        mapped: MappedColumn,
        problems: list[InputDataError],
        *,
        needed: bool = False,
    ) -> Any:
        """Read a cell; what is wrong with it is added to the problems."""
        try:
            value = read_cell(row.get(mapped.column), rule, mapped, zone=self.map.zone)
        except InputDataError as error:
            problems.append(error)
            return None
        if value is None and needed:
            problems.append(InputDataError("missing", field=mapped.column))
        return value

    def _context(
        self, row: Mapping[str, Any], problems: list[InputDataError]
    ) -> dict[str, dict[str, Any]]:
        """Read the declared columns: those with a unit are numbers."""
        found: dict[str, dict[str, Any]] = {"numbers": {}, "categories": {}}
        for name, mapped in self.map.context.items():
            rule = CATEGORY if mapped.unit is None else NUMBER
            value = self._read(row, rule, mapped, problems)
            if value is not None:
                part = "categories" if mapped.unit is None else "numbers"
                found[part][name] = value
        return {name: columns for name, columns in found.items() if columns}

    def _identity(self, row: Mapping[str, Any], seen: Occurrences) -> str:
        """Tell rows apart by the columns named for it, else by all that is mapped.

        Neither a file's name nor a row's place is part of it: the next export may have
        the same name, and new rows at its top. Of rows that are equal in all that is
        mapped, the second is another row, in whatever file the two are found first.
        """
        if self.map.identity:
            parts = [str(row.get(column)) for column in self.map.identity]
            return record_id("table", self.map.source, *parts)
        mapped = sorted(self.map.names)
        parts = [f"{column}={row.get(column)}" for column in mapped]
        content = record_id("table", self.map.source, *parts)
        nth = seen.count(content)
        return content if nth == 0 else record_id("table", content, str(nth))


def _listed(columns: Sequence[str]) -> str:
    """List columns by name, unless what stands in the first line is no names."""
    if len(columns) <= SHOWN_COLUMNS and all(map(COLUMN_NAME.fullmatch, columns)):
        return f"there are {', '.join(columns)}"
    return f"none of the {len(columns)} columns is called so"
