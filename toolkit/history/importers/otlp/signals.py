"""What spans and events of OpenTelemetry say about a swarm, reduced to signals.

Understood: GenAI conventions (old and new names), OpenInference, the spans and the log
events of Claude Code, and our own `swarm.*` spans. A signal holds ids, times, classes
and outcomes. Arguments, results and prompts, which senders may switch on, stay unread.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers.claude_code import IDENTIFIER, classify_tool
from toolkit.records import (
    MAX_TEXT,
    Outcome,
    Record,
    attributes_of,
    record_id,
    record_of_span,
    span_id,
)

__all__ = ["CallSignal", "Reduced", "TurnSignal", "WaitSignal", "reduce_document"]

MAX_NS = 2**62
NANOSECONDS = 1_000_000_000

SIGNALS = ("resourceSpans", "resourceLogs", "resourceMetrics")

_SESSION = ("session.id", "gen_ai.conversation.id", "conversation.id", "thread.id")
_AGENT = ("agent_id", "gen_ai.agent.id", "agent.id", "gen_ai.agent.name", "agent.name")
_CALL = ("tool_use_id", "gen_ai.tool.call.id", "tool_call.id", "tool.id")
_TOOL = ("gen_ai.tool.name", "tool.name", "tool_name")
_MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "model")
_TURNS = ("chat", "text_completion", "generate_content")


class CallSignal(NamedTuple):
    """One tool call; times in nanoseconds since 1970.

    Attributes
    ----------
    scope : str
        Session, trace or sender within which calls may belong together.
    parent : str
        Parent span, prompt, or the empty string.
    batch : str
        Id that the sender gave the batch, or the empty string.
    """

    scope: str
    agent: str
    parent: str
    batch: str
    call_id: str
    tool: str
    start_ns: int
    end_ns: int
    outcome: str
    span: str = ""
    version: str = ""


class TurnSignal(NamedTuple):
    """A request to a model: what comes after it is another batch."""

    scope: str
    agent: str
    start_ns: int
    end_ns: int
    model: str = ""


class WaitSignal(NamedTuple):
    """A person was waited for inside a call."""

    scope: str
    parent: str
    duration_ns: int


class Reduced(NamedTuple):
    """What a document said.

    Attributes
    ----------
    signals : list
        Calls, turns and waits, in document order.
    records : list of Record
        Records that another toolkit exported.
    ignored : int
        Spans, events and metrics that say nothing about batches.
    refused : list of str
        Reasons why spans that should have were not read.
    """

    signals: list[CallSignal | TurnSignal | WaitSignal]
    records: list[Record]
    ignored: int
    refused: list[str]


def reduce_document(document: Mapping[str, Any]) -> Reduced:
    """Reduce a `TracesData`, `LogsData` or `MetricsData` document.

    Raises
    ------
    InputDataError
        The document is none of them.

    Examples
    --------
    >>> reduce_document({"resourceSpans": []})
    Reduced(signals=[], records=[], ignored=0, refused=[])
    """
    if not any(name in document for name in SIGNALS):
        raise InputDataError(
            "not an OTLP document",
            fix=f"one of {', '.join(SIGNALS)} must be there",
        )
    reduced = Reduced([], [], 0, [])
    ignored = 0
    for shared, span in _entries(document, "resourceSpans", "scopeSpans", "spans"):
        ignored += not _take_span(shared, span, reduced)
    for shared, event in _entries(document, "resourceLogs", "scopeLogs", "logRecords"):
        ignored += not _take_event(shared, event, reduced)
    for _ in _entries(document, "resourceMetrics", "scopeMetrics", "metrics"):
        ignored += 1
    return reduced._replace(ignored=ignored)


def _entries(
    document: Mapping[str, Any], outer: str, middle: str, inner: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for resource in _objects(document.get(outer)):
        held = resource.get("resource")
        shared = attributes_of(held.get("attributes")) if isinstance(held, dict) else {}
        for scope in _objects(resource.get(middle)):
            for entry in _objects(scope.get(inner)):
                yield shared, entry


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, dict))


def _take_span(
    shared: Mapping[str, Any], span: Mapping[str, Any], reduced: Reduced
) -> bool:
    try:
        record = record_of_span(span)
    except SchemaError as error:
        reduced.refused.append(f"field `{error.field}`: {error.problem}")
        return True
    if record is not None:
        reduced.records.append(record)
        return True
    said = attributes_of(span.get("attributes"))
    role = _role(str(span.get("name")), said)
    if role is None:
        return False
    times = _times(span.get("startTimeUnixNano"), span.get("endTimeUnixNano"))
    if times is None:
        reduced.refused.append("field `startTimeUnixNano`: not a time")
        return True
    trace = span_id(span.get("traceId"), size=16) or ""
    parent = span_id(span.get("parentSpanId"), size=8) or ""
    own = span_id(span.get("spanId"), size=8) or ""
    scope = _id(said, _SESSION) or _id(shared, _SESSION) or trace or "unknown"
    agent = _id(said, _AGENT) or "main"
    if role == "turn":
        reduced.signals.append(TurnSignal(scope, agent, *times, _id(said, _MODEL)))
    elif role == "wait":
        reduced.signals.append(WaitSignal(scope, parent, times[1] - times[0]))
    else:
        name = _text(said, _TOOL) or str(span.get("name")).removeprefix("execute_tool ")
        reduced.signals.append(
            CallSignal(
                scope,
                agent,
                parent,
                _id(said, ("swarm.batch.id",)),
                _id(said, _CALL) or f"{trace}:{own}",
                _tool(name),
                *times,
                _span_outcome(span, said),
                own,
                _id(shared, ("service.version",)),
            )
        )
    return True


def _role(name: str, said: Mapping[str, Any]) -> str | None:
    operation = said.get("gen_ai.operation.name")
    kind = str(said.get("openinference.span.kind", "")).upper()
    if name == "claude_code.tool" or operation == "execute_tool" or kind == "TOOL":
        return "call"
    if name == "claude_code.llm_request" or operation in _TURNS or kind == "LLM":
        return "turn"
    if name == "claude_code.tool.blocked_on_user":
        return "wait"
    if operation is None and name.startswith("execute_tool "):
        return "call"
    return None


def _span_outcome(span: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    success = _truth(said.get("success"))
    status = span.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    if success is False or code in (2, "STATUS_CODE_ERROR") or "error.type" in said:
        return Outcome.FAILED
    return Outcome.SUCCEEDED


def _take_event(
    shared: Mapping[str, Any], event: Mapping[str, Any], reduced: Reduced
) -> bool:
    said = attributes_of(event.get("attributes"))
    body = event.get("body")
    named = said.get("event.name") or event.get("eventName")
    if named is None and isinstance(body, dict):
        named = body.get("stringValue")
    name = str(named).removeprefix("claude_code.")
    if name not in ("tool_result", "api_request"):
        return False
    end_ns = _nanoseconds(event.get("timeUnixNano")) or _nanoseconds(
        event.get("observedTimeUnixNano")
    )
    duration_ms = _number(said.get("duration_ms"))
    if not end_ns or duration_ms is None:
        reduced.refused.append(f"event `{name}`: its time or duration is not known")
        return True
    start_ns = end_ns - round(duration_ms * 1e6)
    scope = _id(said, _SESSION) or _id(shared, _SESSION) or "unknown"
    agent = _id(said, ("agent_id", "gen_ai.agent.id")) or "main"
    if name == "api_request":
        model = _id(said, _MODEL)
        reduced.signals.append(TurnSignal(scope, agent, start_ns, end_ns, model))
        return True
    reduced.signals.append(
        CallSignal(
            scope,
            agent,
            _id(said, ("prompt.id",)),
            _id(said, ("swarm.batch.id",)),
            _id(said, _CALL) or f"{scope}:{end_ns}:{said.get('event.sequence')}",
            _tool(_text(said, _TOOL)),
            start_ns,
            end_ns,
            Outcome.SUCCEEDED if _truth(said.get("success")) else Outcome.FAILED,
            "",
            _id(said, ("app.version",)) or _id(shared, ("service.version",)),
        )
    )
    return True


def _times(start: object, end: object) -> tuple[int, int] | None:
    start_ns, end_ns = _nanoseconds(start), _nanoseconds(end)
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    return start_ns, end_ns


def _nanoseconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        nanoseconds = int(value)
    except ValueError:
        return None
    return nanoseconds if 0 < nanoseconds < MAX_NS else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1e9 else None


def _truth(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _text(said: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = said.get(name)
        if isinstance(value, str) and 0 < len(value) <= MAX_TEXT:
            return value
    return ""


def _id(said: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Read an id; what does not look like one is a text, and only its digest is kept."""
    text = _text(said, names)
    return text if not text or IDENTIFIER.fullmatch(text) else record_id(text)


def _tool(name: str) -> str:
    """Reduce a tool's name to its class, as the classes of the importer know it."""
    tool = classify_tool(name)
    if tool.operation == "mcp":
        return "mcp__other"
    if tool.operation == "mcp memory":
        return "mcp__memory_read" if tool.reads else "mcp__memory_store"
    return tool.operation
