"""`hive.db` of v2: swarms, agents, tasks and what they remembered together."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.database import columns, opened, rows
from toolkit.history.importers.claude_flow.event import EventMaker
from toolkit.history.importers.claude_flow.moments import parse_time
from toolkit.history.importers.claude_flow.tasks import STATUS
from toolkit.records import Outcome, Provenance, Record, Workflow, record_id

__all__ = ["read_hive"]

_MAKER = EventMaker("v2", Provenance.DECLARED)


def read_hive(path: Path, sink: ImportSink) -> None:
    """Read both schema generations: a column that one lacks is not known.

    Performance scores (0.5), success rates (1.0) and task counts (0) keep their defaults
    in every database seen and are not taken over.

    Raises
    ------
    InputDataError
        Not a database, or one without `swarms`.
    """
    with opened(path) as database:
        if not columns(database, "swarms"):
            raise InputDataError("no table `swarms`", file=path)
        for row in rows(database, "swarms"):
            sink.read(1)
            sink.met("session", f"claude-flow/{row.get('id')}")
        for table, make in _TABLES.items():
            for row in rows(database, table):
                sink.read(1)
                try:
                    record = make(row, sink)
                except InputDataError as error:
                    reason = f"{table}: field `{error.field}`: {error.problem}"
                    sink.reject(int(row["_rowid"]), reason)
                    continue
                if record is not None:
                    sink.add(record)


def _spawn(row: dict[str, Any], sink: ImportSink) -> Record:
    sink.met("subagent_stream", f"claude-flow/{row.get('swarm_id')}/{row.get('id')}")
    return _MAKER.make(
        ("hive-agent", str(row.get("swarm_id")), str(row.get("id"))),
        row.get("created_at"),
        operation=f"spawn {row.get('type')}",
        action="spawn",
        agent=str(row.get("id")),
        session_id=row.get("swarm_id"),
    )


def _memory(row: dict[str, Any], sink: ImportSink) -> Record:
    return _MAKER.make(
        ("hive-memory", *_scoped(row)),
        row.get("created_at"),
        operation="memory write",
        action="write",
        agent=row.get("created_by"),
        session_id=row.get("swarm_id"),
        memory_key=sink.hidden(f"{row.get('swarm_id')}/{row.get('key')}"),
    )


def _task(row: dict[str, Any], sink: ImportSink) -> Record | None:
    """Read a task that was given to an agent; when it began is not always known."""
    del sink  # a task has no name to hide
    agents = _assigned(row)
    if not agents:
        return None
    began, ended = row.get("started_at"), row.get("completed_at")
    known = began is not None and ended is not None
    return Workflow(
        record_id=record_id("claude-flow", "hive-task", *_scoped(row)),
        at=parse_time(began if began is not None else row.get("created_at")),
        source="claude-flow",
        source_version="v2",
        provenance=Provenance.DECLARED,
        session_id=row.get("swarm_id"),
        agents=agents,
        makespan_s=(parse_time(ended) - parse_time(began)).total_seconds()
        if known
        else None,
        outcome=STATUS.get(str(row.get("status")), Outcome.UNKNOWN),
    )


def _scoped(row: dict[str, Any]) -> tuple[str, ...]:
    """Tell a row from those of other databases, some of which number theirs from 1."""
    names = ("swarm_id", "id", "created_at")
    return tuple(str(row.get(name)) for name in names)


def _assigned(row: dict[str, Any]) -> int:
    """Count the agents of a task: the list where there is one, else the one named."""
    text = row.get("assigned_agents")
    try:
        listed = json.loads(text) if isinstance(text, str) else []
    except ValueError as error:
        raise InputDataError("not JSON", field="assigned_agents") from error
    if isinstance(listed, list) and listed:
        return len(listed)
    return int(row.get("agent_id") is not None)


_TABLES: dict[str, Callable[[dict[str, Any], ImportSink], Record | None]] = {
    "agents": _spawn,
    "collective_memory": _memory,
    "tasks": _task,
}
