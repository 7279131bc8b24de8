"""Where Ibis expressions run: DuckDB on one machine."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import NotEnoughDataError
from toolkit.history import Dataset
from toolkit.records import Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TRAINABLE", "connect", "feature_table", "read_records"]

TRAINABLE: tuple[str, ...] = (
    Provenance.MEASURED,
    Provenance.DERIVED,
    Provenance.DECLARED,
)
"""Rows of other provenance enter only where a spec says so aloud."""


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


def feature_table(
    dataset: Dataset,
    kind: str,
    features: Callable[[Any], Any],
    *,
    provenances: tuple[str, ...] | None = None,
) -> "pd.DataFrame":
    """Run a feature expression on the records of a kind.

    Parameters
    ----------
    dataset : Dataset
        Compacted records.
    kind : str
    features : callable
        Turns the Ibis table of the records into that of the features.
    provenances : tuple of str, optional
        Which rows to keep; all if not given.

    Raises
    ------
    NotEnoughDataError
        Where there is no record of this kind.
    """
    connection = connect()
    try:
        records = read_records(connection, dataset, kind)
        if provenances is not None:
            records = records.filter(records.provenance.isin(list(provenances)))
        table: pd.DataFrame = features(records).to_pyarrow().to_pandas()
    finally:
        connection.disconnect()
    return table
