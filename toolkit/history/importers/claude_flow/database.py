"""Reading a SQLite file that another process may still be writing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from toolkit.errors import InputDataError

__all__ = ["columns", "opened", "rows"]


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open read-only; no log or lock file is left beside the database.

    Raises
    ------
    InputDataError
        The file is not a SQLite database, or damaged.
    """
    mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True)
        ) as database:
            database.row_factory = sqlite3.Row
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield database
    except sqlite3.DatabaseError as error:
        raise InputDataError(
            f"not a readable SQLite database: {error}", file=path
        ) from error


def columns(database: sqlite3.Connection, table: str) -> set[str]:
    """Name the columns of a table; none where there is no such table."""
    return {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}


def rows(database: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Read a table's rows, of whatever generation, by the names of their columns."""
    if not columns(database, table):
        return
    for row in database.execute(f"SELECT rowid AS _rowid, * FROM {table}"):  # noqa: S608 - table names are ours
        yield dict(row)
