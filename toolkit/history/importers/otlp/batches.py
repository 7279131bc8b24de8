"""Batches from calls that arrive one by one, in any order, from several senders.

OpenTelemetry has no batch. Calls of one run of an agent belong together when the sender
said so (`swarm.batch.id`), or when they overlap in time; where requests to a model are
seen as well, all calls between two of them are one batch, since that is what a batch is.
What was clocked is measured, the grouping is derived, and the records say `derived`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median

from toolkit.history.importers.claude_code.tools import classify_tool
from toolkit.history.importers.otlp.database import PlacedCall, SignalDatabase
from toolkit.history.importers.otlp.signals import CallSignal, Signal
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
WORKERS = 10
"""Calls of one batch that a harness runs at once, by default."""


class SignalGroups:
    """Accepts signals in any order and gives the records they make.

    Parameters
    ----------
    path : path, optional
        Where signals lie until they are grouped; by default in a private temporary
        file, so memory stays the same however many there are.

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
    >>> groups.close()
    """

    def __init__(self, path: Path | None = None) -> None:
        self._database = SignalDatabase(path)

    def add(self, signal: Signal, arrived_s: float = 0.0) -> None:
        """Keep a signal until `records` is asked for; one that is there is kept once.

        Parameters
        ----------
        signal : Signal
        arrived_s : float
            Seconds since 1970.
        """
        self._database.add(signal, arrived_s)

    def records(self, since_s: float | None = None) -> Iterator[Record]:
        """Group what was added so far; the order is that of sessions, then of time.

        Parameters
        ----------
        since_s : float, optional
            Only of sessions for which a signal came at this time or later.

        Yields
        ------
        Record
        """
        for _, run in groupby(self._database.calls(since_s), key=_run):
            previous_ns: int | None = None
            for rows in _batches(run):
                batch = _batch(rows, previous_ns)
                previous_ns = max(row.call.end_ns for row in rows)
                yield batch
                yield from _events(rows, batch.record_id)

    def forget(self, idle_before_s: float, most_signals: int) -> int:
        """Let go of sessions that are over; see `SignalDatabase.forget`.

        Parameters
        ----------
        idle_before_s : float
            Sessions with no signal since then are over; seconds since 1970.
        most_signals : int
            How many may stay: beyond them the sessions idle longest go too.

        Returns
        -------
        int
            Signals that stay.
        """
        return self._database.forget(idle_before_s, most_signals)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _run(placed: PlacedCall) -> tuple[str, str, str]:
    return placed.call.scope, placed.call.agent, placed.lane


def _batches(stream: Iterable[PlacedCall]) -> Iterator[list[PlacedCall]]:
    held: list[PlacedCall] = []
    end_ns = 0
    for row in stream:
        if held and not _belongs(row, held[-1], end_ns):
            yield held
            held, end_ns = [], 0
        held.append(row)
        end_ns = max(end_ns, row.call.end_ns)
    if held:
        yield held


def _belongs(row: PlacedCall, last: PlacedCall, end_ns: int) -> bool:
    if row.call.batch or last.call.batch:
        return row.call.batch == last.call.batch
    if row.turns or last.turns:
        return row.turns == last.turns
    return row.call.start_ns < end_ns


def _batch(rows: Sequence[PlacedCall], previous_ns: int | None) -> Batch:
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
    known = any(outcome != Outcome.UNKNOWN for outcome in outcomes)
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
        succeeded=outcomes.count(Outcome.SUCCEEDED) if known else None,
        failed=outcomes.count(Outcome.FAILED) if known else None,
        cancelled=outcomes.count(Outcome.CANCELLED) if known else None,
        parallelism=None if overlap is None else min(1.0, overlap),
    )


def _events(rows: Sequence[PlacedCall], batch_id: str) -> Iterator[CoordinationEvent]:
    for call in (row.call for row in rows):
        tool = classify_tool(call.tool)
        if tool.action is None:
            continue
        yield CoordinationEvent(
            record_id=_call_id(call),
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
    return _call_id(calls[0])


def _call_id(call: CallSignal) -> str:
    """Scope an id that its provider did not draw at random: it may come again."""
    return call_record_id(call.call_id, scope=f"{call.scope}/{call.start_ns}")


def _moment(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)
