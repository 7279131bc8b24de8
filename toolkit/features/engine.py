"""Where Ibis expressions run: DuckDB on one machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from toolkit.errors import NotEnoughDataError
from toolkit.history import Dataset, EngineLimits, Snapshot
from toolkit.history import connect as open_engine
from toolkit.records import Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TRAINABLE",
    "connect_ibis",
    "feature_table",
    "read_records",
    "with_declared",
]

TRAINABLE: tuple[str, ...] = (
    Provenance.MEASURED,
    Provenance.DERIVED,
    Provenance.DECLARED,
)
"""Rows of other provenance enter only where a spec says so aloud."""


@contextmanager
def connect_ibis(limits: EngineLimits | None = None) -> Iterator[Any]:
    """Open an in-memory DuckDB through Ibis, counting in UTC, within its limits.

    Parameters
    ----------
    limits : EngineLimits, optional
        Read from the environment unless given.

    Yields
    ------
    ibis.backends.duckdb.Backend
    """
    import ibis

    with open_engine(limits) as connection:
        yield ibis.duckdb.from_connection(connection)


def read_records(connection: Any, snapshot: Snapshot, kind: str) -> Any:
    """Read all records of a kind as an Ibis table.

    Parameters
    ----------
    connection : ibis.backends.duckdb.Backend
    snapshot : Snapshot
        Must stay open as long as the table is used.
    kind : str

    Raises
    ------
    NotEnoughDataError
        There are none.
    """
    view = snapshot.attach(connection.con, kind)
    if not connection.con.execute(f"SELECT 1 FROM {view} LIMIT 1").fetchone():  # noqa: S608 - our own name
        raise NotEnoughDataError(
            f"a table of {kind} records", got=0, needed=1, unit="records"
        )
    return connection.table(view)


def with_declared(
    records: Any, *, reserved: Sequence[str] = ()
) -> tuple[Any, tuple[str, ...]]:
    """Give every declared context column of some records a separate column.

    Parameters
    ----------
    records : ibis.Table
        With `numbers` and `categories`.
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
        for name in sorted(keys.to_pyarrow()["name"].to_pylist()):
            if name not in taken:
                taken.add(name)
                added[name] = records[field].get(name)
    return records.mutate(**added), tuple(added)


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
        Compacted or not.
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
    with connect_ibis() as connection, dataset.snapshot() as snapshot:
        records = read_records(connection, snapshot, kind)
        if provenances is not None:
            records = records.filter(records.provenance.isin(list(provenances)))
        table: pd.DataFrame = features(records).to_pyarrow().to_pandas()
    return table
