"""A store made ready to be read: what hooks recorded, and the spool, in the dataset."""

from pathlib import Path

from toolkit.history.dataset import Compaction
from toolkit.history.duplicates import SOURCES, compare_accounts
from toolkit.history.importers.hooks import join_hooks
from toolkit.history.store import RecordStore

__all__ = ["compact_store"]


def compact_store(store: RecordStore) -> Compaction:
    """Join what hooks recorded since the last time, and merge the spool.

    Where hooks are installed, batches that a transcript tells as well are compared
    before one of the two records is kept (`toolkit.history.duplicates`).

    Parameters
    ----------
    store : RecordStore

    Examples
    --------
    >>> import tempfile
    >>> with RecordStore(Path(tempfile.mkdtemp())) as store:
    ...     compact_store(store).partitions
    0
    """
    if join_hooks(store) is None:
        return store.compact()

    def look(sealed: list[Path]) -> None:
        compare_accounts(store.root, store.dataset, sealed, sources=SOURCES)

    return store.compact(look)
