"""Reads the chats of Gemini CLI, as one document or as a log of changes.

All calls of a reply carry one time: the end of the whole batch, with what a person took
inside it. No call has separate times, and none are made up.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import (
    ImportSink,
    TokenUsage,
    UnreadableLineError,
    reason_of,
    text_length,
    texts_of,
)
from toolkit.history.importers.agent_logs.log import (
    AgentCall,
    AgentLog,
    AgentReply,
    parse_iso_time,
    text_or_none,
)
from toolkit.history.importers.agent_logs.results import exit_code
from toolkit.history.importers.agent_logs.source import (
    AgentLogSource,
    rows_of,
    whole_document,
)
from toolkit.records import Outcome

__all__ = ["GeminiSource"]

ENDS = {
    "success": Outcome.SUCCEEDED,
    "error": Outcome.FAILED,
    "cancelled": Outcome.CANCELLED,
}


class GeminiSource(AgentLogSource):
    """Reads `chats/session-*.json` and `.jsonl`, gzipped or not; see the module.

    Examples
    --------
    >>> GeminiSource().name
    'gemini'
    """

    name = "gemini"

    def is_log(self, path: Path) -> bool:
        """Whether it is a chat, of a session or of one of its agents."""
        named = path.name.removesuffix(".gz")
        return "chats" in path.parts and named.endswith((".json", ".jsonl"))

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read one chat.

        Raises
        ------
        InputDataError
            It names no session and no project.
        """
        if path.name.removesuffix(".gz").endswith(".jsonl"):
            header, messages = _changes(path, sink)
        else:
            header = whole_document(path, sink)
            listed = header.get("messages")
            messages = listed if isinstance(listed, list) else []
        session = header.get("sessionId")
        if not isinstance(session, str) or "projectHash" not in header:
            raise InputDataError("no chat of Gemini CLI", file=path)
        yield _log(session, str(header["projectHash"]), messages, sink)


def _changes(path: Path, sink: ImportSink) -> tuple[dict[str, Any], list[Any]]:
    """Read a log of changes: a message comes again whole whenever it changes."""
    header: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for _, row in rows_of(path, sink):
        changed = row.get("$set")
        if isinstance(changed, dict):
            rebuilt = changed.get("messages")
            if isinstance(rebuilt, list):
                messages = {str(m.get("id")): m for m in rebuilt if isinstance(m, dict)}
            header |= {k: v for k, v in changed.items() if k != "messages"}
        elif "$rewindTo" in row:
            sink.pass_over("rewind: its replies were paid and are kept")
        elif "sessionId" in row and "type" not in row:
            header |= row
        elif isinstance(row.get("id"), str):
            messages[row["id"]] = row
    return header, list(messages.values())


def _is_object(message: object) -> bool:
    return isinstance(message, dict)


def _log(session: str, project: str, messages: list[Any], sink: ImportSink) -> AgentLog:
    log = AgentLog(
        session_id=session,
        client="gemini-cli",
        folder=project,
        own_times=False,
        asks_unseen=True,
    )
    since_s: float | None = None
    prompted = False
    for message in filter(_is_object, messages):
        try:
            at = parse_iso_time(message.get("timestamp"))
            if message.get("type") == "user":
                since_s, prompted = at.timestamp(), True
            elif message.get("type") == "gemini":
                reply = _reply(message, since_s, prompted=prompted)
                log.replies.append(reply)
                since_s, prompted = reply.end_s or at.timestamp(), False
        except UnreadableLineError as error:
            sink.reject(1, reason_of(error))
    return log


def _reply(
    message: dict[str, Any], since_s: float | None, *, prompted: bool
) -> AgentReply:
    tokens, model = message.get("tokens"), message.get("model")
    tokens = tokens if isinstance(tokens, dict) else {}
    reply = AgentReply(
        str(message.get("id")),
        parse_iso_time(message.get("timestamp")),
        model=text_or_none(model),
        since_s=since_s,
        prompted=prompted,
        usage=TokenUsage.with_cached_inside(
            fresh_and_cached=tokens.get("input"),
            cached=tokens.get("cached"),
            output=tokens.get("output"),
            reasoning=tokens.get("thoughts"),
            reasoning_beside=True,
        ),
    )
    listed = message.get("toolCalls")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            reply.calls.append(_call(item, reply))
    return reply


def _call(item: dict[str, Any], reply: AgentReply) -> AgentCall:
    given = item.get("args")
    texts = texts_of(item.get("result"))
    call = AgentCall.begun(
        str(item.get("id")), item.get("name"), given, reply.at.timestamp()
    )
    call.outcome = ENDS.get(str(item.get("status")), Outcome.UNKNOWN)
    call.result_characters = sum(map(text_length, texts))
    if call.outcome is Outcome.CANCELLED:
        call.why = "refused"
    if any(exit_code(text) not in (0, None) for text in texts):
        call.outcome = Outcome.FAILED
    if item.get("timestamp") is not None and call.outcome is not Outcome.UNKNOWN:
        reply.ended(parse_iso_time(item["timestamp"]).timestamp())
    return call
