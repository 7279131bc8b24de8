"""What v2 noted about its command line: commands, agents, counters."""

from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.documents import (
    read_document,
    read_rows,
)
from toolkit.history.importers.claude_flow.event import EventMaker
from toolkit.history.importers.claude_flow.moments import duration_s
from toolkit.history.importers.lines import reason_of
from toolkit.records import Provenance

__all__ = ["read_agents", "read_commands", "read_counters"]


def read_commands(path: Path, sink: ImportSink) -> None:
    """Read a `task-metrics.json`: one row for each call of the command line.

    Time and duration are measured; `success` is never false in any file seen, whatever
    happened, so the outcome is not known.
    """
    maker = EventMaker("v2", Provenance.MEASURED)
    for number, row in read_rows(path, sink):
        try:
            sink.add(
                maker.make(
                    ("command", str(row.get("id")), str(row.get("timestamp"))),
                    row.get("timestamp"),
                    operation=f"claude-flow {row.get('type')}",
                    action="message",
                    duration_s=duration_s(row.get("duration")),
                )
            )
        except InputDataError as error:
            sink.reject(number, reason_of(error))


def read_agents(path: Path, sink: ImportSink) -> None:
    """Read an `agent-metrics.json`: actions by agent type, nearly always none.

    The durations are those of writing the note (less than a microsecond), so the rows
    are suspect.
    """
    maker = EventMaker("v2", Provenance.SUSPECT)
    for agent, totals in read_document(path).items():
        actions = totals.get("actions") if isinstance(totals, dict) else None
        for number, row in enumerate(actions or [], start=1):
            sink.read(1)
            if not isinstance(row, dict):
                sink.reject(number, "not a JSON object")
                continue
            try:
                sink.add(_action(maker, agent, row))
            except InputDataError as error:
                sink.reject(number, reason_of(error))


def _action(maker: EventMaker, agent: str, row: dict[str, Any]) -> Any:
    spawns = row.get("action") == "spawn"
    return maker.make(
        ("action", str(row.get("id")), str(row.get("timestamp"))),
        row.get("timestamp"),
        operation=f"claude-flow {row.get('action')}",
        action="spawn" if spawns else "message",
        agent=agent,
        duration_s=duration_s(row.get("duration")),
    )


def read_counters(path: Path, sink: ImportSink) -> None:
    """Read a `performance.json` or `agent-performance.json` and count its session.

    Both hold totals since a process began, reset by the next one: no record can be made
    of them that would not be counted twice.
    """
    row = read_document(path)
    sink.read(1)
    began = row.get("sessionId") or row.get("startTime") or row.get("created")
    if began is None:
        raise InputDataError("neither `startTime` nor `created`", file=path)
    sink.met("session", f"claude-flow/{began}")
