"""Where Ibis expressions run: DuckDB on one machine."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import NotEnoughDataError
from toolkit.history import Dataset
from toolkit.records import KINDS, Provenance, field_rules

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TRAINABLE", "connect", "feature_table", "read_records"]

TRAINABLE: tuple[str, ...] = (
    Provenance.MEASURED,
    Provenance.DERIVED,
    Provenance.DECLARED,
)
"""Rows of other provenance enter only where a spec says so aloud."""

IBIS_TYPES = {
    "int": "int64",
    "float": "float64",
    "bool": "boolean",
    "datetime": "timestamp('UTC')",
    "Mapping[str, float]": "map<string, float64>",
    "Mapping[str, str]": "map<string, string>",
}
"""Ibis types of a record's fields; the others are strings."""


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
    """Read all records of a kind as an Ibis table with every column of the schema.

    Partitions that an earlier version of the schema wrote lack some columns: these are
    unknown in their rows.

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
    import ibis

    table = connection.read_parquet([str(f) for f in files], union_by_name=True)
    lacking = {
        rule.name: ibis.null(IBIS_TYPES.get(rule.type_name, "string"))
        for rule in field_rules(KINDS[kind])
        if rule.name not in table.columns
    }
    return table.mutate(**lacking) if lacking else table


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
