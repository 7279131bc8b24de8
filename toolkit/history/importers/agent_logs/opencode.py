"""Reads OpenCode: its database, exports of a session, and the older tree of files.

Where a database and the older tree lie side by side, the tree is a part of what the
database holds and is left out. A fork copies messages under new ids with the same time,
so a reply is known by the time at which it was created.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.agent_logs.following import follow_reply
from toolkit.history.importers.agent_logs.log import (
    MAIN,
    AgentCall,
    AgentLog,
    AgentReply,
    moment_ms,
    money_or_none,
    text_or_none,
)
from toolkit.history.importers.agent_logs.opencode_database import (
    EVERY,
    Messages,
    database_sessions,
    divide_sessions,
    is_database,
)
from toolkit.history.importers.agent_logs.results import is_aborted, result_text
from toolkit.history.importers.agent_logs.source import AgentLogSource, whole_document
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import UnreadableLineError, reason_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = ["OpenCodeSource"]

HELD_CHARACTERS = 2**22
"""Results that are held until all calls of a session are known."""


class OpenCodeSource(AgentLogSource):
    """Reads `opencode*.db`, exports and the older tree; see the module.

    Examples
    --------
    >>> OpenCodeSource().name
    'opencode'
    """

    name = "opencode"

    def __init__(self) -> None:
        self._ids = EVERY

    def divide(self, path: Path, parts: int) -> "list[OpenCodeSource]":
        """Divide a database by its sessions, a document not at all.

        Parameters
        ----------
        path : path
        parts : int
            How many there should be; there are fewer where sessions are few.

        Returns
        -------
        list of OpenCodeSource
            Each reads some sessions, in order.
        """
        sources = []
        for ids in divide_sessions(path, parts) if parts > 1 else [EVERY]:
            part = copy(self)
            part._ids = ids  # noqa: SLF001 - of this class
            sources.append(part)
        return sources

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        """Find databases, exports, and session files without a database beside them."""
        found = list(find_files(paths, self.is_log))
        roots = {file.path.parent for file in found if file.path.suffix == ".db"}
        for file in found:
            if not (_is_tree(file.path) and roots & set(file.path.parents)):
                yield file

    def is_log(self, path: Path) -> bool:
        """Whether it is a database, or a session's document."""
        if path.suffix == ".db":
            return path.name.startswith("opencode")
        named = path.name.removesuffix(".gz")
        return named.startswith("ses_") and named.endswith(".json")

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read one database, export or session file.

        Raises
        ------
        InputDataError
            It is none of these.
        """
        if is_database(path):
            for session, messages in database_sessions(path, self._ids):
                yield _log(session, messages, sink)
        elif _is_tree(path):
            session = whole_document(path, sink)
            yield _log(session, _tree_messages(path, session, sink), sink)
        else:
            document = whole_document(path, sink)
            info, exported = document.get("info"), document.get("messages")
            if not isinstance(info, dict) or not isinstance(exported, list):
                raise InputDataError("no export of OpenCode", file=path)
            yield _log(info, _exported(exported), sink)


def _is_tree(path: Path) -> bool:
    return path.parent.parent.name == "session"


def _exported(messages: list[Any]) -> Messages:
    for message in messages:
        info = message.get("info") if isinstance(message, dict) else None
        parts = message.get("parts") if isinstance(message, dict) else None
        if isinstance(info, dict) and isinstance(parts, list):
            yield info, [part for part in parts if isinstance(part, dict)]


def _tree_messages(path: Path, session: dict[str, Any], sink: ImportSink) -> Messages:
    root, name = path.parent.parent.parent, str(session.get("id"))
    for file in sorted((root / "message" / name).glob("msg_*.json*")):
        message = whole_document(file, sink)
        folder = root / "part" / file.name.partition(".")[0]
        parts = sorted(folder.glob("prt_*.json*"))
        yield message, [whole_document(part, sink) for part in parts]


def _log(session: dict[str, Any], messages: Messages, sink: ImportSink) -> AgentLog:
    name, parent = session.get("id"), session.get("parentID")
    if not isinstance(name, str) or not name:
        raise InputDataError("no session of OpenCode")
    version, folder = session.get("version"), session.get("directory")
    child = isinstance(parent, str) and bool(parent)
    log = AgentLog(
        session_id=str(parent) if child else name,
        client="opencode",
        version=text_or_none(version),
        folder=text_or_none(folder),
    )
    prompted = False
    flow = DeferredFlow()
    held = 0
    for info, parts in messages:
        try:
            texts = [t for p in parts if isinstance(t := p.get("text"), str)]
            if info.get("role") == "user":
                prompted = True
                for text in texts:
                    flow.write(text)
            elif info.get("role") == "assistant":
                reply = _reply(info, parts, prompted=prompted)
                states = _states(parts)
                follow_reply(
                    flow,
                    reply.calls,
                    texts=texts,
                    given=[state.get("input") for state in states],
                    results=[s.get("output") or s.get("error") for s in states],
                )
                reply.agent_id = name if child else MAIN
                log.replies.append(reply)
                prompted = False
                held += sum([call.result_characters or 0 for call in reply.calls])
                if held > HELD_CHARACTERS:
                    flow.follow(ends=False)
                    held = 0
        except UnreadableLineError as error:
            sink.reject(1, reason_of(error))
    flow.follow(ends=True)
    return log


def _reply(
    info: dict[str, Any], parts: list[dict[str, Any]], *, prompted: bool
) -> AgentReply:
    times = info.get("time")
    created = times.get("created") if isinstance(times, dict) else None
    asked = moment_ms(created)
    begun = [start for part in parts for start in _starts(part)]
    model, cost = info.get("modelID"), info.get("cost")
    reply = AgentReply(
        f"{created}/{model}",
        moment_ms(min(begun)) if begun else asked,
        model=text_or_none(model),
        since_s=asked.timestamp(),
        prompted=prompted,
        usage=_usage(info.get("tokens")),
        declared_usd=money_or_none(cost),
    )
    reply.calls = [call for part in parts for call in _calls(part, reply)]
    return reply


def _states(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the states of the calls of a reply, in their order."""
    return [
        state
        for part in parts
        if part.get("type") == "tool" and isinstance(state := part.get("state"), dict)
    ]


def _starts(part: dict[str, Any]) -> list[float]:
    state = part.get("state")
    times = state.get("time") if isinstance(state, dict) else part.get("time")
    start = times.get("start") if isinstance(times, dict) else None
    return [start] if isinstance(start, (int, float)) else []


def _usage(tokens: object) -> TokenUsage:
    if not isinstance(tokens, dict):
        return TokenUsage()
    cache = tokens.get("cache")
    cache = cache if isinstance(cache, dict) else {}
    beside = TokenUsage.with_cached_inside(
        fresh_and_cached=tokens.get("input"),
        output=tokens.get("output"),
        reasoning=tokens.get("reasoning"),
        reasoning_beside=True,
    )
    cached = TokenUsage.with_cached_inside(
        fresh_and_cached=None, cached=cache.get("read"), written=cache.get("write")
    )
    return beside._replace(
        cache_read_tokens=cached.cache_read_tokens,
        cache_write_5m_tokens=cached.cache_write_5m_tokens,
    )


def _calls(part: dict[str, Any], reply: AgentReply) -> Iterator[AgentCall]:
    state = part.get("state")
    if part.get("type") != "tool" or not isinstance(state, dict):
        return
    given, times = state.get("input"), state.get("time")
    times = times if isinstance(times, dict) else {}
    started, ended = times.get("start"), times.get("end")
    call = AgentCall.begun(
        str(part.get("callID") or part.get("id")),
        part.get("tool"),
        given,
        reply.at.timestamp() if started is None else moment_ms(started).timestamp(),
    )
    status, details = state.get("status"), state.get("metadata")
    if status in ("completed", "error"):
        text, call.result_characters = result_text(
            state.get("output") or state.get("error")
        )
        code = details.get("exit") if isinstance(details, dict) else None
        call.outcome = Outcome.SUCCEEDED
        if status == "error" and is_aborted(text):
            call.outcome, call.why = Outcome.CANCELLED, "interrupted"
        elif status == "error" or code not in (0, None):
            call.outcome = Outcome.FAILED
        if isinstance(details, dict) and isinstance(details.get("sessionId"), str):
            call.spawned().agent_id = details["sessionId"]
        if ended is not None:
            call.end_s = moment_ms(ended).timestamp()
            reply.ended(call.end_s)
    yield call
