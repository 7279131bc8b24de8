"""Prices what a merged turn would have saved: the cache reads that it paid again."""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.history import Money, PriceBook
from toolkit.review.facts import Columns

__all__ = ["cached_reads_usd"]


class _CacheReads(NamedTuple):
    """A request of cache reads alone, as a price book takes it."""

    cache_read_tokens: int
    input_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0


def cached_reads_usd(batches: Columns, book: PriceBook) -> NDArray[np.float64]:
    """Price the cache reads of each batch's turn.

    They are nearly all of a request's input, so the tier that they fall into by
    themselves is the request's.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.
    book : PriceBook

    Returns
    -------
    ndarray of shape (batches,)
        US dollars at list price; NaN where the model has no known price.
    """
    worth = np.full(len(batches["record_id"]), np.nan)
    reads = batches["turn_cache_read"].astype(np.float64)
    for row in np.flatnonzero(np.isfinite(reads)):
        when = datetime.fromtimestamp(float(batches["at_s"][row]), UTC)
        price = book.price(batches["model"][row], when, _CacheReads(int(reads[row])))
        if isinstance(price, Money):
            worth[row] = price.usd
    return worth
