"""`memory.db`: the hooks' notes of v2, the memory of v3."""

import base64
import json
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.database import columns, opened, rows
from toolkit.history.importers.claude_flow.event import EventMaker
from toolkit.history.importers.claude_flow.moments import duration_s
from toolkit.records import CoordinationEvent, Provenance

__all__ = ["read_memory"]

COMPRESSED = "__compressed__"
"""Prefix of values that v2 stored as base64; nothing in them is compressed."""
DECLARED_TYPES = {"user_claim"}
ACTIONS = {
    "hooks:pre-task": "message",
    "hooks:post-task": "message",
    "hooks:post-edit": "write",
    "hooks:notify": "message",
    "hooks:agent-spawned": "spawn",
    "hooks:post-bash": "message",
}
"""Namespaces that note an event. The others (`coordination`, `file-history`, `command-*`,
`performance-metrics`, `task-index`) repeat the same events under other keys."""
IDENTITIES = ("editId", "notifyId", "bashId", "taskId")
TIMES = ("timestamp", "startedAt", "completedAt", "spawnedAt")


def read_memory(path: Path, sink: ImportSink) -> None:
    """Read the notes of the hooks (v2) or the entries of the memory (v3).

    Raises
    ------
    InputDataError
        Not a database, or one without `memory_entries`.
    """
    with opened(path) as database:
        known = columns(database, "memory_entries")
        if not known:
            if columns(database, "shared_memory"):
                _read_shared(database, sink)
                return
            raise InputDataError("no table `memory_entries`", file=path)
        for row in rows(database, "memory_entries"):
            sink.read(1)
            try:
                event = _note(row, sink) if "value" in known else _entry(row, sink)
            except InputDataError as error:
                sink.reject(
                    int(row["_rowid"]), f"field `{error.field}`: {error.problem}"
                )
                continue
            if event is not None:
                sink.add(event)


def _read_shared(database: Any, sink: ImportSink) -> None:
    """Read v2's `shared_memory`, whose rows say when they were last written."""
    maker = EventMaker("v2", Provenance.DERIVED)
    for row in rows(database, "shared_memory"):
        sink.read(1)
        name = f"{row.get('namespace')}/{row.get('key')}"
        at = row.get("updated_at") or row.get("created_at")
        try:
            sink.add(
                maker.make(
                    ("shared", sink.hidden(name), str(at)),
                    at,
                    operation="memory write",
                    action="write",
                    memory_key=sink.hidden(name),
                    version=row.get("version"),
                )
            )
        except InputDataError as error:
            sink.reject(int(row["_rowid"]), f"field `{error.field}`: {error.problem}")


def _note(row: dict[str, Any], sink: ImportSink) -> CoordinationEvent | None:
    space = str(row.get("namespace"))
    if space not in ACTIONS:
        return None
    value = _value(row.get("value"))
    drawn = [str(value[name]) for name in IDENTITIES if name in value]
    at = next((value[name] for name in TIMES if value.get(name)), row.get("created_at"))
    key = value.get("memoryKey") or value.get("file")
    provenance = (
        Provenance.DERIVED if space == "hooks:post-edit" else Provenance.MEASURED
    )
    return EventMaker("v2", provenance).make(
        (space, *(drawn or [sink.hidden(str(row.get("key")))]), str(at)),
        at,
        operation=space.removeprefix("hooks:"),
        action=ACTIONS[space],
        agent=_agent(value),
        memory_key=sink.hidden(str(key)) if key else None,
        duration_s=_duration(space, value),
        has_pre_event=True if space.startswith("hooks:pre-") else None,
        has_post_event=True if space.startswith("hooks:post-") else None,
    )


def _entry(row: dict[str, Any], sink: ImportSink) -> CoordinationEvent:
    declared = row.get("provenance_type") in DECLARED_TYPES
    maker = EventMaker("v3", Provenance.DECLARED if declared else Provenance.DERIVED)
    return maker.make(
        ("entry", str(row.get("id")), str(row.get("created_at"))),
        row.get("created_at"),
        operation="memory write",
        action="write",
        agent=row.get("owner_id"),
        memory_key=sink.hidden(f"{row.get('namespace')}/{row.get('key')}"),
    )


def _value(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        raise InputDataError("not text", field="value")
    try:
        if text.startswith(COMPRESSED):
            text = base64.b64decode(text[len(COMPRESSED) :], validate=True)
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputDataError("not JSON", field="value") from error
    if not isinstance(value, dict):
        raise InputDataError("not a JSON object", field="value")
    return value


def _agent(value: dict[str, Any]) -> str | None:
    """Read who did it: an agent's name, or the second part of `swarm/<agent>/...`."""
    for name in ("agentId", "agentName"):
        if isinstance(value.get(name), str):
            return str(value[name])
    parts = str(value.get("memoryKey")).split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "swarm" else None


def _duration(space: str, value: dict[str, Any]) -> float | None:
    """Read a duration in seconds; a shell command's 0 means that it was not timed."""
    metrics = value.get("metrics")
    given = value.get("duration")
    if given is None and isinstance(metrics, dict):
        given = metrics.get("duration")
    if space == "hooks:post-bash" and not given:
        return None
    return duration_s(given)
