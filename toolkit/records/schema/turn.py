"""One reply of a model: what it cost, whether or not it holds calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.records.schema.base import Observed
from toolkit.records.schema.rules import bounded

__all__ = ["Turn"]

MAX_TOKENS = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Observed):
    """One reply of a model, with or without calls.

    Token classes are in one normal form, whatever the client counts: they do not
    overlap, but for `reasoning_tokens`, which `output_tokens` contains.

    Attributes
    ----------
    agent_id : str or None
        `main` for a session's own thread, else the subagent's id.
    calls : int or None
        Tool calls in the reply, 0 for a text; unknown where the client hides them.
    hidden : bool or None
        The client ran calls that its log does not list (Codex in code mode).
    prompted : bool or None
        A person, or who set the agent its task, wrote since the agent's last reply.
    latency_s : float or None
        From the last result or prompt to the reply's first block; unknown where a
        person or a sleeping machine was part of it.
    censored : bool or None
        A person or a sleeping machine was part of the interval before the reply.
    context_tokens : int or None
        Tokens in front of the model: fresh input, cache reads and cache writes.
    input_tokens : int or None
        Fresh input, without anything read from or written to a cache.
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens : int or None
        Input read from a cache, written to one that lasts 5 minutes (or as long as the
        client says nothing about), and to one that lasts an hour.
    output_tokens : int or None
        Everything the model wrote, its reasoning included.
    reasoning_tokens : int or None
        The part of the output that is reasoning.
    money_usd : float or None
        List price of these tokens at the time of the reply, in US dollars; unknown is
        *unpriced*, never 0.
    price_basis : str or None
        Source and version of the prices, for instance `genai-prices 0.2.3`; with
        `money_usd` unknown, the prices that had none for this model.
    price_date : str or None
        Day (UTC) whose prices apply, `YYYY-MM-DD`.
    declared_usd : float or None
        Cost that the client recorded; 0 under a subscription means *not billed*.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> from toolkit.records.schema import Provenance
    >>> turn = Turn(
    ...     record_id="t1",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.DERIVED,
    ...     input_tokens=10,
    ...     cache_read_tokens=90,
    ...     output_tokens=5,
    ... )
    >>> turn.tokens
    105
    """

    kind: ClassVar[str] = "turn"

    agent_id: str | None = None
    calls: int | None = bounded(0, 1e6)
    hidden: bool | None = None
    prompted: bool | None = None
    latency_s: float | None = bounded(0)
    censored: bool | None = None
    context_tokens: int | None = bounded(0, MAX_TOKENS)
    input_tokens: int | None = bounded(0, MAX_TOKENS)
    cache_read_tokens: int | None = bounded(0, MAX_TOKENS)
    cache_write_5m_tokens: int | None = bounded(0, MAX_TOKENS)
    cache_write_1h_tokens: int | None = bounded(0, MAX_TOKENS)
    output_tokens: int | None = bounded(0, MAX_TOKENS)
    reasoning_tokens: int | None = bounded(0, MAX_TOKENS)
    money_usd: float | None = bounded(0)
    price_basis: str | None = None
    price_date: str | None = None
    declared_usd: float | None = bounded(0)

    @property
    def tokens(self) -> int | None:
        """All tokens of the reply, each once; `None` where none are recorded."""
        classes = (
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.output_tokens,
        )
        known = [count for count in classes if count is not None]
        return sum(known) if known else None

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:
        """Rank the last copy of a streamed reply first: the most calls, then output."""
        get = row.get
        said: int = (get("calls") or 0) * 10**9 + (get("output_tokens") or 0)
        return said * 4 + ("money_usd" in row) + ("latency_s" in row)
