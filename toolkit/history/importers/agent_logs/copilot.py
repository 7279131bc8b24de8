"""Reads the event logs of GitHub Copilot CLI.

Calls have their own starts and ends, and permission requests the exact time that a
person took. Only the output of a reply is counted in this log; what its input was stands
in the client's database (`copilot_usage`), and without it the reply has no price. The
success flag says nothing about a command's exit.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.agents import SPAWNING
from toolkit.history.importers.agent_logs.copilot_usage import add_usage
from toolkit.history.importers.agent_logs.log import (
    MAIN,
    AgentCall,
    AgentLog,
    AgentReply,
    parse_iso_time,
    text_or_none,
)
from toolkit.history.importers.agent_logs.results import (
    exit_code,
    is_aborted,
    result_text,
)
from toolkit.history.importers.agent_logs.source import LineLogSource, LineReader
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import UnreadableLineError
from toolkit.history.importers.texts import texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome, is_unique_call_id

__all__ = ["CopilotSource"]

MOST = 10**12
"""Largest count that is believed."""

REFUSALS = frozenset({"denied", "rejected"})
"""Error codes of a call that a person did not allow."""


class CopilotSource(LineLogSource):
    """Reads `events.jsonl` files, gzipped or not; see the module.

    Examples
    --------
    >>> CopilotSource().name
    'copilot'
    """

    name = "copilot"
    what = "session of GitHub Copilot"

    def is_log(self, path: Path) -> bool:
        """Whether it is the event log of a session."""
        return path.name in ("events.jsonl", "events.jsonl.gz")

    def reader(self, sink: ImportSink) -> LineReader:  # noqa: ARG002 - it counts nothing
        """Read the events of a session."""
        return _Events()

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read one session, and what the database beside it says of its requests.

        Raises
        ------
        InputDataError
            No line of it names a session.
        """
        for log in super().logs(path, sink):
            add_usage(log, path, sink)
            yield log


class _Events:
    """Takes the events of one session, in their order."""

    def __init__(self) -> None:
        self.log: AgentLog | None = None
        self._ordered: list[AgentReply] = []
        self._model: str | None = None
        self._calls: dict[str, tuple[AgentCall, AgentReply]] = {}
        self._replies: dict[str, AgentReply] = {}
        self._asked: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._prompted = False
        self._flows: dict[str, DeferredFlow] = defaultdict(DeferredFlow)

    def take(self, row: dict[str, Any]) -> None:
        kind, data = row.get("type"), row.get("data")
        if not isinstance(kind, str) or not isinstance(data, dict):
            raise UnreadableLineError("not an event", field="type")
        if kind == "session.start" and self.log is None:
            self._start(data)
            return
        if self.log is None:
            raise UnreadableLineError("before the session is named", field="type")
        name = row.get("agentId")
        agent = name if isinstance(name, str) and name else MAIN
        if kind == "session.model_change":
            self._model = text_or_none(data.get("newModel")) or self._model
        elif kind == "user.message":
            self._prompted |= agent == MAIN
            for text in texts_of(data.get("content")):
                self._flows[agent].write(text)
            self._since[agent] = parse_iso_time(row.get("timestamp")).timestamp()
        elif kind == "assistant.message":
            self._message(data, parse_iso_time(row.get("timestamp")), agent)
        elif kind.startswith(("tool.execution_", "permission.", "subagent.")):
            self._step(
                kind, data, parse_iso_time(row.get("timestamp")).timestamp(), agent
            )

    def follow(self, *, ends: bool) -> None:
        for flow in self._flows.values():
            flow.follow(ends=ends)

    def _start(self, data: dict[str, Any]) -> None:
        name, context = data.get("sessionId"), data.get("context")
        if not isinstance(name, str) or not name:
            raise UnreadableLineError("not an id", field="data.sessionId")
        context = context if isinstance(context, dict) else {}
        self._model = text_or_none(data.get("selectedModel"))
        self.log = AgentLog(
            session_id=name,
            client="copilot-cli",
            version=text_or_none(data.get("copilotVersion")),
            folder=text_or_none(context.get("gitRoot"))
            or text_or_none(context.get("cwd")),
            branch=text_or_none(context.get("branch")),
            replies=self._ordered,
        )

    def _message(self, data: dict[str, Any], at: datetime, agent: str) -> None:
        name, requests = data.get("messageId"), data.get("toolRequests")
        if not isinstance(name, str) or not name:
            raise UnreadableLineError("not an id", field="data.messageId")
        reply = self._replies.get(name)
        if reply is None:
            reply = self._replies[name] = AgentReply(
                name,
                at,
                agent_id=agent,
                model=text_or_none(data.get("model")) or self._model,
                since_s=self._since.get(agent),
                prompted=self._prompted and agent == MAIN,
            )
            self._prompted &= agent != MAIN
            self._ordered.append(reply)
        output = TokenUsage.with_cached_inside(
            fresh_and_cached=None, output=data.get("outputTokens")
        )
        if output.output_tokens is not None:
            reply.usage = output
        for text in texts_of(data.get("content")):
            self._flows[agent].say(text)
        for request in requests if isinstance(requests, list) else []:
            self._request(request, reply, at)

    def _request(self, request: object, reply: AgentReply, at: datetime) -> None:
        call_id = request.get("toolCallId") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(call_id, str) or not call_id:
            raise UnreadableLineError("not an id", field="toolRequests.toolCallId")
        known = self._calls.get(call_id)
        if known is not None and not _is_again(*known, reply):
            return
        given = request.get("arguments")
        texts = texts_of(given)
        call = AgentCall.begun(
            call_id, request.get("name"), given, at.timestamp(), texts
        )
        background = isinstance(given, dict) and given.get("mode") == "background"
        if background and call.operation.operation_type == SPAWNING:
            call.spawned().background = True
        flow = self._flows[reply.agent_id]
        if not reply.calls:
            flow.begin_batch()
        flow.call(call, given, texts)
        reply.calls.append(call)
        self._calls[call_id] = call, reply

    def _step(self, kind: str, data: dict[str, Any], at_s: float, agent: str) -> None:
        """Take what became of a call: its start, its permission, its end."""
        asked = data.get("permissionRequest")
        call_id = data.get("toolCallId")
        if call_id is None and isinstance(asked, dict):
            call_id = asked.get("toolCallId")
        known = self._calls.get(str(call_id))
        if known is None:
            return
        call, reply = known
        if kind == "tool.execution_start":
            call.start_s = at_s
        elif kind == "permission.requested":
            self._asked[call.call_id] = at_s
        elif kind == "permission.completed":
            call.waiting_s += max(at_s - self._asked.pop(call.call_id, at_s), 0.0)
        elif kind.startswith("subagent."):
            _note_agent(call, kind, data, at_s)
        elif kind == "tool.execution_complete":
            self._since[agent] = at_s
            call.end_s = at_s
            reply.ended(at_s)
            result = data.get("result")
            if isinstance(result, dict):
                self._flows[reply.agent_id].result(result.get("content"))
            _end(call, data)


def _is_again(call: AgentCall, of: AgentReply, reply: AgentReply) -> bool:
    """Whether an id that a model counts stands for another call, not for a copy."""
    ended = call.end_s is not None
    return ended and of is not reply and not is_unique_call_id(call.call_id)


def _note_agent(call: AgentCall, kind: str, data: dict[str, Any], at_s: float) -> None:
    """Note what became of the agent that a call began; its events name that call."""
    agent = call.spawned()
    agent.agent_id = call.call_id
    if kind in ("subagent.completed", "subagent.failed"):
        worked_ms = _count(data.get("durationMs"))
        failed = kind == "subagent.failed"
        agent.outcome = Outcome.FAILED if failed else Outcome.SUCCEEDED
        agent.end_s = at_s
        agent.worked_s = None if worked_ms is None else worked_ms / 1000
        agent.tokens = _count(data.get("totalTokens"))
        agent.calls = _count(data.get("totalToolCalls"))


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST else None


def _end(call: AgentCall, data: dict[str, Any]) -> None:
    text, call.result_characters = result_text(data.get("result"))
    error = data.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if data.get("success") is False and text_or_none(code) in REFUSALS:
        call.outcome, call.why = Outcome.CANCELLED, "refused"
    elif is_aborted(text):
        call.outcome, call.why = Outcome.CANCELLED, "interrupted"
    elif data.get("success") is False or exit_code(text) not in (0, None):
        call.outcome = Outcome.FAILED
    else:
        call.outcome = Outcome.SUCCEEDED
