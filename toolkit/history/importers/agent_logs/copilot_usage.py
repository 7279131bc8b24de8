"""What the database of Copilot CLI says of its requests: tokens by class, and their cost.

`session-store.db` lies two folders above the event log. It holds a row for every request,
in order, and names no message: a row belongs to the reply of the same agent that wrote as
many tokens, in the same order. A request that no reply is found for (a compaction, an
attempt that was given up) was paid too; it becomes a turn without calls.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.log import (
    MAIN,
    AgentLog,
    AgentReply,
    text_or_none,
)
from toolkit.history.importers.usage import TokenUsage

__all__ = ["add_usage"]

DATABASE = "session-store.db"

NANO_UNITS_PER_USD = 1e11
"""Of the unit that the client bills in, as its source has it."""

COLUMNS = (
    "id",
    "created_at",
    "agent_id",
    "parent_tool_call_id",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "total_nano_aiu",
)
"""What is read of a request; older databases lack some."""

UNCOUNTED = -1
"""Output of a reply that the log does not count: no request has it."""

LEAST_COLUMNS = {"session_id", "output_tokens", "input_tokens"}


class _Request(NamedTuple):
    """One request of a session."""

    number: int
    at: datetime | None
    model: str | None
    usage: TokenUsage
    declared_usd: float | None


def add_usage(log: AgentLog, path: Path, sink: ImportSink) -> None:
    """Add the tokens of every request to the replies of a session.

    Parameters
    ----------
    log : AgentLog
    path : path
        Its event log, `session-state/<session>/events.jsonl`.
    sink : ImportSink
        Counts what could not be used.
    """
    database = path.resolve().parent.parent.parent / DATABASE
    if not database.is_file():
        return
    try:
        requests = _requests(database, log.session_id)
    except sqlite3.Error:
        sink.pass_over("database of requests that cannot be read")
        return
    replies: dict[str, list[AgentReply]] = defaultdict(list)
    for reply in log.replies:
        replies[reply.agent_id].append(reply)
    added = [
        reply
        for agent, own in requests.items()
        for reply in _joined(replies.get(agent, []), own, agent, sink)
    ]
    if added:
        log.replies += added
        log.replies.sort(key=lambda reply: reply.at)


def _requests(database: Path, session: str) -> dict[str, list[_Request]]:
    """Read the requests of a session by agent; the database may be written meanwhile."""
    found: dict[str, list[_Request]] = defaultdict(list)
    with closing(
        sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)
    ) as opened:
        table = opened.execute("PRAGMA table_info(assistant_usage_events)")
        columns = {row[1] for row in table}
        if not columns >= LEAST_COLUMNS:
            return found
        chosen = [
            f"{name if name in columns else 'NULL'} AS {name}" for name in COLUMNS
        ]
        if "id" not in columns:
            chosen[0] = "rowid AS id"
        rows = opened.execute(
            f"SELECT {', '.join(chosen)} FROM assistant_usage_events "  # noqa: S608 - names of ours
            "WHERE session_id = ? ORDER BY 1",
            (session,),
        )
        for values in rows:
            row = dict(zip(COLUMNS, values, strict=True))
            agent = row["parent_tool_call_id"] or row["agent_id"] or MAIN
            found[str(agent)].append(_request(row))
    return found


def _request(row: dict[str, Any]) -> _Request:
    cost = row["total_nano_aiu"]
    billed = isinstance(cost, (int, float)) and cost >= 0
    return _Request(
        int(row["id"]),
        _moment(row["created_at"]),
        text_or_none(row["model"]),
        TokenUsage.with_cached_inside(
            fresh_and_cached=row["input_tokens"],
            cached=row["cache_read_tokens"],
            written=row["cache_write_tokens"],
            output=row["output_tokens"],
            reasoning=row["reasoning_tokens"],
        ),
        cost / NANO_UNITS_PER_USD if billed else None,
    )


def _moment(value: object) -> datetime | None:
    """Read a time as the database writes it: UTC where no zone is named."""
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]  # checked by trying
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _joined(
    replies: Sequence[AgentReply],
    requests: Sequence[_Request],
    agent: str,
    sink: ImportSink,
) -> Iterator[AgentReply]:
    """Join replies and requests of one agent; yield a reply for each request left over."""
    alike = SequenceMatcher(
        None,
        [UNCOUNTED if (n := r.usage.output_tokens) is None else n for r in replies],
        [request.usage.output_tokens for request in requests],
        autojunk=False,
    )
    left = dict(enumerate(requests))
    for first, start, length in alike.get_matching_blocks():
        for step in range(length):
            request = left.pop(start + step)
            reply = replies[first + step]
            reply.usage = request.usage
            reply.declared_usd = request.declared_usd
            reply.model = reply.model or request.model
    for request in left.values():
        if request.at is None:
            sink.pass_over("request without a time")
            continue
        yield AgentReply(
            f"request {request.number}",
            request.at,
            agent_id=agent,
            model=request.model,
            usage=request.usage,
            declared_usd=request.declared_usd,
        )
