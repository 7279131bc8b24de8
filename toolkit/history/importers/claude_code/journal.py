"""Workflow runs: a program that spawns agents, and the journal that it keeps.

`<session>/subagents/workflows/<run>/journal.jsonl` says which agents were started and
which returned, without times. The transcripts of those agents lie beside it: a run began
with the first line of the first of them, and ended with the last line of the last.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_code.calls import read_time
from toolkit.history.importers.claude_code.streams import MAIN
from toolkit.history.importers.claude_code.waves import SOURCE
from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_object,
    read_lines,
    reason_of,
)
from toolkit.history.importers.waves import (
    FAILED,
    SUCCEEDED,
    UNFINISHED,
    AgentRun,
    wave_fields,
)
from toolkit.records import (
    CoordinationEvent,
    Outcome,
    Provenance,
    Workflow,
    identifier,
    model_name,
    record_id,
)

__all__ = ["is_journal", "read_journal"]

FORM = "workflow"
LAST_LINES = 5
"""Lines at the end of a transcript of which one has a time."""

ENDINGS = {"result": SUCCEEDED, "completed": SUCCEEDED, "failed": FAILED}
OUTCOMES = {SUCCEEDED: Outcome.SUCCEEDED, FAILED: Outcome.FAILED}


class _Span(NamedTuple):
    """From the first to the last line of an agent's transcript."""

    start: datetime
    end: datetime
    first: dict[str, Any]


def is_journal(path: Path) -> bool:
    """Whether a file is the journal of a workflow run, by where it lies."""
    named = path.name in ("journal.jsonl", "journal.jsonl.gz", "journal.jsonl.zst")
    return named and path.parent.parent.name == "workflows"


def read_journal(path: Path, sink: ImportSink) -> None:
    """Read a journal, and the times of the transcripts beside it.

    Parameters
    ----------
    path : path
    sink : ImportSink

    Raises
    ------
    InputDataError
        It names no agent.
    """
    endings = _endings(path, sink)
    if not endings:
        raise InputDataError(
            "no journal of a workflow run: no agent started", file=path
        )
    spans = {name: _span(path.parent, name) for name in endings}
    known = [span for span in spans.values() if span is not None]
    if not known:
        sink.pass_over("workflow run without its agents' transcripts")
        return
    for row in _rows(path, sink, endings, spans, min(known, key=_begun)):
        if isinstance(row, SchemaError):
            sink.reject(1, reason_of(row))
        else:
            sink.add_row(row)


def _endings(path: Path, sink: ImportSink) -> dict[str, str]:
    """Read how each agent ended, by its id."""
    endings: dict[str, str] = {}
    number = 0
    for number, line in read_lines(path):
        try:
            row = decode_object(line)
        except UnreadableLineError as error:
            if line is None or line.strip():
                sink.reject(number, reason_of(error))
            continue
        name, kind = row.get("agentId"), row.get("type")
        if not isinstance(name, str) or not name:
            sink.pass_over("line of a workflow run")
        elif kind == "started":
            endings.setdefault(name, UNFINISHED)
        elif kind in ENDINGS:
            endings[name] = ENDINGS[str(kind)]
    sink.read(number)
    return endings


def _span(folder: Path, agent: str) -> _Span | None:
    """Find when an agent began and ended; `None` where its transcript does not say."""
    if "/" in agent:
        return None
    for ending in ("jsonl", "jsonl.gz", "jsonl.zst"):
        path = folder / f"agent-{agent}.{ending}"
        if path.is_file():
            try:
                return _span_of(path)
            except (InputDataError, OSError):
                return None
    return None


def _span_of(path: Path) -> _Span | None:
    first: tuple[datetime, dict[str, Any]] | None = None
    last: deque[bytes | None] = deque(maxlen=LAST_LINES)
    for _, line in read_lines(path):
        if first is None:
            first = next(_timed([line]), None)
        last.append(line)
    if first is None:
        return None
    ends = [at for at, _ in _timed(last)]
    return _Span(first[0], max([first[0], *ends]), first[1])


def _timed(
    lines: Iterable[bytes | None],
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for line in lines:
        try:
            row = decode_object(line)
            yield read_time(row.get("timestamp")), row
        except UnreadableLineError:
            continue


def _rows(
    path: Path,
    sink: ImportSink,
    endings: dict[str, str],
    spans: dict[str, _Span | None],
    first: _Span,
) -> Iterator[dict[str, Any] | SchemaError]:
    """Write the run, and an event for each agent that it spawned."""
    run = path.parent.name
    session = identifier(path.parents[3].name, sink.hidden)
    folder = first.first.get("cwd")
    own = record_id(SOURCE, FORM, session, run)
    shared: dict[str, Any] = {
        "source": SOURCE,
        "source_version": model_name(first.first.get("version")),
        "provenance": Provenance.DERIVED,
        "session_id": session,
    }
    runs = [
        _agent_run(name, ending, spans[name], first.start)
        for name, ending in endings.items()
    ]
    runs.sort(key=lambda each: (each.at, each.record_id))
    try:
        yield Workflow.row(
            record_id=own,
            at=first.start,
            group_id=session,
            project=sink.hidden(folder) if isinstance(folder, str) else None,
            client=SOURCE,
            **wave_fields(runs),
            **shared,
        )
        for name, ending in endings.items():
            span = spans[name]
            yield CoordinationEvent.row(
                record_id=record_id(SOURCE, "spawn", session, run, name),
                at=first.start if span is None else span.start,
                agent_id=MAIN,
                operation="Workflow",
                action="spawn",
                outcome=OUTCOMES.get(ending, Outcome.UNKNOWN),
                duration_s=None if span is None else _seconds(span.end - span.start),
                workflow_id=own,
                spawned_id=identifier(name, sink.hidden),
                **shared,
            )
    except SchemaError as error:
        yield error


def _agent_run(name: str, ending: str, span: _Span | None, start: datetime) -> AgentRun:
    run = AgentRun(name, start if span is None else span.start, FORM, FORM, ending)
    if span is None or ending == UNFINISHED:
        return run
    return run._replace(
        end_s=span.end.timestamp(), worked_s=_seconds(span.end - span.start)
    )


def _begun(span: _Span) -> datetime:
    return span.start


def _seconds(took: timedelta) -> float:
    return round(took.total_seconds(), 3)
