"""The replies of the model in a transcript, each of which is written as several lines."""

import re
from datetime import datetime
from typing import Any

from toolkit.history.importers.claude_code.lines import Usage
from toolkit.history.importers.claude_code.timing import CLOCK_SLACK_S, SLEEP_S
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Provenance, Turn, record_id

__all__ = ["ModelReply", "turn_of", "turn_record_id"]

DRAWN_ID = re.compile(r"(?:msg_|req_|chatcmpl-|resp_|gen-)[\w-]{16,}")
"""Ids of replies that a provider drew at random: no two replies anywhere share one."""


class ModelReply:
    """One reply, as far as it has been seen; times are seconds since 1970.

    Attributes
    ----------
    identity : str
        Record id of its turn.
    line : int
        Of its first block, 1-based.
    at : datetime
        When its first block was written.
    since_s : float or None
        When the last result or prompt before it was written.
    prompted : bool
        A person, or who set the agent its task, wrote since the reply before.
    model, version, branch : str or None
    counts : Usage or None
        What the last line seen says of tokens: earlier ones are written while the reply
        streams.
    calls : int
    """

    __slots__ = (
        "_usage",
        "at",
        "branch",
        "calls",
        "counts",
        "identity",
        "line",
        "model",
        "prompted",
        "since_s",
        "version",
    )

    def __init__(
        self,
        identity: str,
        line: int,
        at: datetime,
        *,
        since_s: float | None,
        prompted: bool,
        model: str | None,
        version: str | None,
        branch: str | None,
    ) -> None:
        self.identity = identity
        self.line = line
        self.at = at
        self.since_s = since_s
        self.prompted = prompted
        self.model = model
        self.version = version
        self.branch = branch
        self.counts: Usage | None = None
        self.calls = 0
        self._usage: TokenUsage | None = None

    @property
    def usage(self) -> TokenUsage:
        """The tokens by class; ask when all lines have been seen."""
        if self._usage is None:
            said = self.counts
            self._usage = TokenUsage()
            if said is not None:
                self._usage = TokenUsage.of_anthropic(
                    said.input_tokens,
                    said.cache_read_input_tokens,
                    said.cache_creation_input_tokens,
                    said.cache_creation,
                    said.output_tokens,
                )
        return self._usage


def turn_record_id(message_id: str, request_id: str, session_id: str) -> str:
    """Derive the identity of a turn.

    A fork repeats replies under another session, so an id that a provider drew at random
    stands alone; others are unique within their session at most. A proxy may give every
    reply one message id: its request ids then differ.

    Examples
    --------
    >>> one = turn_record_id("msg_01Gk6fgWirrrH3sgb8Gnrg", "req_1", "a")
    >>> one == turn_record_id("msg_01Gk6fgWirrrH3sgb8Gnrg", "req_1", "b")
    True
    >>> turn_record_id("msg_proxy", "1", "a") == turn_record_id("msg_proxy", "2", "a")
    False
    """
    scope = "" if DRAWN_ID.fullmatch(message_id) else session_id
    return record_id("claude-code", "turn", message_id, request_id, scope)


def turn_of(
    reply: ModelReply,
    session_id: str,
    agent_id: str,
    *,
    source: str,
    project: str | None,
) -> dict[str, Any]:
    """Write a reply as a row.

    Parameters
    ----------
    reply : ModelReply
    session_id, agent_id : str
    source : str
    project : str or None

    Raises
    ------
    SchemaError
        A count is outside its range.
    """
    latency_s, slept = _latency(reply)
    usage = reply.usage
    return Turn.row(
        record_id=reply.identity,
        at=reply.at,
        source=source,
        source_version=reply.version,
        provenance=Provenance.DERIVED,
        session_id=session_id,
        group_id=session_id,
        project=project,
        branch=reply.branch,
        client=source,
        model=reply.model,
        agent_id=agent_id,
        calls=reply.calls,
        prompted=reply.prompted,
        latency_s=latency_s,
        censored=slept,
        context_tokens=usage.context_tokens,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
    )


def _latency(reply: ModelReply) -> tuple[float | None, bool]:
    """Time from the last result or prompt to the first block; a long one held sleep."""
    if reply.since_s is None:
        return None, False
    seconds = round(reply.at.timestamp() - reply.since_s, 3)
    if seconds > SLEEP_S:
        return None, True
    if seconds < 0:
        return (0.0 if seconds > -CLOCK_SLACK_S else None), False
    return seconds, False
