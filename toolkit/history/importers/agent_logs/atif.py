"""Reads trajectories in ATIF 1.0 to 1.8, to which Harbor converts the logs of many agents.

A step of an agent is a reply, and its calls are a batch; a step that stands for several
replies is a hidden one. A step has one time. It is not known what of the time until the
next step the calls took and what the model: the cycle of a batch goes from its step to
the next, and its parts are unknown. What a converter copied as context is left out.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.following import follow_reply
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
from toolkit.history.importers.agent_logs.source import AgentLogSource, whole_document
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import UnreadableLineError, reason_of
from toolkit.history.importers.texts import texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = ["AtifSource"]

VERSION = "ATIF-v"

DEEPEST = 20
"""Trajectories inside each other that are followed."""

WRITTEN = ("cache_creation_input_tokens", "cache_write_tokens", "cache_write")
REASONING = ("reasoning_output_tokens", "reasoning_tokens", "thinking_tokens")
"""Names under which converters keep what the format has no field for."""


class AtifSource(AgentLogSource):
    """Reads `trajectory*.json` documents, compressed or not; see the module.

    Examples
    --------
    >>> AtifSource().name
    'atif'
    """

    name = "atif"

    def is_log(self, path: Path) -> bool:
        """Whether it is a trajectory, by its name."""
        named = path.name.removesuffix(".gz").removesuffix(".zst")
        return named.endswith(".json") and "trajectory" in named

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read a trajectory, and those of agents that lie inside it.

        Raises
        ------
        InputDataError
            It is no trajectory.
        """
        document = whole_document(path, sink)
        version = document.get("schema_version")
        if not isinstance(version, str) or not version.startswith(VERSION):
            raise InputDataError("no trajectory in ATIF", file=path)
        session = _name(document)
        if session is None:
            raise InputDataError("a trajectory without an id", file=path)
        yield _log(document, session, MAIN, sink)
        yield from _inner(document, session, sink, depth=0)


def _name(document: dict[str, Any]) -> str | None:
    """Name a trajectory: several of one session may repeat its id."""
    return text_or_none(document.get("trajectory_id")) or text_or_none(
        document.get("session_id")
    )


def _inner(
    document: dict[str, Any], session: str, sink: ImportSink, *, depth: int
) -> Iterator[AgentLog]:
    listed = document.get("subagent_trajectories")
    for inner in listed if isinstance(listed, list) else []:
        name = _name(inner) if isinstance(inner, dict) else None
        if name is None or depth >= DEEPEST:
            sink.pass_over("trajectory without an id")
            continue
        yield _log(inner, session, name, sink)
        yield from _inner(inner, session, sink, depth=depth + 1)


def _log(
    document: dict[str, Any], session: str, agent: str, sink: ImportSink
) -> AgentLog:
    described = document.get("agent")
    described = described if isinstance(described, dict) else {}
    log = AgentLog(
        session_id=session,
        client=text_or_none(described.get("name")) or "atif",
        version=text_or_none(described.get("version")),
        own_times=False,
        asks_unseen=True,
    )
    steps = document.get("steps")
    since: datetime | None = None
    before: AgentReply | None = None
    prompted = False
    flow = DeferredFlow()
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, dict) or step.get("is_copied_context"):
            sink.pass_over("step copied as context")
            continue
        kind = step.get("source")
        if kind == "user":
            prompted, before = True, None
            for text in texts_of(step.get("message")):
                flow.write(text)
            since = _moment_or_none(step)
        elif kind == "agent":
            reply = _reply(step, text_or_none(described.get("model_name")), sink)
            if reply is None:
                continue
            reply.agent_id, reply.prompted = agent, prompted
            _follow(flow, reply, step)
            reply.since_s = None if since is None else since.timestamp()
            if before is not None and reply.at >= before.at:
                before.cycle_s = (reply.at - before.at).total_seconds()
            log.replies.append(reply)
            before, prompted, since = reply, False, None
    flow.follow(ends=True)
    return log


def _follow(flow: DeferredFlow, reply: AgentReply, step: dict[str, Any]) -> None:
    """Follow the identifiers of a step and of its results."""
    listed = step.get("tool_calls")
    asked = {
        str(item.get("tool_call_id")): item.get("arguments")
        for item in (listed if isinstance(listed, list) else [])
    }
    seen = step.get("observation")
    results = seen.get("results") if isinstance(seen, dict) else None
    follow_reply(
        flow,
        reply.calls,
        texts=texts_of(step.get("message")),
        given=[asked.get(call.call_id) for call in reply.calls],
        results=[
            result.get("content")
            for result in (results if isinstance(results, list) else [])
            if isinstance(result, dict)
        ],
    )


def _moment_or_none(step: dict[str, Any]) -> datetime | None:
    try:
        return parse_iso_time(step.get("timestamp"))
    except UnreadableLineError:
        return None


def _reply(
    step: dict[str, Any], model: str | None, sink: ImportSink
) -> AgentReply | None:
    """Read a step of an agent; `None` where no model took part, or its time is missing."""
    replies = step.get("llm_call_count")
    if replies == 0:
        sink.pass_over("step without a model")
        return None
    if step.get("timestamp") is None:
        sink.pass_over("step without a time")
        return None
    try:
        at = parse_iso_time(step["timestamp"])
        merged = isinstance(replies, int) and replies > 1
        reply = AgentReply(
            f"{step.get('step_id')} {at.isoformat()}",
            at,
            # tiers of prices go by one request, so a sum of several has no price
            model=None if merged else text_or_none(step.get("model_name")) or model,
            hidden=merged,
            usage=_usage(step.get("metrics")),
            declared_usd=_cost(step.get("metrics")),
        )
        reply.calls = _calls(step, at.timestamp())
    except UnreadableLineError as error:
        sink.reject(1, reason_of(error))
        return None
    return reply


def _usage(metrics: object) -> TokenUsage:
    if not isinstance(metrics, dict):
        return TokenUsage()
    extra = metrics.get("extra")
    extra = extra if isinstance(extra, dict) else {}
    return TokenUsage.with_cached_inside(
        fresh_and_cached=metrics.get("prompt_tokens"),
        cached=metrics.get("cached_tokens"),
        written=_first(extra, WRITTEN),
        output=metrics.get("completion_tokens"),
        reasoning=_first(extra, REASONING),
    )


def _first(extra: dict[str, Any], names: tuple[str, ...]) -> object:
    return next((extra[name] for name in names if name in extra), None)


def _cost(metrics: object) -> float | None:
    cost = metrics.get("cost_usd") if isinstance(metrics, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or cost < 0:
        return None
    return float(cost)


def _calls(step: dict[str, Any], at_s: float) -> list[AgentCall]:
    listed = step.get("tool_calls")
    calls: dict[str, AgentCall] = {}
    for item in listed if isinstance(listed, list) else []:
        call_id = item.get("tool_call_id") if isinstance(item, dict) else None
        if not isinstance(call_id, str) or not call_id:
            raise UnreadableLineError("not an id", field="tool_calls.tool_call_id")
        given = item.get("arguments")
        calls[call_id] = AgentCall.begun(
            call_id, item.get("function_name"), given, at_s
        )
    seen = step.get("observation")
    results = seen.get("results") if isinstance(seen, dict) else None
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict):
            call = calls.get(str(result.get("source_call_id")))
            if call is not None:
                _end(call, result)
    return list(calls.values())


def _end(call: AgentCall, result: dict[str, Any]) -> None:
    """Note what became of a call: the format has no flag, so the text decides."""
    text, call.result_characters = result_text(result.get("content"))
    extra = result.get("extra")
    flagged = isinstance(extra, dict) and extra.get("is_error") is True
    if is_aborted(text):
        call.outcome, call.why = Outcome.CANCELLED, "interrupted"
    elif flagged or exit_code(text) not in (0, None):
        call.outcome = Outcome.FAILED
    else:
        call.outcome = Outcome.SUCCEEDED
