"""Reads OpenCode: its database, exports of a session, and the older tree of files.

Where a database and the older tree lie side by side, the tree is a part of what the
database holds and is left out. A fork copies messages under new ids with the same time,
so a reply is known by the time at which it was created.

OpenCode 2 keeps one row a message in `session_message`, with the calls in its content. A
database that was raised to it holds older messages in both tables; they count once.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
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
from toolkit.history.importers.agent_logs.results import is_aborted, result_text
from toolkit.history.importers.agent_logs.source import AgentLogSource, whole_document
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_object,
    reason_of,
)
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = ["OpenCodeSource"]

SQLITE = b"SQLite format 3\0"

HELD_CHARACTERS = 2**22
"""Results that are held until all calls of a session are known."""

Messages = Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]


class OpenCodeSource(AgentLogSource):
    """Reads `opencode*.db`, exports and the older tree; see the module.

    Examples
    --------
    >>> OpenCodeSource().name
    'opencode'
    """

    name = "opencode"

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
        with path.open("rb") as stream:
            is_database = stream.read(len(SQLITE)) == SQLITE
        if is_database:
            yield from _database_logs(path, sink)
        elif _is_tree(path):
            session = whole_document(path, sink)
            yield _log(session, _tree_messages(path, session, sink), sink)
        else:
            document = whole_document(path, sink)
            info, messages = document.get("info"), document.get("messages")
            if not isinstance(info, dict) or not isinstance(messages, list):
                raise InputDataError("no export of OpenCode", file=path)
            yield _log(info, _exported(messages), sink)


def _is_tree(path: Path) -> bool:
    return path.parent.parent.name == "session"


def _exported(messages: list[Any]) -> Messages:
    for message in messages:
        info = message.get("info") if isinstance(message, dict) else None
        parts = message.get("parts") if isinstance(message, dict) else None
        if isinstance(info, dict) and isinstance(parts, list):
            yield info, [part for part in parts if isinstance(part, dict)]


def _database_logs(path: Path, sink: ImportSink) -> Iterator[AgentLog]:
    """Read every session; the database may be written to meanwhile."""
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as database:
            tables = _tables(database)
            for session in _sessions(database, tables["session"]):
                messages = _database_messages(database, session["id"], tables)
                yield _log(session, messages, sink)
    except sqlite3.DatabaseError as error:
        raise InputDataError(
            f"not a database of OpenCode that can be read: {error}", file=path
        ) from error


def _tables(database: sqlite3.Connection) -> dict[str, set[str]]:
    """List the tables that are read, with their columns; one that is not there has none."""
    return {
        table: {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for table in ("session", "message", "part", "session_message")
    }


def _sessions(
    database: sqlite3.Connection, columns: set[str]
) -> Iterator[dict[str, Any]]:
    wanted = {
        "id": "id",
        "parent_id": "parentID",
        "directory": "directory",
        "version": "version",
    }
    chosen = [f"{name if name in columns else 'NULL'} AS {name}" for name in wanted]
    rows = database.execute(
        f"SELECT {', '.join(chosen)} FROM session ORDER BY id"  # noqa: S608 - names of ours
    ).fetchall()
    for row in rows:
        yield dict(zip(wanted.values(), row, strict=True))


def _database_messages(
    database: sqlite3.Connection, session: str, tables: dict[str, set[str]]
) -> Messages:
    before: set[object] = set()
    if tables["message"]:
        rows = database.execute(
            "SELECT id, CAST(data AS BLOB) FROM message WHERE session_id = ? "
            "ORDER BY time_created, id",
            (session,),
        ).fetchall()
        for name, data in rows:
            parts = database.execute(
                "SELECT CAST(data AS BLOB) FROM part WHERE message_id = ? ORDER BY id",
                (name,),
            )
            message = _object(data)
            before |= {name, _created(message)}
            yield message, [_object(part) for (part,) in parts]
    if tables["session_message"]:
        order = "seq" if "seq" in tables["session_message"] else "time_created, id"
        rows = database.execute(
            "SELECT id, type, CAST(data AS BLOB) FROM session_message "  # noqa: S608 - a name of ours
            f"WHERE session_id = ? ORDER BY {order}",
            (session,),
        ).fetchall()
        for name, kind, data in rows:
            message = _object(data)
            # raised from the older tables, a step of a message as `<message>_<step>`
            if before.isdisjoint(
                {name, str(name).rpartition("_")[0], _created(message)}
            ):
                yield _as_before(kind, message), _parts_as_before(message)


def _created(message: dict[str, Any]) -> str:
    """Write when a message was created, unlike any id."""
    times = message.get("time")
    return f"at {times.get('created') if isinstance(times, dict) else None}"


def _as_before(kind: object, message: dict[str, Any]) -> dict[str, Any]:
    """Write a message of OpenCode 2 with the names of the version before."""
    model = message.get("model")
    model = model if isinstance(model, dict) else {}
    return {**message, "role": kind, "modelID": model.get("id", model.get("modelID"))}


def _parts_as_before(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    written = message.get("text")
    return [
        *([{"type": "text", "text": written}] if isinstance(written, str) else []),
        *(
            _part_as_before(item) if item.get("type") == "tool" else item
            for item in (content if isinstance(content, list) else [])
            if isinstance(item, dict)
        ),
    ]


def _part_as_before(item: dict[str, Any]) -> dict[str, Any]:
    """Write a call of OpenCode 2 with the names of the version before."""
    state, times = item.get("state"), item.get("time")
    state = state if isinstance(state, dict) else {}
    times = times if isinstance(times, dict) else {}
    details = state.get("structured")
    details = details if isinstance(details, dict) else {}
    error = state.get("error")
    if isinstance(error, dict):
        error = error.get("message")
    return {
        "type": "tool",
        "tool": item.get("name"),
        "callID": item.get("id"),
        "state": {
            "status": state.get("status"),
            "input": state.get("input"),
            "output": state.get("content"),
            "error": error,
            "metadata": {
                "exit": details.get("exit", details.get("exitCode")),
                "sessionId": details.get("sessionId", details.get("sessionID")),
            },
            "time": {
                "start": times.get("ran", times.get("created")),
                "end": times.get("completed"),
            },
        },
    }


def _object(data: bytes | None) -> dict[str, Any]:
    try:
        return decode_object(data)
    except UnreadableLineError:
        return {}


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
