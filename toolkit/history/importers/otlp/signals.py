"""What spans and events of OpenTelemetry say about a swarm, reduced to signals.

`roles` knows the conventions, `shapes` the forms of a document. A signal holds
ids, times, classes and outcomes. Arguments, results and prompts, which senders may
switch on, stay unread.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from toolkit.errors import SchemaError
from toolkit.history.importers.claude_code.tools import classify_tool
from toolkit.history.importers.otlp.roles import (
    event_role,
    kind_of_event,
    kind_of_span,
    span_role,
)
from toolkit.history.importers.otlp.shapes import OtlpEntry, entries
from toolkit.records import (
    MAX_TEXT,
    Outcome,
    Record,
    attributes_of,
    identifier,
    model_name,
    record_of_span,
    span_id,
)

__all__ = [
    "SIGNALS",
    "CallSignal",
    "LinkSignal",
    "Reduced",
    "Signal",
    "TurnSignal",
    "WaitSignal",
    "reduce_document",
    "reduce_entry",
]

MAX_NS = 2**62

_SESSION = (
    "session.id",
    "gen_ai.conversation.id",
    "conversation.id",
    "thread.id",
    "langfuse.session.id",
    "mlflow.trace.session",
    "traceloop.association.properties.session_id",
)
_AGENT = ("agent_id", "gen_ai.agent.id", "agent.id", "gen_ai.agent.name", "agent.name")
_CALL = (
    "tool_use_id",
    "gen_ai.tool.call.id",
    "tool_call.id",
    "tool.id",
    "ai.toolCall.id",
    "call_id",
)
_TOOL = (
    "gen_ai.tool.name",
    "tool.name",
    "tool_name",
    "ai.toolCall.name",
    "traceloop.entity.name",
)
_MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "model")
_BATCH = ("swarm.batch.id",)
_VERSION = ("app.version", "service.version")

Hidden = Callable[[str], str]
"""Keyed hash of a name."""


class CallSignal(NamedTuple):
    """One tool call; times in nanoseconds since 1970.

    Attributes
    ----------
    scope, agent : str
        Session and agent that the sender names; empty where it names none.
    parent : str
        Parent span, prompt, or the empty string.
    batch : str
        Id that the sender gave the batch, or the empty string.
    outcome : str
        `unknown` where the sender does not say it.
    span, trace : str
        Ids of the span, empty for an event.
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
    trace: str = ""


class TurnSignal(NamedTuple):
    """A request of an agent to its model: what comes after it is another batch."""

    scope: str
    agent: str
    start_ns: int
    end_ns: int
    model: str = ""
    span: str = ""
    trace: str = ""


class WaitSignal(NamedTuple):
    """A person was waited for inside the call that is the parent span."""

    trace: str
    parent: str
    duration_ns: int


class LinkSignal(NamedTuple):
    """Where a span lies: its parent, and the session and agent that it names."""

    trace: str
    span: str
    parent: str
    scope: str
    agent: str
    lane: str
    """The span itself where it is the run of an agent: two runs may share a name."""


Signal = CallSignal | TurnSignal | WaitSignal | LinkSignal

SIGNALS: Mapping[str, type[Signal]] = MappingProxyType(
    {cls.__name__: cls for cls in (CallSignal, TurnSignal, WaitSignal, LinkSignal)}
)
"""By the name that they are written with."""


class Reduced(NamedTuple):
    """What a document said.

    Attributes
    ----------
    signals : list of Signal
        In document order.
    records : list of Record
        Records that another toolkit exported.
    passed_over : Counter
        Spans, events and metrics that say nothing about batches, by kind.
    refused : list of str
        Reasons why spans and events that should have were not read.
    """

    signals: list[Signal]
    records: list[Record]
    passed_over: Counter[str]
    refused: list[str]


def reduce_document(document: object, hidden: Hidden) -> Reduced:
    """Reduce a document of traces, logs or metrics.

    Parameters
    ----------
    document : object
        Parsed JSON.
    hidden : callable
        Keyed hash; ids that are no ids are stored as such a hash only.

    Returns
    -------
    Reduced

    Raises
    ------
    InputDataError
        It is not an OTLP document.

    Examples
    --------
    >>> reduce_document({"resourceSpans": []}, str)
    Reduced(signals=[], records=[], passed_over=Counter(), refused=[])
    """
    reduced = Reduced([], [], Counter(), [])
    for entry in entries(document):
        reduce_entry(entry, hidden, reduced)
    return reduced


def reduce_entry(entry: OtlpEntry, hidden: Hidden, reduced: Reduced) -> None:
    """Reduce one span, event or metric, and add what it says to a `Reduced`.

    Parameters
    ----------
    entry : OtlpEntry
    hidden : callable
        Keyed hash, for names and for ids that are no ids.
    reduced : Reduced
        Is added to.
    """
    if entry.signal == "span":
        _Span(entry, hidden).reduce(reduced)
    elif entry.signal == "event":
        _Event(entry, hidden).reduce(reduced)
    else:
        reduced.passed_over["metric"] += 1


class _Attributes:
    """What an entry and its resource say, and the ids among it."""

    def __init__(self, entry: OtlpEntry, hidden: Hidden) -> None:
        self.row = entry.row
        self.shared = entry.resource
        self.instrumentation = entry.scope
        self.said = attributes_of(entry.row.get("attributes"))
        self._hidden = hidden

    def id(self, names: tuple[str, ...], *, shared: bool = False) -> str:
        text = _text(self.said, names)
        if not text and shared:
            text = _text(self.shared, names)
        return identifier(text, self._hidden) if text else ""

    @property
    def model(self) -> str:
        return model_name(_text(self.said, _MODEL)) or ""


class _Span(_Attributes):
    def reduce(self, reduced: Reduced) -> None:
        try:
            record = record_of_span(self.row)
        except SchemaError as error:
            reduced.refused.append(f"field `{error.field}`: {error.problem}")
            return
        if record is not None:
            reduced.records.append(record)
            return
        name = self.row.get("name")
        name = name if isinstance(name, str) else ""
        role = span_role(name, self.said)
        trace = span_id(self.row.get("traceId"), size=16) or ""
        own = span_id(self.row.get("spanId"), size=8) or ""
        parent = span_id(self.row.get("parentSpanId"), size=8) or ""
        scope = self.id(_SESSION, shared=True)
        agent = self.id(_AGENT)
        if role == "agent" and not agent:
            agent = identifier(name, self._hidden) if name else ""
        if trace and own:
            lane = own if role == "agent" else ""
            reduced.signals.append(LinkSignal(trace, own, parent, scope, agent, lane))
        if role is None:
            kind = kind_of_span(name, self.instrumentation, self.said)
            reduced.passed_over[kind] += 1
        elif role != "agent":
            self._timed(role, name, (trace, own, parent, scope, agent), reduced)

    def _timed(
        self,
        role: str,
        name: str,
        ids: tuple[str, str, str, str, str],
        reduced: Reduced,
    ) -> None:
        trace, own, parent, scope, agent = ids
        start_ns = _nanoseconds(self.row.get("startTimeUnixNano"))
        end_ns = _nanoseconds(self.row.get("endTimeUnixNano"))
        if start_ns is not None and end_ns is None and _is_unset(self.row):
            reduced.passed_over["span that has not ended"] += 1
            return
        if start_ns is None or end_ns is None or end_ns < start_ns:
            reduced.refused.append("field `startTimeUnixNano`: not a time")
            return
        if role == "turn":
            turn = TurnSignal(scope, agent, start_ns, end_ns, self.model, own, trace)
            reduced.signals.append(turn)
        elif role == "wait":
            reduced.signals.append(WaitSignal(trace, parent, end_ns - start_ns))
        else:
            tool = _text(self.said, _TOOL)
            call = CallSignal(
                scope,
                agent,
                parent,
                self.id(_BATCH),
                self.id(_CALL) or f"{trace}:{own}",
                _tool(tool or name.removeprefix("execute_tool ")),
                start_ns,
                end_ns,
                self._outcome(),
                own,
                self.id(_VERSION, shared=True),
                trace,
            )
            reduced.signals.append(call)

    def _outcome(self) -> str:
        status = self.row.get("status")
        code = status.get("code") if isinstance(status, dict) else None
        failed = code in (2, "2", "STATUS_CODE_ERROR") or "error.type" in self.said
        if failed or _truth(self.said.get("success")) is False:
            return Outcome.FAILED
        return Outcome.SUCCEEDED


class _Event(_Attributes):
    def reduce(self, reduced: Reduced) -> None:
        name = self._name()
        role = event_role(name, self.said)
        if role is None:
            kind = kind_of_event(name, self.instrumentation)
            reduced.passed_over[kind] += 1
            return
        end_ns = self._time()
        duration_ms = _number(self.said.get("duration_ms"))
        if not end_ns or duration_ms is None:
            reason = "its time or duration is not known"
            reduced.refused.append(f"event `{name}`: {reason}")
            return
        start_ns = end_ns - round(duration_ms * 1e6)
        scope = self.id(_SESSION, shared=True) or "unknown"
        agent = self._agent()
        if role == "turn":
            turn = TurnSignal(scope, agent, start_ns, end_ns, self.model)
            reduced.signals.append(turn)
            return
        sequence = self.said.get("event.sequence")
        call = CallSignal(
            scope,
            agent,
            self.id(("prompt.id",)),
            self.id(_BATCH),
            self.id(_CALL) or f"{scope}:{end_ns}:{sequence}",
            _tool(_text(self.said, _TOOL)),
            start_ns,
            end_ns,
            _OUTCOMES[_truth(self.said.get("success"))],
            "",
            self.id(_VERSION, shared=True),
        )
        reduced.signals.append(call)

    def _name(self) -> str:
        named = self.said.get("event.name") or self.row.get("eventName")
        body = self.row.get("body")
        if named is None and isinstance(body, dict):
            named = body.get("stringValue")
        return named if isinstance(named, str) else ""

    def _time(self) -> int | None:
        """Read when it ended; Codex leaves the first field at 0."""
        for name in ("timeUnixNano", "observedTimeUnixNano"):
            if at_ns := _nanoseconds(self.row.get(name)):
                return at_ns
        written = self.said.get("event.timestamp")
        try:
            at = datetime.fromisoformat(written)  # type: ignore[arg-type]  # checked by trying
        except (TypeError, ValueError):
            return None
        return None if at.tzinfo is None else round(at.timestamp() * 1e6) * 1000

    def _agent(self) -> str:
        """Find whose event it is: a subagent's request names it in `query_source`."""
        agent = self.id(("agent_id", "gen_ai.agent.id", "agent.name"))
        source = _text(self.said, ("query_source",))
        if not agent and source.startswith(("agent:", "subagent", "teammate")):
            agent = identifier(source, self._hidden)
        return agent or "main"


_OUTCOMES = {
    True: str(Outcome.SUCCEEDED),
    False: str(Outcome.FAILED),
    None: str(Outcome.UNKNOWN),
}


def _is_unset(row: Mapping[str, Any]) -> bool:
    return row.get("endTimeUnixNano") in (None, 0, "0", "", 0.0)


def _nanoseconds(value: object) -> int | None:
    """Read a time: whole, as a text, as a float, or as the two halves of a long."""
    if isinstance(value, dict):
        low, high = value.get("low"), value.get("high")
        if type(low) is not int or type(high) is not int:
            return None
        value = (high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        nanoseconds = int(value)
    except (ValueError, OverflowError):
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


def _tool(name: str) -> str:
    """Reduce a tool's name to its class, as the classes of the importer know it."""
    tool = classify_tool(name)
    if tool.operation == "mcp":
        return "mcp__other"
    if tool.operation == "mcp memory":
        return "mcp__memory_read" if tool.reads else "mcp__memory_store"
    return tool.operation
