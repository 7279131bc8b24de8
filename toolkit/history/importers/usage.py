"""Token counts in one normal form, whatever a client counts.

Clients disagree on whether the input contains what was read from a cache, and whether
the output contains the reasoning. Here the classes do not overlap, but for the reasoning,
which is a part of the output. What a client does not say is unknown.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["TokenUsage"]

MAX_TOKENS = 10**12


class TokenUsage(NamedTuple):
    """Tokens of one reply, by class; see `toolkit.records.Turn`.

    Examples
    --------
    >>> usage = TokenUsage.with_cached_inside(
    ...     fresh_and_cached=100, cached=90, output=7, reasoning=5
    ... )
    >>> usage.input_tokens, usage.context_tokens
    (10, 100)
    """

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def context_tokens(self) -> int | None:
        """Everything that was in front of the model; `None` without its input."""
        if self.input_tokens is None:
            return None
        return (
            self.input_tokens
            + (self.cache_read_tokens or 0)
            + (self.cache_write_5m_tokens or 0)
            + (self.cache_write_1h_tokens or 0)
        )

    @classmethod
    def with_cached_inside(
        cls,
        *,
        fresh_and_cached: object,
        cached: object = None,
        written: object = None,
        output: object = None,
        reasoning: object = None,
        reasoning_beside: bool = False,
    ) -> "TokenUsage":
        """Normalise the counts of a client whose input contains what was cached.

        Parameters
        ----------
        fresh_and_cached, cached, written : object
            Input, the part of it that was read from a cache, and the part written to
            one; what is no count is unknown.
        output, reasoning : object
        reasoning_beside : bool
            The client counts the reasoning beside the output, not in it.

        Returns
        -------
        TokenUsage
            Input, cache reads, cache writes and output counted apart; unknown stays
            unknown.
        """
        total, read, wrote = count(fresh_and_cached), count(cached), count(written)
        fresh = None
        if total is not None:
            fresh = max(total - (read or 0) - (wrote or 0), 0)
        said, thought = count(output), count(reasoning)
        if reasoning_beside and said is not None:
            said += thought or 0
        return cls(fresh, read, wrote, None, said, thought)

    @classmethod
    def from_anthropic(cls, usage: Mapping[str, Any]) -> "TokenUsage":
        """Read the `usage` of a message of Anthropic's interface.

        Parameters
        ----------
        usage : mapping

        Returns
        -------
        TokenUsage

        Examples
        --------
        >>> TokenUsage.from_anthropic(
        ...     {
        ...         "input_tokens": 3,
        ...         "cache_creation_input_tokens": 8,
        ...         "output_tokens": 2,
        ...     }
        ... ).cache_write_5m_tokens
        8
        """
        get = usage.get
        return cls.of_anthropic(
            get("input_tokens"),
            get("cache_read_input_tokens"),
            get("cache_creation_input_tokens"),
            get("cache_creation"),
            get("output_tokens"),
        )

    @classmethod
    def of_anthropic(
        cls, fresh: object, read: object, written: object, parts: object, output: object
    ) -> "TokenUsage":
        """Normalise the counts of `from_anthropic`, given one by one.

        Parameters
        ----------
        fresh, read, written, output : object
            What is no count is unknown.
        parts : object
            What was written to caches by their duration, where that is a dict.

        Returns
        -------
        TokenUsage
        """
        long = None
        if isinstance(parts, dict):
            short = count(parts.get("ephemeral_5m_input_tokens"))
            long = count(parts.get("ephemeral_1h_input_tokens"))
            if short is not None or long is not None:
                written = short
        return cls(count(fresh), count(read), count(written), long, count(output))


def count(value: object) -> int | None:
    """Keep a whole number of tokens; anything else is unknown."""
    if value.__class__ is int and 0 <= value <= MAX_TOKENS:
        return value
    return None
