"""Reads tables as an import would, and keeps nothing: rows as stored, problems grouped."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers.lines import UnreadableLineError, reason_of
from toolkit.history.importers.table.occurrences import Occurrences
from toolkit.history.importers.table.rows import read_table
from toolkit.history.importers.table.source import TableSource

__all__ = ["SHOWN_ROWS", "TableCheck", "TableProblem", "check_tables"]

SHOWN_ROWS = 10

MOST_PROBLEMS = 1000
"""Problems that are distinguished: texts of a map and of a format, so they are few."""


@dataclass(slots=True, kw_only=True)
class TableProblem:
    """One thing that is wrong, wherever it occurs.

    Attributes
    ----------
    reason : str
    rows : int
        How many rows have it; 0 for a file that cannot be read as a whole.
    file : path
    line : int or None
        Where it occurs first.
    """

    reason: str
    rows: int
    file: Path
    line: int | None


@dataclass(slots=True, kw_only=True)
class TableCheck:
    """What an import of some tables would do.

    Attributes
    ----------
    rows, usable : int
        Rows read, and those that become records.
    first : list of dict
        The first ten records as they would be stored.
    problems : list of TableProblem
        Most frequent first, once `check_tables` has returned.
    """

    rows: int = 0
    usable: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)
    problems: list[TableProblem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        return {
            "rows": self.rows,
            "usable": self.usable,
            "first": self.first,
            "problems": [
                {
                    "reason": problem.reason,
                    "rows": problem.rows,
                    "file": str(problem.file),
                    "line": problem.line,
                }
                for problem in self.problems
            ],
        }


def check_tables(map_path: Path, paths: Sequence[Path]) -> TableCheck:
    """Read every row of some tables by a map, and store nothing.

    Every problem of every row is looked for, not the first one only.

    Parameters
    ----------
    map_path : path
        TOML file that maps columns.
    paths : sequence of path
        Files and folders.

    Returns
    -------
    TableCheck

    Raises
    ------
    InputDataError
        The map cannot be read, or a path does not exist.
    """
    source = TableSource(map_path)
    checking = _Checking(source)
    for file in source.files(paths):
        checking.file(file.path)
    found = checking.found
    found.problems = sorted(
        checking.problems.values(), key=lambda problem: (-problem.rows, problem.reason)
    )
    return found


class _Checking:
    """Goes through the rows of one file after the other."""

    def __init__(self, source: TableSource) -> None:
        self.found = TableCheck()
        self.problems: dict[str, TableProblem] = {}
        self._source = source

    def file(self, path: Path) -> None:
        try:
            columns, rows = read_table(
                path,
                encoding=self._source.map.encoding,
                delimiter=self._source.map.delimiter,
            )
            self._source.check_columns(columns, path)
            with closing(Occurrences()) as seen:
                for number, row in rows:
                    self.found.rows += 1
                    self._row(number, row, path, seen)
        except (InputDataError, OSError) as error:
            problem = error.problem if isinstance(error, InputDataError) else str(error)
            self._note(problem, path, None)

    def _row(
        self,
        number: int,
        row: dict[str, Any] | UnreadableLineError,
        path: Path,
        seen: Occurrences,
    ) -> None:
        if isinstance(row, UnreadableLineError):
            self._note(reason_of(row), path, number)
            return
        _, problems = self._source.cells(row)
        try:
            if problems:
                raise problems.pop(0)
            record = self._source.record(number, row, path, seen)
        except InputDataError as error:
            for each in (error, *problems):
                self._note(reason_of(each), path, number)
            return
        self.found.usable += 1
        if len(self.found.first) < SHOWN_ROWS:
            self.found.first.append(record.to_json())

    def _note(self, reason: str, path: Path, line: int | None) -> None:
        known = self.problems.get(reason)
        if known is not None:
            known.rows += 1
        elif len(self.problems) < MOST_PROBLEMS:
            self.problems[reason] = TableProblem(
                reason=reason, rows=0 if line is None else 1, file=path, line=line
            )
