"""List prices of models: the port, and the book that an installed price list fills.

A price is dated and belongs to one request: tiers go by the tokens of that request, so a
sum of tokens has no price. A model without a known price is *unpriced*; it never costs 0.
Nothing is fetched: the prices are those of the installed `genai-prices`, with the few
corrections of `OVERRIDES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from toolkit.errors import MissingExtraError
from toolkit.history.rate_cards import CARDS_NAME, CardFile, Rates, TokenCounts
from toolkit.records import Turn

__all__ = [
    "ListPrices",
    "Money",
    "PriceBook",
    "Rates",
    "TokenCounts",
    "Unpriced",
    "installed_prices",
    "price_row",
    "price_turn",
]


@dataclass(frozen=True, slots=True)
class Money:
    """What one request costs at list price.

    Attributes
    ----------
    usd : float
    basis : str
        Source and version of the prices.
    day : str
        Whose prices apply, `YYYY-MM-DD` in UTC.
    """

    usd: float
    basis: str
    day: str


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A request whose price is not known.

    Attributes
    ----------
    model : str or None
    basis : str
        The prices that were asked.
    """

    model: str | None
    basis: str


class PriceBook(Protocol):
    """Knows what a request cost at its time."""

    @property
    def basis(self) -> str:
        """Source and version of the prices."""
        ...

    def price(
        self, model: str | None, when: datetime, tokens: TokenCounts
    ) -> Money | Unpriced:
        """Price one request.

        Parameters
        ----------
        model : str or None
        when : datetime
            When the request was made.
        tokens : TokenCounts

        Returns
        -------
        Money or Unpriced
        """
        ...


class _Override(NamedTuple):
    """Rates that replace or complete the list's, from one day on."""

    since: date
    rates: Rates


OVERRIDES: Mapping[str, tuple[_Override, ...]] = {
    # no dearer tier above 200,000 tokens any more; the list still applies it
    "claude-sonnet-4-5": (
        _Override(date(2025, 9, 29), Rates(3.0, 15.0, 0.3, 3.75, 6.0)),
    ),
    # not in the list; vendors' pages and models.dev, read in November 2026
    "claude-mythos-5": (
        _Override(date(2026, 10, 23), Rates(10.0, 50.0, 1.0, 12.5, 20.0)),
    ),
    "gpt-5.3-codex-spark": (
        _Override(date(2026, 2, 12), Rates(1.75, 14.0, 0.175, 1.75, 1.75)),
    ),
    "glm-4.6": (_Override(date(2025, 9, 30), Rates(0.6, 2.2, 0.11, 0.6, 0.6)),),
}
"""Corrections by model, without the date in its name; the last one that had begun holds."""


class ListPrices:
    """Prices of the installed `genai-prices`, corrected by `OVERRIDES`.

    Parameters
    ----------
    store : path, optional
        Where what the list says of a model is kept; see `CardFile`.

    Raises
    ------
    MissingExtraError
        It is not installed.

    Examples
    --------
    >>> from toolkit.history.importers.usage import TokenUsage
    >>> book, when = ListPrices(), datetime(2026, 2, 1, tzinfo=UTC)
    >>> tokens = TokenUsage(input_tokens=1_000_000, output_tokens=0)
    >>> book.price("claude-sonnet-4-5-20250929", when, tokens).usd
    3.0
    >>> book.price("a-model-of-ours", when, tokens).model
    'a-model-of-ours'
    """

    def __init__(self, store: Path | None = None) -> None:
        try:
            self.basis = f"genai-prices {version('genai-prices')}"
        except PackageNotFoundError as error:
            raise MissingExtraError("list prices", "money") from error
        self._cards = CardFile(self.basis, store and store / CARDS_NAME)
        self._rates: dict[tuple[str, int, int], Rates | None] = {}

    def price(
        self, model: str | None, when: datetime, tokens: TokenCounts
    ) -> Money | Unpriced:
        """Price one request by the rates of its hour; see `PriceBook.price`."""
        rates = None
        if when.tzinfo is not UTC:
            when = when.astimezone(UTC)
        # A reply whose input is not recorded has no price: its output alone is cheap.
        known = tokens.output_tokens is not None and tokens.input_tokens is not None
        if model is not None and known:
            key = model, when.toordinal(), when.hour
            if key not in self._rates:
                hour = when.replace(minute=0, second=0, microsecond=0)
                self._rates[key] = self._rates_of(model, hour)
            rates = self._rates[key]
        if rates is None:
            return Unpriced(model, self.basis)
        return Money(rates.cost(tokens), self.basis, when.date().isoformat())

    def _rates_of(self, model: str, when: datetime) -> Rates | None:
        """Find the rates of a model at a time: ours where there are, else the list's."""
        plain = model.rpartition("/")[2].partition("[")[0]
        rates = _override(plain, when)
        for written in dict.fromkeys((model, plain)):
            rates = rates or self._cards.rates(written, when)
        return rates


def installed_prices(store: Path | None = None) -> ListPrices | None:
    """Open the installed price list; `None` without the extra `money`.

    Parameters
    ----------
    store : path, optional
        A store's folder. With it the list is loaded once for each model, and not once a
        process.

    Returns
    -------
    ListPrices or None
    """
    try:
        return ListPrices(store)
    except MissingExtraError:
        return None


def price_turn(turn: Turn, book: PriceBook) -> Turn:
    """Price a turn, again if it was priced before: its tokens are all that is needed.

    Returns
    -------
    Turn
        With `money_usd` unknown where the model has no known price.
    """
    row = turn.known()
    price_row(row, book)
    return Turn.of_row(row)


def price_row(row: dict[str, Any], book: PriceBook) -> None:
    """Price a turn that `Turn.row` or `known` gave, in place; see `price_turn`.

    Parameters
    ----------
    row : dict
        Of a turn; changed in place.
    book : PriceBook
    """
    get = row.get
    declared = row.pop("declared_usd", None)
    for name in ("money_usd", "price_basis", "price_date"):
        row.pop(name, None)
    found = book.price(
        get("model"), row["at"], _Tokens(*[get(name) for name in _CLASSES])
    )
    if isinstance(found, Money):
        row["money_usd"] = found.usd
    row["price_basis"] = found.basis
    if isinstance(found, Money):
        row["price_date"] = found.day
    if declared is not None:
        row["declared_usd"] = declared


class _Tokens(NamedTuple):
    """The tokens of a row."""

    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    output_tokens: int | None


_CLASSES = _Tokens._fields


def _override(model: str, when: datetime) -> Rates | None:
    """Find the rates that we know better than the list."""
    for name, overrides in OVERRIDES.items():
        suffix = model.removeprefix(name)
        if suffix == model or (suffix and not suffix.lstrip("-").isdigit()):
            continue
        begun = [o.rates for o in overrides if o.since <= when.date()]
        if begun:
            return begun[-1]
    return None
