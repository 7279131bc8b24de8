"""Reads the database of OpenCode, session by session.

OpenCode 2 keeps one row a message in `session_message`, with the calls in its content. A
database that was raised to it holds older messages in both tables; they count once. The
database may be written to meanwhile.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import InputDataError
from toolkit.history.importers.lines import UnreadableLineError, decode_object

__all__ = [
    "EVERY",
    "Messages",
    "SessionIds",
    "database_sessions",
    "divide_sessions",
    "is_database",
]

SQLITE = b"SQLite format 3\0"

Messages = Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]
"""What is said of each message, and its parts."""


class SessionIds(NamedTuple):
    """A range of ids of sessions.

    Attributes
    ----------
    begin, end : str or None
        The first one, and the first one after it; `None` where the range is open.
    """

    begin: str | None = None
    end: str | None = None


EVERY = SessionIds()


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite, by its first bytes."""
    with path.open("rb") as stream:
        return stream.read(len(SQLITE)) == SQLITE


def divide_sessions(path: Path, parts: int) -> list[SessionIds]:
    """Divide the sessions of a database into ranges with about as many messages each.

    Parameters
    ----------
    path : path
    parts : int
        How many there should be; there are fewer where sessions are few.

    Returns
    -------
    list of SessionIds
        Of every session; one range where the file is no database that can be read.
    """
    try:
        messages = _messages_by_session(path) if is_database(path) else Counter()
    except (OSError, sqlite3.DatabaseError):
        messages = Counter()
    borders: list[str | None] = [None]
    held = 0
    for name in sorted(messages):
        if held * parts >= messages.total():
            borders.append(name)
            held = 0
        held += messages[name]
    return [SessionIds(*ids) for ids in pairwise([*borders, None])]


def _messages_by_session(path: Path) -> Counter[str]:
    messages: Counter[str] = Counter()
    with closing(_opened(path)) as database:
        for table, columns in _tables(database).items():
            if "session_id" in columns and table != "part":
                rows = database.execute(
                    f"SELECT session_id, count(*) FROM {table} "  # noqa: S608 - a name of ours
                    "WHERE typeof(session_id) = 'text' GROUP BY session_id"
                )
                messages.update(dict(rows))
    return messages


def database_sessions(
    path: Path, ids: SessionIds = EVERY
) -> Iterator[tuple[dict[str, Any], Messages]]:
    """Read the sessions of a database in the order of their ids.

    Parameters
    ----------
    path : path
    ids : SessionIds
        Those that are read.

    Yields
    ------
    session : dict
    messages : iterator
        To be read before the next session.

    Raises
    ------
    InputDataError
        It is no database of OpenCode that can be read.
    """
    with _refused(path), closing(_opened(path)) as database:
        tables = _tables(database)
        for session in _sessions(database, tables["session"], ids):
            yield session, _messages(path, database, session["id"], tables)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Refuse a database that SQLite cannot read."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise InputDataError(
            f"not a database of OpenCode that can be read: {error}", file=path
        ) from error


def _messages(
    path: Path, database: sqlite3.Connection, session: str, tables: dict[str, set[str]]
) -> Messages:
    with _refused(path):
        yield from _database_messages(database, session, tables)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)


def _tables(database: sqlite3.Connection) -> dict[str, set[str]]:
    """List the tables that are read, with their columns; one that is not there has none."""
    return {
        table: {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for table in ("session", "message", "part", "session_message")
    }


def _sessions(
    database: sqlite3.Connection, columns: set[str], ids: SessionIds
) -> Iterator[dict[str, Any]]:
    wanted = {
        "id": "id",
        "parent_id": "parentID",
        "directory": "directory",
        "version": "version",
    }
    chosen = [f"{name if name in columns else 'NULL'} AS {name}" for name in wanted]
    rows = database.execute(
        f"SELECT {', '.join(chosen)} FROM session "  # noqa: S608 - names of ours
        "WHERE (?1 IS NULL OR id >= ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id",
        ids,
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
