"""What a span or a log event is to us, in the conventions of those who send them.

Understood are the GenAI conventions of OpenTelemetry (old and new names), Claude Code,
Codex, OpenInference, OpenLLMetry, MLflow, the Vercel AI SDK, LangSmith, Langfuse and
Pydantic AI. Each names the kind of a span in an attribute; `KINDS` is the table of them.
"""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["UNDERSTOOD", "event_role", "kind_of_event", "kind_of_span", "span_role"]

CALL, TURN, WAIT, AGENT = "call", "turn", "wait", "agent"

UNDERSTOOD = (
    "OpenTelemetry GenAI, Claude Code, Codex, OpenInference, OpenLLMetry, MLflow, "
    "Vercel AI SDK, LangSmith, Langfuse, Pydantic AI"
)
"""The conventions, for messages."""

KINDS: Mapping[str, Mapping[str, str]] = {
    "gen_ai.operation.name": {
        "execute_tool": CALL,
        "chat": TURN,
        "text_completion": TURN,
        "generate_content": TURN,
        "invoke_agent": AGENT,
    },
    "openinference.span.kind": {"tool": CALL, "llm": TURN, "agent": AGENT},
    "traceloop.span.kind": {"tool": CALL, "agent": AGENT},
    "llm.request.type": {"chat": TURN, "completion": TURN},
    "mlflow.spanType": {"tool": CALL, "chat_model": TURN, "llm": TURN, "agent": AGENT},
    "ai.operationId": {
        "ai.toolcall": CALL,
        "ai.generatetext.dogenerate": TURN,
        "ai.streamtext.dostream": TURN,
        "ai.generateobject.dogenerate": TURN,
        "ai.streamobject.dostream": TURN,
    },
    "langsmith.span.kind": {"tool": CALL, "llm": TURN},
    "langfuse.observation.type": {"tool": CALL, "generation": TURN, "agent": AGENT},
}
"""Attribute that names a span's kind, and what the kinds (in lower case) are to us."""

NAMES: Mapping[str, str] = {
    "claude_code.tool": CALL,
    "claude_code.llm_request": TURN,
    "claude_code.tool.blocked_on_user": WAIT,
    "running tool": CALL,
}
"""Names of spans that say what they are without an attribute."""

EVENTS: Mapping[str, str] = {
    "claude_code.tool_result": CALL,
    "tool_result": CALL,
    "codex.tool_result": CALL,
    "claude_code.api_request": TURN,
    "api_request": TURN,
    "codex.api_request": TURN,
}

OWN_REQUESTS = (
    "repl_main_thread",
    "main",
    "sdk",
    "agent",
    "subagent",
    "teammate",
    "workflow",
)
"""How the `query_source` of an agent's own requests begins; the harness makes others
beside them, which are no turns: titles, prefixes of commands, summaries, suggestions."""

WORD = re.compile(r"[A-Za-z0-9_. /@-]{1,60}")


def span_role(name: str, said: Mapping[str, Any]) -> str | None:
    """Find what a span is: a call, a turn, a wait for a person, an agent, or nothing.

    Parameters
    ----------
    name : str
        Of the span.
    said : mapping
        Its attributes.

    Examples
    --------
    >>> span_role("Read", {"openinference.span.kind": "TOOL"})
    'call'
    >>> span_role("GET /users", {}) is None
    True
    """
    if name in NAMES:
        return NAMES[name] if _is_own(said) else None
    for attribute, roles in KINDS.items():
        kind = said.get(attribute)
        if isinstance(kind, str) and (role := roles.get(kind.strip('"').lower())):
            return role
    if said.get("gen_ai.operation.name") is None and name.startswith("execute_tool "):
        return CALL
    return None


def event_role(name: str, said: Mapping[str, Any]) -> str | None:
    """Find what a log event is: a call, a turn, or nothing.

    Examples
    --------
    >>> event_role("api_request", {"query_source": "repl_main_thread"})
    'turn'
    >>> event_role("api_request", {"query_source": "bash_extract_prefix"}) is None
    True
    """
    role = EVENTS.get(name)
    return role if role is None or role == CALL or _is_own(said) else None


def kind_of_span(name: str, scope: str, said: Mapping[str, Any]) -> str:
    """Name the kind of a span that is passed over, without a text of its sender's.

    Examples
    --------
    >>> kind_of_span("secret question", "my.app", {"openinference.span.kind": "CHAIN"})
    'span CHAIN'
    >>> kind_of_span("secret question", "opentelemetry.instrumentation.requests", {})
    'span of opentelemetry.instrumentation.requests'
    """
    if name.startswith("claude_code."):
        return _worded("span ", name)
    for attribute in KINDS:
        kind = said.get(attribute)
        if isinstance(kind, str):
            return _worded("span ", kind.strip('"'))
    return _worded("span of ", scope)


def kind_of_event(name: str, scope: str) -> str:
    """Name the kind of an event that is passed over.

    Examples
    --------
    >>> kind_of_event("claude_code.user_prompt", "")
    'event claude_code.user_prompt'
    """
    known = name.startswith(("claude_code.", "codex.", "gen_ai."))
    return _worded("event ", name) if known else _worded("event of ", scope)


def _is_own(said: Mapping[str, Any]) -> bool:
    source = said.get("query_source")
    return not isinstance(source, str) or source.startswith(OWN_REQUESTS)


def _worded(prefix: str, text: str) -> str:
    return prefix + (text if WORD.fullmatch(text) else "another kind")
