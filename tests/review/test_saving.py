from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from toolkit.history import Money
from toolkit.history.prices import Unpriced
from toolkit.review.saving import cached_reads_usd

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


class OneModel:
    """Prices cache reads of one model at a dollar a million, from one day on."""

    basis = "made up"

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, datetime]] = []

    def price(self, model: str | None, when: datetime, tokens: Any) -> Money | Unpriced:
        self.asked.append((model, when))
        assert tokens.input_tokens == tokens.output_tokens == 0
        if model != "known":
            return Unpriced(model=model, basis=self.basis)
        return Money(
            usd=tokens.cache_read_tokens / 1e6, basis=self.basis, day=str(when.date())
        )


def test_each_turns_cache_reads_are_priced_at_its_time_and_model() -> None:
    book = OneModel()
    batches = {
        "record_id": np.array(["a", "b", "c", "d"], dtype=object),
        "turn_cache_read": np.array([2_000_000.0, 0.0, np.nan, 5.0]),
        "at_s": np.array([AT.timestamp()] * 4),
        "model": np.array(["known", "known", "known", "other"], dtype=object),
    }

    worth = cached_reads_usd(batches, book)

    assert worth[:2] == pytest.approx([2.0, 0.0])
    assert np.isnan(worth[2:]).all()
    assert book.asked == [("known", AT), ("known", AT), ("other", AT)]
