"""List prices: dated, by request, and never 0 for a model that is not known."""

from dataclasses import replace
from datetime import UTC, datetime

import model_prices
import pytest

from toolkit.history import Money
from toolkit.history.importers.usage import TokenUsage
from toolkit.history.prices import ListPrices, Unpriced, price_turn
from toolkit.records import Provenance, Turn

WHEN = datetime(2026, 2, 1, tzinfo=UTC)
USAGE = TokenUsage(1_000, 100_000, 5_000, 2_000, 700)


@pytest.fixture(scope="module")
def book() -> ListPrices:
    return ListPrices()


def usd(book: ListPrices, model: str, when: datetime, usage: TokenUsage) -> float:
    found = book.price(model, when, usage)
    assert isinstance(found, Money)
    return found.usd


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("claude-opus-4-5-20251101", 1),
        ("claude-opus-4-6", 10),
        ("claude-sonnet-4-6", 20),
        ("claude-haiku-4-5-20251001", 1),
        ("claude-sonnet-4-5-20250929", 1),
    ],
)
def test_two_price_lists_agree_on_every_class_of_tokens(
    book: ListPrices, model: str, day: int
) -> None:
    when = WHEN.replace(month=6, day=day)
    second = model_prices.cost(
        model,
        input_tokens=USAGE.input_tokens or 0,
        cache_read_tokens=USAGE.cache_read_tokens or 0,
        cache_write_tokens=USAGE.cache_write_5m_tokens or 0,
        cache_write_1h_tokens=USAGE.cache_write_1h_tokens or 0,
        output_tokens=USAGE.output_tokens or 0,
        at=when,
    )

    assert second is not None
    assert usd(book, model, when, USAGE) == pytest.approx(second, rel=0.001)


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5.4"])
@pytest.mark.parametrize("cached", [10_000, 300_000])
def test_two_price_lists_agree_below_and_above_a_tier(
    book: ListPrices, model: str, cached: int
) -> None:
    when, usage = WHEN.replace(month=7), TokenUsage(1_000, cached, None, None, 700)
    second = model_prices.cost(
        model, input_tokens=1_000, cache_read_tokens=cached, output_tokens=700, at=when
    )

    assert second is not None
    assert usd(book, model, when, usage) == pytest.approx(second, rel=0.001)


@pytest.mark.parametrize("model", ["claude-mythos-5", "gpt-5.3-codex-spark", "glm-4.6"])
def test_models_that_the_list_lacks_have_our_own_price(
    book: ListPrices, model: str
) -> None:
    when = WHEN.replace(month=11)
    second = model_prices.cost(
        model, input_tokens=1_000, cache_read_tokens=100, output_tokens=70, at=when
    )
    usage = TokenUsage(1_000, 100, None, None, 70)

    assert second is not None
    assert usd(book, model, when, usage) == pytest.approx(second, rel=0.001)


def test_a_price_that_had_not_begun_does_not_hold(book: ListPrices) -> None:
    found = book.price("claude-mythos-5", WHEN, USAGE)

    assert found == Unpriced("claude-mythos-5", book.basis)


def test_the_tier_that_no_longer_holds_is_not_applied(book: ListPrices) -> None:
    large = USAGE._replace(cache_read_tokens=300_000)

    assert usd(book, "claude-sonnet-4-5", WHEN, large) == pytest.approx(0.13425)


def test_a_price_is_that_of_its_day(book: ListPrices) -> None:
    first = usd(book, "gpt-5.6-sol", datetime(2026, 7, 25, tzinfo=UTC), USAGE)
    later = usd(book, "gpt-5.6-sol", datetime(2026, 11, 1, tzinfo=UTC), USAGE)

    assert first > later


@pytest.mark.parametrize("model", [None, "a-model-of-ours", "<synthetic>"])
def test_an_unknown_model_is_unpriced_and_not_free(
    book: ListPrices, model: str | None
) -> None:
    assert book.price(model, WHEN, USAGE) == Unpriced(model, book.basis)


def test_a_reply_without_token_counts_is_unpriced(book: ListPrices) -> None:
    assert isinstance(book.price("gpt-5.5", WHEN, TokenUsage()), Unpriced)


def test_a_window_and_a_vendor_in_a_name_change_no_price(book: ListPrices) -> None:
    plain = usd(book, "claude-opus-4-6", WHEN.replace(month=6), USAGE)

    assert usd(
        book, "anthropic/claude-opus-4-6[1m]", WHEN.replace(month=6), USAGE
    ) == pytest.approx(plain)


def test_money_in_a_store_is_computed_again_from_its_tokens(book: ListPrices) -> None:
    turn = Turn(
        record_id="t",
        at=WHEN,
        source="test",
        provenance=Provenance.DERIVED,
        model="claude-opus-4-5",
        **USAGE._asdict(),
    )
    priced = price_turn(turn, book)
    stale = replace(priced, money_usd=1.0, price_basis="an older list")

    assert price_turn(stale, book) == priced
    assert (priced.price_basis, priced.price_date) == (book.basis, "2026-02-01")
