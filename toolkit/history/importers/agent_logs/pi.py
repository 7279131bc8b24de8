"""Reads the sessions of pi: lines of messages, with a cost on every reply.

A result has the time at which it came, so a call's own duration is from its reply to
that. Branches of one conversation lie in one file; all of them were paid.
"""

from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.log import (
    AgentCall,
    AgentLog,
    AgentReply,
    money_or_none,
    parse_iso_time,
    text_or_none,
)
from toolkit.history.importers.agent_logs.results import is_aborted, result_text
from toolkit.history.importers.agent_logs.source import LineLogSource, LineReader
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import UnreadableLineError
from toolkit.history.importers.texts import block_texts, texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = ["PiSource"]


class PiSource(LineLogSource):
    """Reads `*.jsonl` sessions, gzipped or not; see the module.

    Examples
    --------
    >>> PiSource().name
    'pi'
    """

    name = "pi"
    what = "session of pi"

    def is_log(self, path: Path) -> bool:
        """Whether it is a file of JSON lines."""
        return path.name.endswith((".jsonl", ".jsonl.gz"))

    def reader(self, sink: ImportSink) -> LineReader:  # noqa: ARG002 - it counts nothing
        """Read the lines of a session."""
        return _Session()


class _Session:
    """Takes the lines of one session."""

    def __init__(self) -> None:
        self.log: AgentLog | None = None
        self._replies: list[AgentReply] = []
        self._calls: dict[str, tuple[AgentCall, AgentReply]] = {}
        self._since_s: float | None = None
        self._prompted = False
        self._flow = DeferredFlow()

    def take(self, row: dict[str, Any]) -> None:
        kind, message = row.get("type"), row.get("message")
        if self.log is None and kind != "session":
            raise InputDataError(f"no {PiSource.what}")
        if kind == "session" and self.log is None:
            name, folder = row.get("id"), row.get("cwd")
            if not isinstance(name, str) or not isinstance(folder, str):
                raise UnreadableLineError("not a session", field="id")
            version = row.get("version", 1)
            self.log = AgentLog(
                session_id=name,
                client="pi",
                version=f"format-{version}",
                folder=folder,
                replies=self._replies,
            )
        elif kind == "message" and isinstance(message, dict):
            self._message(row, message)

    def follow(self, *, ends: bool) -> None:
        self._flow.follow(ends=ends)

    def _message(self, row: dict[str, Any], message: dict[str, Any]) -> None:
        at_s = parse_iso_time(row.get("timestamp")).timestamp()
        role = message.get("role")
        if role == "user":
            self._prompted, self._since_s = True, at_s
            for text in block_texts(message.get("content")):
                self._flow.write(text)
        elif role == "assistant":
            self._reply(row, message)
        elif role == "toolResult":
            self._since_s = at_s
            known = self._calls.get(str(message.get("toolCallId")))
            if known is not None:
                self._flow.result(message.get("content"))
                _end(*known, message, at_s)

    def _reply(self, row: dict[str, Any], message: dict[str, Any]) -> None:
        usage, model = message.get("usage"), message.get("model")
        usage = usage if isinstance(usage, dict) else {}
        cost = usage.get("cost")
        total = cost.get("total") if isinstance(cost, dict) else None
        reply = AgentReply(
            f"{row.get('id')}/{row.get('timestamp')}",
            parse_iso_time(row.get("timestamp")),
            model=text_or_none(model),
            since_s=self._since_s,
            prompted=self._prompted,
            usage=TokenUsage.from_anthropic(
                {
                    "input_tokens": usage.get("input"),
                    "cache_read_input_tokens": usage.get("cacheRead"),
                    "cache_creation_input_tokens": usage.get("cacheWrite"),
                    "output_tokens": usage.get("output"),
                }
            ),
            declared_usd=money_or_none(total),
        )
        self._prompted = False
        self._replies.append(reply)
        content = message.get("content")
        for text in block_texts(content):
            self._flow.say(text)
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "toolCall":
                call = _call(block, reply)
                if not reply.calls:
                    self._flow.begin_batch()
                given = block.get("arguments")
                self._flow.call(call, given, texts_of(given))
                reply.calls.append(call)
                self._calls[call.call_id] = call, reply


def _call(block: dict[str, Any], reply: AgentReply) -> AgentCall:
    call_id, given = block.get("id"), block.get("arguments")
    if not isinstance(call_id, str) or not call_id:
        raise UnreadableLineError("not an id", field="toolCall.id")
    return AgentCall.begun(call_id, block.get("name"), given, reply.at.timestamp())


def _end(
    call: AgentCall, reply: AgentReply, message: dict[str, Any], at_s: float
) -> None:
    text, call.result_characters = result_text(message)
    call.end_s = at_s
    reply.ended(at_s)
    if message.get("isError") and is_aborted(text):
        call.outcome, call.why = Outcome.CANCELLED, "interrupted"
    else:
        call.outcome = Outcome.FAILED if message.get("isError") else Outcome.SUCCEEDED
