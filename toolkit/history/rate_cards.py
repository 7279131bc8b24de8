"""Rates of models as a price list holds them, and a file of those asked for before.

To load the installed list takes longer than to import a small log, and 40 MB. What it
says of a model is therefore written down in the store, for this version of the list, so
that the next import need not load it. The file only saves work: one that is missing,
damaged or of another version is made again.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from toolkit.records import make_directory, read_regular, replace_file

__all__ = ["CARDS_NAME", "CardFile", "Rates", "TokenCounts"]

PER_MILLION = 1e-6
LONG_CACHE = 2.0
"""Price of writing to a cache for an hour, as a multiple of the input's, where a list
holds no price for it (Anthropic's rule since prompt caching has two durations)."""

CARDS_NAME = "prices.json"
"""Name of the file in a store."""

MAX_BYTES = 2**22
MAX_MODELS = 1000
EPOCH = date(1970, 1, 1)


class TokenCounts(Protocol):
    """Tokens of one request by class, as `Turn` and `TokenUsage` hold them."""

    @property
    def input_tokens(self) -> int | None: ...  # noqa: D102 - see Turn
    @property
    def cache_read_tokens(self) -> int | None: ...  # noqa: D102 - see Turn
    @property
    def cache_write_5m_tokens(self) -> int | None: ...  # noqa: D102 - see Turn
    @property
    def cache_write_1h_tokens(self) -> int | None: ...  # noqa: D102 - see Turn
    @property
    def output_tokens(self) -> int | None: ...  # noqa: D102 - see Turn


class Rates(NamedTuple):
    """US dollars per million tokens, and the tiers above some size of request.

    Attributes
    ----------
    tiers : tuple of (int, Rates)
        Rates for *all* tokens of a request with more input than that, ascending.
    """

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    tiers: tuple[tuple[int, "Rates"], ...] = ()

    def cost(self, tokens: TokenCounts) -> float:
        """Compute what one request costs, in US dollars.

        Examples
        --------
        >>> from toolkit.history.importers.usage import TokenUsage
        >>> rates = Rates(3.0, 15.0, 0.3, 3.75, 6.0)
        >>> round(rates.cost(TokenUsage(1000, 100_000, 0, 10_000, 200)), 6)
        0.096
        """
        fresh = tokens.input_tokens or 0
        read = tokens.cache_read_tokens or 0
        short, long = (
            tokens.cache_write_5m_tokens or 0,
            tokens.cache_write_1h_tokens or 0,
        )
        rates: Rates = self
        for above, dearer in self.tiers:
            if fresh + read + short + long > above:
                rates = dearer
        return PER_MILLION * (
            fresh * rates.input
            + read * rates.cache_read
            + short * rates.cache_write_5m
            + long * rates.cache_write_1h
            + (tokens.output_tokens or 0) * rates.output
        )


class Term(NamedTuple):
    """Rates, and when they hold.

    Attributes
    ----------
    since : date or None
        First day, in UTC.
    start, end : time or None
        Hours of each day, in UTC; they may go over midnight.
    rates : Rates or None
        `None` where the list holds no price for text.
    """

    since: date | None
    start: time | None
    end: time | None
    rates: Rates | None

    def holds(self, when: datetime) -> bool:
        """Whether they hold at a time in UTC."""
        if self.since is not None and when.date() < self.since:
            return False
        if self.start is None or self.end is None:
            return True
        if self.end < self.start:
            return when.time() >= self.start or when.time() < self.end
        return self.start <= when.time() < self.end


Card = tuple[Term, ...]
"""What a list says of one model: the last term that holds counts, else the first."""


class CardFile:
    """The cards of the models that were asked for, in memory and in a file.

    Parameters
    ----------
    basis : str
        Source and version of the prices; cards of another one are not used.
    path : path, optional
        Without it nothing is read or written.
    """

    def __init__(self, basis: str, path: Path | None = None) -> None:
        self._basis = basis
        self._path = path
        self._cards: dict[str, Card] | None = None

    def rates(self, model: str, when: datetime) -> Rates | None:
        """Find the rates of a model at a time in UTC; `None` where it has none."""
        known = self._known()
        if model not in known:
            known[model] = _listed_card(model)
            self._save()
        card = known[model]
        for term in reversed(card):
            if term.holds(when):
                return term.rates
        return card[0].rates if card else None

    def _known(self) -> dict[str, Card]:
        if self._cards is None:
            self._cards = self._read()
        return self._cards

    def _read(self) -> dict[str, Card]:
        """Read the file; what is not as it was written counts as missing."""
        if self._path is None:
            return {}
        try:
            data = json.loads(read_regular(self._path, max_bytes=MAX_BYTES))
            if data["basis"] != self._basis:
                return {}
            return {str(k): _card_of(v) for k, v in data["cards"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _save(self) -> None:
        """Write the file, with what other processes have found meanwhile."""
        if self._path is None or self._cards is None:
            return
        cards = {**self._read(), **self._cards}
        if len(cards) > MAX_MODELS:
            return
        written = {model: [_term_row(t) for t in card] for model, card in cards.items()}
        data = json.dumps({"basis": self._basis, "cards": written})
        with suppress(OSError):  # without it the list is loaded again
            make_directory(self._path.parent)
            replace_file(self._path, data.encode())


def _term_row(term: Term) -> list[Any]:
    moments = [None if m is None else m.isoformat() for m in term[:3]]
    if term.rates is None:
        return [*moments, None]
    *plain, tiers = term.rates
    return [*moments, [*plain, [[above, *rates[:5]] for above, rates in tiers]]]


def _card_of(rows: Sequence[Sequence[Any]]) -> Card:
    return tuple(
        Term(
            None if since is None else date.fromisoformat(since),
            None if start is None else time.fromisoformat(start),
            None if end is None else time.fromisoformat(end),
            None if rates is None else _rates_of_row(rates),
        )
        for since, start, end, rates in rows
    )


def _rates_of_row(row: Sequence[Any]) -> Rates:
    *plain, tiers = row
    dearer = tuple((int(above), _plain_rates(rates)) for above, *rates in tiers)
    return _plain_rates(plain)._replace(tiers=dearer)


def _plain_rates(row: Sequence[Any]) -> Rates:
    fresh, output, read, short, long = map(float, row)
    return Rates(fresh, output, read, short, long)


@lru_cache(maxsize=MAX_MODELS)
def _listed_card(model: str) -> Card:
    """Read what the installed list says of a model; nothing where it is not in it."""
    from genai_prices import Usage, calc_price

    try:
        listed: Any = calc_price(Usage(input_tokens=1, output_tokens=1), model).model
    except LookupError:
        return ()
    prices = listed.prices
    if not isinstance(prices, list):
        return (Term(None, None, None, _listed_rates(prices)),)
    return tuple(_term_of(each) for each in prices)


def _term_of(listed: Any) -> Term:
    constraint = listed.constraint
    return Term(
        getattr(constraint, "start_date", None),
        _utc_time(getattr(constraint, "start_time", None)),
        _utc_time(getattr(constraint, "end_time", None)),
        _listed_rates(listed.prices),
    )


def _utc_time(listed: time | None) -> time | None:
    """Read a time of day: one without a zone is in UTC."""
    if listed is None or listed.tzinfo is None:
        return listed
    return datetime.combine(EPOCH, listed).astimezone(UTC).time()


def _listed_rates(listed: Any) -> Rates | None:
    starts = sorted({tier.start for price in _PRICES for tier in _tiers(listed, price)})
    base = _rates_above(listed, None)
    if base is None:
        return None
    tiers = [(start, _rates_above(listed, start)) for start in starts]
    return base._replace(tiers=tuple((s, r) for s, r in tiers if r is not None))


_PRICES = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
)
"""Prices of `genai-prices` that a text model has, in the order of `Rates`."""


def _tiers(listed: Any, name: str) -> list[Any]:
    return getattr(getattr(listed, name, None), "tiers", [])


def _rates_above(listed: Any, start: int | None) -> Rates | None:
    """Read the rates of requests above a size; classes without a price cost as input."""
    found: list[float | None] = []
    for name in _PRICES:
        price = getattr(listed, name, None)
        if price is not None and hasattr(price, "base"):
            held = [tier.price for tier in price.tiers if start and tier.start <= start]
            price = held[-1] if held else price.base
        found.append(None if price is None else float(price))
    fresh, output, read, short, long = found
    if fresh is None or output is None:
        return None
    short_or_input = fresh if short is None else short
    long_or_double = fresh * LONG_CACHE if long is None else long
    if short is None and long is None:
        long_or_double = fresh
    return Rates(
        fresh, output, fresh if read is None else read, short_or_input, long_or_double
    )
