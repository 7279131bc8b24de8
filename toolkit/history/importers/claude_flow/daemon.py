"""v3's daemon: how often each of its workers ran, and how long on average."""

from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.documents import read_document
from toolkit.history.importers.claude_flow.moments import duration_s, parse_time
from toolkit.history.importers.lines import reason_of
from toolkit.records import Provenance, Workflow, record_id

__all__ = ["read_workers"]


def read_workers(path: Path, sink: ImportSink) -> None:
    """Read a `daemon-state.json`: one workflow of one agent for each worker that ran.

    Its makespan is the mean over the runs, its task counts are their outcomes.
    """
    document = read_document(path)
    workers = document.get("workers")
    if not isinstance(workers, dict):
        raise InputDataError("no object", file=path, field="workers")
    for number, (name, row) in enumerate(workers.items(), start=1):
        sink.read(1)
        if not isinstance(row, dict):
            sink.reject(number, "not a JSON object")
            continue
        if not row.get("runCount"):
            continue
        last = (
            row.get("lastRun") or document.get("savedAt") or document.get("startedAt")
        )
        try:
            sink.add(_workflow(name, row, last))
        except InputDataError as error:
            sink.reject(number, reason_of(error))


def _workflow(name: str, row: dict[str, Any], last: Any) -> Workflow:
    return Workflow(
        record_id=record_id("claude-flow", "daemon", name, str(last)),
        at=parse_time(last),
        source="claude-flow",
        source_version="v3",
        provenance=Provenance.DECLARED,
        agents=1,
        group_id=f"daemon-{name}",
        makespan_s=duration_s(row.get("averageDurationMs")),
        tasks_succeeded=row.get("successCount"),
        tasks_failed=row.get("failureCount"),
    )
