"""v3's stores of tasks and agents."""

from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.documents import read_document
from toolkit.history.importers.claude_flow.event import EventMaker
from toolkit.history.importers.claude_flow.moments import parse_time
from toolkit.history.importers.lines import reason_of
from toolkit.records import Outcome, Provenance, Record, Workflow, record_id

__all__ = ["STATUS", "read_task_store"]

STATUS = {
    "completed": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "cancelled": Outcome.CANCELLED,
}
"""What a task's status says of its outcome; any other is not known."""


def read_task_store(path: Path, sink: ImportSink) -> None:
    """Read a `tasks/store.json` or `agents/store.json`.

    A task becomes a workflow of the agents it was assigned to; one that was assigned to
    no agent has none. An agent becomes the event of its spawning.
    """
    document = read_document(path)
    noun = path.parent.name
    rows = document.get(noun)
    if not isinstance(rows, dict):
        raise InputDataError("no object", file=path, field=noun)
    for number, (name, row) in enumerate(rows.items(), start=1):
        sink.read(1)
        if not isinstance(row, dict):
            sink.reject(number, "not a JSON object")
            continue
        try:
            record = _task(name, row) if noun == "tasks" else _agent(name, row)
        except InputDataError as error:
            sink.reject(number, reason_of(error))
            continue
        if record is not None:
            sink.add(record)


def _task(name: str, row: dict[str, Any]) -> Record | None:
    assigned = row.get("assignedTo")
    agents = len(assigned) if isinstance(assigned, list) else int(bool(assigned))
    if not agents:
        return None
    started, completed = row.get("startedAt"), row.get("completedAt")
    makespan_s = None
    if started is not None and completed is not None:
        makespan_s = (parse_time(completed) - parse_time(started)).total_seconds()
    return Workflow(
        record_id=record_id("claude-flow", "task", name, str(row.get("createdAt"))),
        at=parse_time(started if started is not None else row.get("createdAt")),
        source="claude-flow",
        source_version="v3",
        provenance=Provenance.DECLARED,
        agents=agents,
        makespan_s=makespan_s,
        outcome=STATUS.get(str(row.get("status")), Outcome.UNKNOWN),
    )


def _agent(name: str, row: dict[str, Any]) -> Record:
    return EventMaker("v3", Provenance.DECLARED).make(
        ("agent", name, str(row.get("createdAt"))),
        row.get("createdAt"),
        operation=f"spawn {row.get('agentType')}",
        action="spawn",
        agent=name,
    )
