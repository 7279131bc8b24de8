"""Where Ibis expressions run: DuckDB in this process, or Spark."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.history import Dataset, Snapshot, Spark, attach_to_spark, connect
from toolkit.records import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "TRAINABLE",
    "feature_table",
    "known_shares",
    "with_declared",
    "write_feature_table",
]

TRAINABLE: tuple[str, ...] = (
    Provenance.MEASURED,
    Provenance.DERIVED,
    Provenance.DECLARED,
)
"""Rows of other provenance enter only where a spec says so aloud."""

ROWS = 100_000
"""Rows that are held before they are written."""

SPARK_WROTE = "_SUCCESS"
"""File that Spark leaves in a folder that it has written."""


class TableEngine(Protocol):
    """Runs Ibis expressions on the records of a snapshot."""

    def attached(self, snapshot: Snapshot, kind: str) -> Any:
        """Give all records of a kind as an Ibis table, or `None` where there are none.

        The snapshot must stay open as long as the table is used.
        """
        ...

    def fetch(self, table: Any) -> "pa.Table":
        """Run an expression, and bring its rows here."""
        ...

    def write(self, table: Any, target: Path) -> None:
        """Run an expression, and write its rows to a new Parquet file or folder."""
        ...


Features = Callable[[Any, TableEngine, Snapshot], Any]


class DuckDBEngine:
    """DuckDB in this process.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    """

    def __init__(self, connection: Any) -> None:
        import ibis

        self._connection = connection
        self._backend: Any = ibis.duckdb.from_connection(connection)

    def attached(self, snapshot: Snapshot, kind: str) -> Any:
        """Give all records of a kind as an Ibis table, or `None`."""
        view = snapshot.attach(self._connection, kind)
        found = self._connection.execute(f"SELECT 1 FROM {view} LIMIT 1").fetchone()  # noqa: S608 - our own name
        return self._backend.table(view) if found else None

    def fetch(self, table: Any) -> "pa.Table":
        """Run an expression, and bring its rows here."""
        return table.to_pyarrow()

    def write(self, table: Any, target: Path) -> None:
        """Run an expression, and write its rows to a file, some at a time."""
        from pyarrow.parquet import ParquetWriter

        found = self._connection.execute(self._backend.compile(table))
        batches = found.to_arrow_reader(ROWS)
        with ParquetWriter(target, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


class SparkEngine:
    """Spark, as one session of it.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    """

    def __init__(self, session: Any) -> None:
        import ibis

        self._session = session
        self._backend: Any = ibis.pyspark.connect(session)

    def attached(self, snapshot: Snapshot, kind: str) -> Any:
        """Give all records of a kind as an Ibis table, or `None`."""
        view = attach_to_spark(self._session, snapshot, kind)
        empty = self._session.table(view).isEmpty()
        return None if empty else self._backend.table(view)

    def fetch(self, table: Any) -> "pa.Table":
        """Run an expression, and bring its rows here.

        Not by `to_pyarrow`, which makes a pandas frame on the way.
        """
        return self._rows(table).toArrow()

    def write(self, table: Any, target: Path) -> None:
        """Run an expression, and have the workers write its rows to a folder."""
        self._rows(table).write.parquet(f"file://{target.absolute()}")

    def _rows(self, table: Any) -> Any:
        return self._session.sql(self._backend.compile(table))


@contextmanager
def open_table_engine(spark: Spark | None = None) -> Iterator[TableEngine]:
    """Open where expressions run: DuckDB within its limits, or a Spark.

    Parameters
    ----------
    spark : Spark, optional
        DuckDB unless given.

    Yields
    ------
    TableEngine
    """
    if spark is None:
        with connect() as connection:
            yield DuckDBEngine(connection)
        return
    with spark.session() as session:
        yield SparkEngine(session)


def with_declared(
    records: Any, engine: TableEngine, *, reserved: Sequence[str] = ()
) -> tuple[Any, tuple[str, ...]]:
    """Give every declared context column of some records a separate column.

    Parameters
    ----------
    records : ibis.Table
        With `numbers` and `categories`.
    engine : TableEngine
        Lists the names.
    reserved : sequence of str
        Names that a column of the feature table has; a declared one of that name, as of
        a field of the records, is left out.

    Returns
    -------
    records : ibis.Table
    names : tuple of str
        Of the columns added, numbers in front, each in alphabetical order.
    """
    taken = {*reserved, *records.columns}
    added: dict[str, Any] = {}
    for field in ("numbers", "categories"):
        keys = records[field].keys().unnest().name("name").as_table().distinct()
        for name in sorted(engine.fetch(keys)["name"].to_pylist()):
            if name not in taken:
                taken.add(name)
                added[name] = records[field].get(name)
    return records.mutate(**added), tuple(added)


def feature_table(
    dataset: Dataset,
    kind: str,
    features: Features,
    *,
    provenances: tuple[str, ...] | None = None,
    spark: Spark | None = None,
) -> "pd.DataFrame":
    """Run a feature expression on the records of a kind.

    Parameters
    ----------
    dataset : Dataset
        Compacted or not.
    kind : str
    features : callable
        Turns the Ibis table of the records into that of the features; it is given what
        runs the table, and the snapshot, of which it may attach another kind.
    provenances : tuple of str, optional
        Which rows to keep; all if not given.
    spark : Spark, optional
        Where to run it; DuckDB unless given.

    Raises
    ------
    NotEnoughDataError
        Where there is no record of this kind.
    """
    with open_table_engine(spark) as engine, dataset.snapshot() as snapshot:
        records = _records(engine, snapshot, kind, provenances)
        table: pd.DataFrame = engine.fetch(
            features(records, engine, snapshot)
        ).to_pandas()
    return table


def write_feature_table(
    dataset: Dataset,
    kind: str,
    features: Features,
    target: Path,
    *,
    provenances: tuple[str, ...] | None = None,
    spark: Spark | None = None,
) -> None:
    """Run a feature expression, and write its rows without holding them all.

    Parameters
    ----------
    dataset, kind, features, provenances, spark
        As of `feature_table`.
    target : path
        A Parquet file, or, of Spark, a folder of them; replaced at once when all is
        written.

    Raises
    ------
    NotEnoughDataError
        Where there is no record of this kind.
    UsageError
        `target` is a folder that no Spark wrote.
    """
    if target.is_dir() and not (target / SPARK_WROTE).exists():
        raise UsageError(f"{target} is a folder that no Spark wrote; give another name")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open_table_engine(spark) as engine, dataset.snapshot() as snapshot:
            records = _records(engine, snapshot, kind, provenances)
            engine.write(features(records, engine, snapshot), draft)
        _remove(target)
        draft.rename(target)
    finally:
        _remove(draft)


def known_shares(target: Path) -> tuple[int, dict[str, float]]:
    """Count the rows of a written table, and how many of them know each column.

    Parameters
    ----------
    target : path
        As `write_feature_table` wrote it; of it, only counts are read.

    Returns
    -------
    rows : int
    shares : dict of str to float
        By column, 0 to 1; 0 where there are no rows.
    """
    from pyarrow.dataset import dataset as parquet_files

    written = parquet_files(target, format="parquet")
    known = dict.fromkeys(written.schema.names, 0)
    rows = 0
    for batch in written.to_batches():
        rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            known[name] += len(column) - column.null_count
    return rows, {name: count / max(rows, 1) for name, count in known.items()}


def _records(
    engine: TableEngine,
    snapshot: Snapshot,
    kind: str,
    provenances: tuple[str, ...] | None,
) -> Any:
    records = engine.attached(snapshot, kind)
    if records is None:
        raise NotEnoughDataError(
            f"a table of {kind} records", got=0, needed=1, unit="records"
        )
    if provenances is not None:
        records = records.filter(records.provenance.isin(list(provenances)))
    return records


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
