"""Adds up what was spent: time, tokens and money, whole and by one property."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.review.facts import Columns, Facts
from toolkit.review.figure import Figure, total

__all__ = ["DIMENSIONS", "Spending", "spending", "spending_by"]

DIMENSIONS = {
    "project": "project",
    "branch": "branch",
    "host": "host",
    "model": "model",
    "client": "version",
    "week": "week",
    "agent": "client",
    "operation": "work",
}
"""What a report can be split by, and the column that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a stretch of work took.

    Attributes
    ----------
    turns, latency, working : Figure
        Replies; seconds that models took to begin them; seconds that calls took.
    tokens_in, tokens_cached, tokens_written, tokens_out : Figure
        Fresh input, cache reads, cache writes, and output.
    money : Figure
        US dollars at list price; `unknown` counts the unpriced replies.
    calls, batches : Figure
    unpriced : float
        Share of all those tokens, 0 to 1, whose reply has no known price.
    """

    turns: Figure
    batches: Figure
    calls: Figure
    latency: Figure
    working: Figure
    tokens_in: Figure
    tokens_cached: Figure
    tokens_written: Figure
    tokens_out: Figure
    money: Figure
    unpriced: float

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in order."""
        return (
            self.turns,
            self.batches,
            self.calls,
            self.latency,
            self.working,
            self.tokens_in,
            self.tokens_cached,
            self.tokens_written,
            self.tokens_out,
            self.money,
        )


def spending(facts: Facts, prefix: str = "spent") -> Spending:
    """Add up turns, time, tokens and money.

    Parameters
    ----------
    facts : Facts
    prefix : str
        First part of the figures' names.

    Returns
    -------
    Spending
    """
    return Spending(
        turns=_turns(facts, f"{prefix}.turns", "turns", None, "replies of models"),
        batches=_of_batches(
            facts, f"{prefix}.batches", "batches", None, "replies with calls"
        ),
        calls=_of_batches(facts, f"{prefix}.calls", "calls", "calls", "tool calls"),
        latency=_turns(
            facts,
            f"{prefix}.latency",
            "s",
            "latency_s",
            "from the last result or prompt to the reply's first block; replies in whose "
            "interval a person or a sleeping machine took part are unknown",
        ),
        working=_of_batches(
            facts,
            f"{prefix}.working",
            "s",
            "execution_s",
            "from a batch's first call to its last result",
        ),
        tokens_in=_turns(
            facts, f"{prefix}.tokens.input", "tokens", "input_tokens", "fresh input"
        ),
        tokens_cached=_turns(
            facts,
            f"{prefix}.tokens.cached",
            "tokens",
            "cache_read_tokens",
            "input read from a cache",
        ),
        tokens_written=_turns(
            facts,
            f"{prefix}.tokens.written",
            "tokens",
            "cache_write_tokens",
            "input written to a cache",
        ),
        tokens_out=_turns(
            facts, f"{prefix}.tokens.output", "tokens", "output_tokens", "output"
        ),
        money=_turns(
            facts,
            f"{prefix}.money",
            "USD",
            "money_usd",
            "tokens at the list price of their model on the day of the reply; replies "
            "without a known price are unknown, never 0",
        ),
        unpriced=_unpriced(facts.turns),
    )


def _unpriced(turns: Columns) -> float:
    """Share of the tokens whose reply has no price."""
    columns = (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
    )
    tokens = sum(np.nan_to_num(turns[name].astype(np.float64)) for name in columns)
    priced = np.isfinite(turns["money_usd"].astype(np.float64))
    every = float(np.sum(tokens))
    return float(np.sum(tokens * ~priced)) / every if every else 0.0


def spending_by(facts: Facts, dimension: str) -> dict[str, Spending]:
    """Add up the same by one property, the dearest first.

    Parameters
    ----------
    facts : Facts
    dimension : str
        One of `DIMENSIONS`.

    Returns
    -------
    dict of str to Spending

    Raises
    ------
    UsageError
        For another dimension.
    """
    if dimension not in DIMENSIONS:
        raise UsageError.unknown("dimension", dimension, sorted(DIMENSIONS))
    column = DIMENSIONS[dimension]
    if column not in facts.turns:
        facts = _with_turns_of_batches(facts)
    values = [*facts.turns[column], *facts.batches[column]]  # a hook sees no turns
    found = {
        str(value): spending(facts.where(column, value), f"spent.{dimension}.{value}")
        for value in sorted(set(values))
    }
    if dimension == "week":
        return found
    return dict(sorted(found.items(), key=lambda each: _weight(each[1]), reverse=True))


def _weight(spent: Spending) -> tuple[float, float]:
    """Order by money, then by time."""
    return spent.money.value, spent.latency.value + spent.working.value


def _with_turns_of_batches(facts: Facts) -> Facts:
    """Give each turn the work of its batch; a turn without calls is `text`."""
    work = dict(zip(facts.batches["turn"], facts.batches["work"], strict=True))
    column = [work.get(record, "text") for record in facts.turns["record_id"]]
    turns = {**facts.turns, "work": np.array(column, dtype=object)}
    return Facts(batches=facts.batches, turns=turns, waves=facts.waves)


def _turns(facts: Facts, name: str, unit: str, column: str | None, how: str) -> Figure:
    return _added(facts.turns, name, unit, column, how)


def _of_batches(
    facts: Facts, name: str, unit: str, column: str | None, how: str
) -> Figure:
    return _added(facts.batches, name, unit, column, how)


def _added(
    columns: Columns, name: str, unit: str, column: str | None, how: str
) -> Figure:
    records: Any = columns["record_id"]
    values = np.ones(len(records)) if column is None else columns[column]
    everything = np.ones(len(records), dtype=np.bool_)
    return total(name, unit, values, records, everything, how=how)
