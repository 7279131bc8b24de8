"""v3's routing outcomes: what its callers said of a task and its agent."""

from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.documents import read_document
from toolkit.history.importers.claude_flow.event import EventMaker, outcome_of
from toolkit.history.importers.lines import reason_of
from toolkit.records import Provenance

__all__ = ["read_outcomes"]


def read_outcomes(path: Path, sink: ImportSink) -> None:
    """Read a `routing-outcomes.json`; success is what the caller declared."""
    rows = read_document(path).get("outcomes")
    if not isinstance(rows, list):
        raise InputDataError("no list", file=path, field="outcomes")
    maker = EventMaker("v3", Provenance.DECLARED)
    for number, row in enumerate(rows, start=1):
        sink.read(1)
        if not isinstance(row, dict):
            sink.reject(number, "not a JSON object")
            continue
        agent, at = str(row.get("agent")), row.get("timestamp")
        try:
            sink.add(
                maker.make(
                    ("route", agent, str(at)),
                    at,
                    operation="claude-flow route",
                    action="message",
                    agent=agent,
                    outcome=outcome_of(row.get("success")),
                )
            )
        except InputDataError as error:
            sink.reject(number, reason_of(error))
