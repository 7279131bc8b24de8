"""Compaction of a whole store: what hooks recorded, and the spool, into the dataset.

Reading needs none of it (`toolkit.history.reading`); it makes reading faster.
"""

from pathlib import Path

from toolkit.history.base import Dataset
from toolkit.history.dataset import Compaction
from toolkit.history.duplicates import SOURCES, compare_duplicates
from toolkit.history.engine import EngineLimits
from toolkit.history.importers.hooks.spool import join_hooks
from toolkit.history.store import RecordStore

__all__ = ["compact_store"]


def compact_store(
    store: RecordStore | Dataset, *, limits: EngineLimits | None = None
) -> Compaction:
    """Join what hooks recorded since the last time, and merge the spool.

    Where hooks are installed, batches that a transcript tells as well are compared
    before one of the two records is kept (`toolkit.history.duplicates`).

    Parameters
    ----------
    store : RecordStore or Dataset
        A dataset is only read: nothing is done to it.
    limits : EngineLimits, optional
        What DuckDB may use.

    Returns
    -------
    Compaction

    Examples
    --------
    >>> import tempfile
    >>> with RecordStore(Path(tempfile.mkdtemp())) as store:
    ...     compact_store(store).partitions
    0
    """
    if isinstance(store, Dataset):
        return Compaction()
    if join_hooks(store) is None:
        return store.compact(limits=limits)

    def compare(sealed: list[Path]) -> None:
        compare_duplicates(store.root, store.dataset, sealed, sources=SOURCES)

    return store.compact(compare, limits=limits)
