"""Reads the rollouts of Codex CLI.

A rollout names no reply: a batch is a run of calls without an output between, and its
tokens are those of the first count after it whose total changed. In *code mode* the
client runs calls that the rollout does not list; such a reply is a hidden batch, never a
batch of one. A fork or a child begins with a copy of its parent's lines.

Rollouts of 2025 are bare items without an envelope, and only the first line has a time:
what began when is unknown, and a call's duration is the one written into its result.
"""

import re
import string
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.agents import SPAWNING
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
    result_ends,
    result_text,
    wall_time,
    went_on,
)
from toolkit.history.importers.agent_logs.source import LineLogSource, LineReader
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import UnreadableLineError, decode_text
from toolkit.history.importers.texts import block_texts, texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome, is_unique_call_id

__all__ = ["CodexSource"]

CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
OUTPUTS = frozenset(
    {"function_call_output", "custom_tool_call_output", "local_shell_call_output"}
)
KNOWN = frozenset(
    {"session_meta", "turn_context", "response_item", "event_msg", "compacted"}
)
BARE = CALLS | OUTPUTS | {"message", "reasoning"}
"""Items that a rollout of 2025 holds without an envelope."""

CODE_MODE = "exec"
"""Tool of code mode: its argument is a program that calls other tools."""

JSON_BEGINS = (*'{["-tfnNI', *string.digits, *" \t\n\r")
"""What a JSON value may begin with; most arguments that are none begin otherwise."""

BURST_S = 1.0
"""Longest gap between the lines that a fork copies."""


MOST_S = 10**9
"""Longest duration that is believed, in seconds."""

_AGENT = re.compile(r'"agent_id":\s*"([\w-]{1,100})"')
_NOTICE = re.compile(
    r"<subagent_notification>\s*\{[^<]{0,400}?"
    r'"agent_id":\s*"([\w-]{1,100})"[^<]{0,400}?"status":\s*\{?\s*"(\w{1,20})"'
)
_STATUSES = {
    "completed": Outcome.SUCCEEDED,
    "errored": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "shutdown": Outcome.CANCELLED,
}
"""How a notice words the end of an agent."""


class CodexSource(LineLogSource):
    """Reads `rollout-*.jsonl` files, compressed or not; see the module.

    Examples
    --------
    >>> CodexSource().name
    'codex'
    """

    name = "codex"
    what = "rollout of Codex"

    def is_log(self, path: Path) -> bool:
        """Whether it is a rollout; a compressed one beside a plain one is a copy."""
        if not path.name.startswith("rollout-"):
            return False
        if path.name.endswith(".jsonl.zst"):
            return not path.with_suffix("").exists()
        return path.name.endswith((".jsonl", ".jsonl.gz"))

    def reader(self, sink: ImportSink) -> LineReader:
        """Read the lines of a rollout."""
        return _Rollout(sink)


class _Rollout:
    """Takes the lines of one rollout."""

    def __init__(self, sink: ImportSink) -> None:
        self.log: AgentLog | None = None
        self._replies: list[AgentReply] = []
        self._sink = sink
        self._agent = MAIN
        self._model: str | None = None
        self._calls: dict[str, tuple[AgentCall, AgentReply]] = {}
        self._ended: set[str] = set()
        self._open: AgentReply | None = None
        self._uncounted: AgentReply | None = None
        self._since_s: float | None = None
        self._prompted = False
        self._block: datetime | None = None
        self._total: object = None
        self._copied_s: float | None = None
        self._begun: datetime | None = None
        self._agents: dict[str, AgentCall] = {}
        self._flow = DeferredFlow()

    def take(self, row: dict[str, Any]) -> None:
        kind, payload = row.get("type"), row.get("payload")
        if payload is None and self._take_bare(row, kind):
            return
        if not isinstance(kind, str):
            raise UnreadableLineError("not a line of a rollout", field="type")
        if kind not in KNOWN or not isinstance(payload, dict):
            self._sink.pass_over(f"line {kind[:40]}" if kind.isidentifier() else "line")
            return
        at = parse_iso_time(row.get("timestamp"))
        if kind == "session_meta":
            self._meta(payload, at)
        elif self.log is None:
            raise UnreadableLineError("before the session is named", field="type")
        elif self._copied_s is not None and self._is_copied(at):
            self._sink.pass_over("line copied from a parent")
            for text in texts_of(payload):  # what the agent knows from its beginning
                self._flow.write(text)
        elif kind == "response_item":
            self._item(payload, at)
        elif kind == "event_msg":
            self._event(payload, at)
        elif kind == "turn_context" and isinstance(payload.get("model"), str):
            self._model = payload["model"]

    def follow(self, *, ends: bool) -> None:
        self._flow.follow(ends=ends)

    def _take_bare(self, row: dict[str, Any], kind: object) -> bool:
        """Take a line of a rollout of 2025; say whether it is one."""
        if kind is None and "record_type" in row and self._begun is not None:
            self._sink.pass_over("line state")
        elif kind is None and "id" in row and self.log is None:
            self._begun = parse_iso_time(row.get("timestamp"))
            self._meta(row, self._begun)
            if self.log is not None:
                self.log.stamped = False
        elif isinstance(kind, str) and kind in BARE and self._begun is not None:
            self._bare_item(row, kind)
        else:
            return False
        return True

    def _bare_item(self, item: dict[str, Any], kind: object) -> None:
        """Take an item: a reply goes from its first block to the results of its calls."""
        at = self._begun
        if at is None:
            return
        if kind == "message":
            self._follow(item)
        if kind == "message" and item.get("role") == "user":
            self._prompted = True
            self._open = None
        elif kind == "message" and item.get("role") == "assistant":
            self._open = self._open or self._begin(f"text {len(self._replies)}", at)
        else:
            self._item(item, at)
        self._since_s = None  # of two lines it is not known how long the second took

    def _meta(self, payload: dict[str, Any], at: datetime) -> None:
        if self.log is not None:
            return  # an ancestor's, copied
        name = payload.get("id")
        if not isinstance(name, str) or not name:
            raise UnreadableLineError("not an id", field="payload.id")
        parent = _parent(payload)
        git = payload.get("git")
        self._agent = name if parent else MAIN
        self.log = AgentLog(
            session_id=parent or name,
            client=text_or_none(payload.get("originator")) or "codex",
            version=text_or_none(payload.get("cli_version")),
            folder=text_or_none(payload.get("cwd")),
            branch=text_or_none(git.get("branch")) if isinstance(git, dict) else None,
            replies=self._replies,
        )
        if parent or payload.get("forked_from_id"):
            self._copied_s = at.timestamp()

    def _is_copied(self, at: datetime) -> bool:
        """Whether a line belongs to the burst that a fork begins with."""
        if self._copied_s is None:
            return False
        if at.timestamp() - self._copied_s < BURST_S:
            self._copied_s = at.timestamp()
            return True
        self._copied_s = None
        return False

    def _item(self, item: dict[str, Any], at: datetime) -> None:
        kind = text_or_none(item.get("type"))
        if kind == "message":
            self._follow(item)
        if kind in CALLS:
            self._call(item, at)
        elif kind in OUTPUTS:
            self._output(item, at)
        elif item.get("role") == "user":
            self._note_ends(item.get("content"), at)
        elif kind == "reasoning" or item.get("role") == "assistant":
            self._block = self._block or at

    def _follow(self, item: dict[str, Any]) -> None:
        """Follow the identifiers in a message: of the model's reply, or of another's."""
        note = self._flow.say if item.get("role") == "assistant" else self._flow.write
        for text in block_texts(item.get("content")):
            note(text)

    def _call(self, item: dict[str, Any], at: datetime) -> None:
        call_id = item.get("call_id") or item.get("id")
        if not isinstance(call_id, str) or not call_id:
            raise UnreadableLineError("not an id", field="payload.call_id")
        if call_id in self._calls and not self._is_again(call_id):
            return
        tool = item.get("name") or str(item.get("type"))
        given = _arguments(item)
        texts = texts_of(given)
        call = AgentCall.begun(call_id, tool, given, at.timestamp(), texts)
        reply = self._open
        if reply is None or not reply.calls:
            self._flow.begin_batch()
        self._flow.call(call, given, texts)
        if reply is None:
            again = f" {at.isoformat()}" if call_id in self._calls else ""
            reply = self._open = self._uncounted = self._begin(call_id + again, at)
        reply.hidden |= tool == CODE_MODE and item.get("type") == "custom_tool_call"
        reply.calls.append(call)
        self._calls[call_id] = call, reply
        self._ended.discard(call_id)

    def _is_again(self, call_id: str) -> bool:
        """Whether an id that a model counts stands for another call, not for a copy."""
        return not is_unique_call_id(call_id) and call_id in self._ended

    def _begin(self, reply_id: str, at: datetime) -> AgentReply:
        reply = AgentReply(
            reply_id,
            self._block or at,
            agent_id=self._agent,
            model=self._model,
            since_s=self._since_s,
            prompted=self._prompted,
        )
        self._replies.append(reply)
        self._prompted = False
        self._block = None
        return reply

    def _output(self, item: dict[str, Any], at: datetime) -> None:
        self._open = None
        self._since_s = at.timestamp()
        self._block = None
        known = self._calls.get(str(item.get("call_id")))
        if known is None:
            return
        call, reply = known
        output = item.get("output")
        shown = self._flow.result(output)
        self._ended.add(call.call_id)
        if output.__class__ is str:
            text, call.result_characters = result_ends(output), shown
        else:
            text, call.result_characters = result_text(output)
        took_s = wall_time(text)
        if call.end_s is None:
            call.end_s = None if took_s is None else call.start_s + took_s
        reply.end_s = self._since_s
        call.background = went_on(text)
        code = exit_code(text)
        if call.operation.operation_type == SPAWNING:
            agent = call.spawned()
            agent.background = True
            if (named := _AGENT.search(text)) is not None:
                self._name_agent(call, named[1])
        if is_aborted(text):
            call.outcome, call.why = Outcome.CANCELLED, "interrupted"
        elif call.outcome is Outcome.UNKNOWN and not call.background:
            failed = code != 0 if code is not None else _is_refusal(text)
            call.outcome = Outcome.FAILED if failed else Outcome.SUCCEEDED

    def _name_agent(self, call: AgentCall, thread: str) -> None:
        call.spawned().agent_id = thread
        self._agents[thread] = call

    def _note_ends(self, content: object, at: datetime) -> None:
        """Note the ends of agents that the client reports as a message of the user."""
        for text in block_texts(content):
            for thread, status in _NOTICE.findall(text):
                call = self._agents.get(thread)
                if call is None or status not in _STATUSES:
                    continue
                agent = call.spawned()
                agent.outcome = _STATUSES[status]
                agent.end_s = at.timestamp()
                agent.worked_s = round(max(agent.end_s - call.start_s, 0.0), 3)

    def _event(self, event: dict[str, Any], at: datetime) -> None:
        kind = event.get("type")
        if kind == "item_completed" and isinstance(event.get("item"), dict):
            event = event["item"]
            kind = event.get("type")
        if kind in ("sub_agent_activity", "SubAgentActivity"):
            known = self._calls.get(str(event.get("event_id") or event.get("id")))
            thread = event.get("agent_thread_id")
            if known is not None and isinstance(thread, str):
                self._name_agent(known[0], thread)
            return
        if kind == "token_count":
            self._count(event.get("info"), at)
        elif kind == "user_message":
            self._prompted = True
            self._since_s = at.timestamp()
            self._open = self._block = None
        elif kind == "agent_message":
            self._block = self._block or at
        elif kind in ("exec_command_end", "mcp_tool_call_end", "patch_apply_end"):
            known = self._calls.get(str(event.get("call_id")))
            took_s = _seconds(event.get("duration"))
            if known is None:
                return
            if took_s is not None:
                known[0].end_s = known[0].start_s + took_s
            if event.get("success") is False:
                known[0].outcome = Outcome.FAILED

    def _count(self, info: object, at: datetime) -> None:
        """Take a token count; one with the total of the count before says nothing."""
        if not isinstance(info, dict):
            return
        total, last = info.get("total_token_usage"), info.get("last_token_usage")
        if total == self._total or not isinstance(last, dict):
            return
        self._total = total
        reply = self._uncounted or self._begin(f"text {at.isoformat()}", at)
        self._uncounted = None
        reply.usage = TokenUsage.with_cached_inside(
            fresh_and_cached=last.get("input_tokens"),
            cached=last.get("cached_input_tokens"),
            written=last.get("cache_write_input_tokens"),
            output=last.get("output_tokens"),
            reasoning=last.get("reasoning_output_tokens"),
        )


def _parent(payload: dict[str, Any]) -> str | None:
    """Name the thread that spawned this one."""
    named = payload.get("parent_thread_id")
    if isinstance(named, str) and named:
        return named
    source = payload.get("source")
    for key in ("subagent", "thread_spawn"):
        source = source.get(key) if isinstance(source, dict) else None
    parent = source.get("parent_thread_id") if isinstance(source, dict) else None
    return parent if isinstance(parent, str) and parent else None


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    given = item.get("arguments", item.get("input", item.get("action")))
    if isinstance(given, str) and item.get("type") == "function_call":
        if not given.startswith(JSON_BEGINS):
            return {"text": given}
        try:
            given = decode_text(given)
        except (ValueError, RecursionError):
            return {"text": given}
    return given if isinstance(given, dict) else {"text": given}


def _is_refusal(text: str) -> bool:
    """Whether a result without an exit code says that the call was not done."""
    return text.startswith(
        (
            "apply_patch verification failed",
            "execution error",
            "exec_command failed",
            "failed to",
            "tool call error",
            "unsupported call",
            "write_stdin failed",
            "Script failed",
        )
    )


def _seconds(duration: object) -> float | None:
    if not isinstance(duration, dict):
        return None
    whole, rest = duration.get("secs"), duration.get("nanos", 0)
    if not isinstance(whole, int) or not isinstance(rest, int):
        return None
    if abs(whole) > MOST_S or abs(rest) > MOST_S * 10**9:
        return None
    return whole + rest / 1e9
