"""Where Ibis expressions run: DuckDB on one machine."""

from pathlib import Path
from typing import Any

from toolkit.errors import NotEnoughDataError
from toolkit.records import Dataset

__all__ = ["connect", "read_records"]


def connect() -> Any:
    """Open an in-memory DuckDB through Ibis, counting in UTC, within 2 GB.

    Returns
    -------
    ibis.backends.duckdb.Backend
    """
    import ibis

    connection = ibis.duckdb.connect(threads=2, memory_limit="2GB")
    connection.raw_sql("SET TimeZone='UTC'")
    return connection


def read_records(connection: Any, dataset: Dataset, kind: str) -> Any:
    """Read all records of a kind as an Ibis table.

    Raises
    ------
    NotEnoughDataError
        Where the dataset has none.
    """
    files: list[Path] = dataset.files(kind)
    if not files:
        raise NotEnoughDataError(
            f"a table of {kind} records", got=0, needed=1, unit="records"
        )
    return connection.read_parquet([str(f) for f in files], union_by_name=True)
