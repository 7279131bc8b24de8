"""Batches from calls that arrive one by one, in any order, from several senders.

OpenTelemetry has no batch. Calls of one agent belong together when the sender said so
(`swarm.batch.id`), or when they overlap in time; where requests to a model are seen as
well, all calls between two of them are one batch, since that is what a batch is. What
was clocked is measured, the grouping is derived, and the records say `derived`.

Signals lie in a private temporary database until they are grouped, so memory stays the
same however long the file is and whatever order its lines have.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from statistics import median
from typing import NamedTuple

from toolkit.history.importers.claude_code import classify_tool
from toolkit.history.importers.otlp.signals import (
    CallSignal,
    TurnSignal,
    WaitSignal,
)
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    call_record_id,
    record_id,
)

__all__ = ["SignalGroups"]

SOURCE = "otlp"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FLUSH_ROWS = 2000
WORKERS = 10
"""Calls of one batch that a harness runs at once, by default."""


class _Row(NamedTuple):
    """A call with what was found about it from other signals."""

    call: CallSignal
    waited_ns: int
    turns: int


class SignalGroups:
    """Takes signals in any order and gives the records they make.

    Examples
    --------
    >>> groups = SignalGroups()
    >>> groups.add(
    ...     CallSignal("s", "main", "", "", "c1", "Read", 10**9, 3 * 10**9, "succeeded")
    ... )
    >>> groups.add(
    ...     CallSignal(
    ...         "s", "main", "", "", "c2", "Grep", 2 * 10**9, 4 * 10**9, "failed"
    ...     )
    ... )
    >>> batch = next(r for r in groups.records() if isinstance(r, Batch))
    >>> batch.size, batch.succeeded, batch.failed, batch.execution_s
    (2, 1, 1, 3.0)
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(_SCHEMA)
        self._held: dict[type, list[tuple[object, ...]]] = {
            CallSignal: [],
            TurnSignal: [],
            WaitSignal: [],
        }

    def add(self, signal: CallSignal | TurnSignal | WaitSignal) -> None:
        """Take a signal; a call seen twice counts once, its fuller copy."""
        held = self._held[type(signal)]
        held.append(tuple(signal))
        if len(held) >= FLUSH_ROWS:
            self._flush()

    def records(self) -> Iterator[Record]:
        """Group what was taken so far; the order is that of streams, then of time."""
        self._flush()
        for _, stream in groupby(
            self._rows(), key=lambda r: (r.call.scope, r.call.agent)
        ):
            previous_ns: int | None = None
            for rows in _batches(stream):
                batch = _batch(rows, previous_ns)
                previous_ns = max(row.call.end_ns for row in rows)
                yield batch
                yield from _events(rows, batch.record_id)

    def close(self) -> None:
        """Let go of the temporary database."""
        self._database.close()

    def _flush(self) -> None:
        for kind, rows in self._held.items():
            marks = ",".join("?" * len(kind._fields))  # type: ignore[attr-defined]  # all three are named tuples
            self._database.executemany(
                f"INSERT OR IGNORE INTO {kind.__name__} VALUES ({marks})",  # noqa: S608 - names of our own classes
                rows,
            )
            rows.clear()

    def _rows(self) -> Iterator[_Row]:
        cursor = self._database.execute(_ORDERED)
        for *values, waited_ns, turns in cursor:
            yield _Row(CallSignal(*values), waited_ns, turns)


_SCHEMA = """
PRAGMA journal_mode=OFF;
CREATE TABLE CallSignal (scope, agent, parent, batch, call_id, tool, start_ns INTEGER,
  end_ns INTEGER, outcome, span, version, PRIMARY KEY (scope, call_id));
CREATE TABLE TurnSignal (scope, agent, start_ns INTEGER, end_ns INTEGER, model,
  PRIMARY KEY (scope, agent, start_ns, end_ns));
CREATE TABLE WaitSignal (scope, parent, duration_ns INTEGER,
  PRIMARY KEY (scope, parent));
"""

_ORDERED = """
SELECT c.*, coalesce(w.duration_ns, 0), (
  SELECT count(*) FROM TurnSignal t
  WHERE t.scope = c.scope AND t.agent = c.agent AND t.end_ns <= c.start_ns)
FROM CallSignal c LEFT JOIN WaitSignal w ON w.scope = c.scope AND w.parent = c.span
ORDER BY c.scope, c.agent, c.start_ns, c.call_id
"""


def _batches(stream: Iterable[_Row]) -> Iterator[list[_Row]]:
    held: list[_Row] = []
    end_ns = 0
    for row in stream:
        if held and not _belongs(row, held[-1], end_ns):
            yield held
            held, end_ns = [], 0
        held.append(row)
        end_ns = max(end_ns, row.call.end_ns)
    if held:
        yield held


def _belongs(row: _Row, last: _Row, end_ns: int) -> bool:
    if row.call.batch or last.call.batch:
        return row.call.batch == last.call.batch
    if row.turns or last.turns:
        return row.turns == last.turns
    return row.call.start_ns < end_ns


def _batch(rows: Sequence[_Row], previous_ns: int | None) -> Batch:
    calls = [row.call for row in rows]
    tools = [classify_tool(call.tool) for call in calls]
    types = {tool.operation_type for tool in tools}
    start_ns, end_ns = calls[0].start_ns, max(call.end_ns for call in calls)
    waited_ns = sum(row.waited_ns for row in rows)
    took = [
        max(0, row.call.end_ns - row.call.start_ns - row.waited_ns) / 1e9
        for row in rows
    ]
    turn_ns = None if previous_ns is None else start_ns - previous_ns
    known_turn = turn_ns is not None and turn_ns >= 0
    execution_s = (end_ns - start_ns) / 1e9
    overlap = (
        sum(took) / execution_s / min(len(calls), WORKERS) if execution_s else None
    )
    outcomes = [call.outcome for call in calls]
    return Batch(
        record_id=_batch_id(calls),
        at=_moment(start_ns),
        source=SOURCE,
        source_version=calls[0].version or None,
        provenance=Provenance.DERIVED,
        operation_type=types.pop() if len(types) == 1 else "mixed",
        size=len(calls),
        calls=len(calls),
        session_id=calls[0].scope,
        group_id=calls[0].scope,
        agent_id=calls[0].agent,
        read_share=sum(tool.reads for tool in tools) / len(tools),
        cycle_s=(end_ns - previous_ns) / 1e9 if known_turn and previous_ns else None,
        execution_s=execution_s,
        turn_s=turn_ns / 1e9 if known_turn and turn_ns is not None else None,
        waiting_s=waited_ns / 1e9,
        operations_s=sum(took),
        longest_s=max(took),
        median_s=median(took),
        censored=waited_ns > 0,
        succeeded=outcomes.count(Outcome.SUCCEEDED),
        failed=outcomes.count(Outcome.FAILED),
        cancelled=outcomes.count(Outcome.CANCELLED),
        parallelism=None if overlap is None else min(1.0, overlap),
    )


def _events(rows: Sequence[_Row], batch_id: str) -> Iterator[CoordinationEvent]:
    for call in (row.call for row in rows):
        tool = classify_tool(call.tool)
        if tool.action is None:
            continue
        yield CoordinationEvent(
            record_id=call_record_id(call.call_id),
            at=_moment(call.start_ns),
            source=SOURCE,
            source_version=call.version or None,
            provenance=Provenance.MEASURED,
            agent_id=call.agent,
            operation=tool.operation,
            action=tool.action,
            session_id=call.scope,
            duration_s=(call.end_ns - call.start_ns) / 1e9,
            outcome=Outcome(call.outcome),
            batch_id=batch_id,
        )


def _batch_id(calls: Sequence[CallSignal]) -> str:
    if calls[0].batch:
        return record_id("otlp-batch", calls[0].scope, calls[0].batch)
    return call_record_id(calls[0].call_id)


def _moment(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)
