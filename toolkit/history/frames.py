"""Records as pandas frames: what an analyst starts from."""

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import MissingExtraError, UsageError
from toolkit.history.address import Place, store_place
from toolkit.history.base import Dataset
from toolkit.history.engine import connect
from toolkit.history.reading import read_store
from toolkit.records import KINDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read", "read_frame"]


def read(store: Place | str, kind: str) -> "pd.DataFrame":
    """Read all records of one kind of a store, compacted or not; nothing is written.

    Parameters
    ----------
    store : path or str
        Folder of the store; `~` is expanded. Or its address, `s3://BUCKET/PREFIX`.
    kind : str
        `batch`, `turn`, `workflow`, `coordination`, `load` or `recovery`.

    Returns
    -------
    DataFrame of shape (n_records, n_fields)
        As `read_frame` gives it.

    Raises
    ------
    InputDataError
        There is no such store.
    UsageError
        There is no such kind.

    Examples
    --------
    >>> import tempfile
    >>> len(read(tempfile.mkdtemp(), "batch"))
    0
    """
    place = store_place(store) if isinstance(store, str) else store
    if isinstance(place, Path):
        place = place.expanduser()
    return read_frame(read_store(place), kind)


def read_frame(dataset: Dataset, kind: str) -> "pd.DataFrame":
    """Read all records of one kind as a frame.

    Parameters
    ----------
    dataset : Dataset
        As `read_store` opens it.
    kind : str

    Returns
    -------
    DataFrame of shape (n_records, n_fields)
        A column for each field of the schema, in the schema's units, ordered by time
        and id; `at` is in UTC, and what is not known is missing.

    Raises
    ------
    UsageError
        There is no such kind.
    """
    if kind not in KINDS:
        raise UsageError.unknown("kind of record", kind, sorted(KINDS))
    try:
        import pandas  # noqa: F401 - DuckDB needs it to make a frame
    except ImportError as error:
        raise MissingExtraError("a pandas frame", "research") from error
    with dataset.snapshot() as snapshot, connect() as connection:
        view = snapshot.attach(connection, kind)
        rows = connection.execute(
            f'SELECT * FROM {view} ORDER BY "at", record_id'  # noqa: S608 - a view of our own
        )
        frame: pd.DataFrame = rows.to_arrow_table().to_pandas()
    return frame
