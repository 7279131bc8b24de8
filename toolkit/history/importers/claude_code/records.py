"""The records that one transcript gives, as rows: turns, batches, events, workflows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.errors import SchemaError
from toolkit.history.importers.claude_code.agents import ActiveAgents
from toolkit.history.importers.claude_code.batches import (
    FIRST,
    SOURCE,
    Past,
    Whole,
    batch_of,
)
from toolkit.history.importers.claude_code.calls import Call
from toolkit.history.importers.claude_code.streams import MessageBatch, Stream
from toolkit.history.importers.claude_code.timing import (
    BatchDurations,
    had_person,
    time_batch,
)
from toolkit.history.importers.claude_code.turns import turn_of
from toolkit.history.importers.claude_code.waves import wave_row, waves_of
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    identifier,
)

__all__ = ["records_of"]


def records_of(
    stream: Stream,
    agents: ActiveAgents,
    hidden: Callable[[str], str],
    whole: Whole | None = None,
) -> Iterator[tuple[int, dict[str, Any] | SchemaError]]:
    """Turn the replies, batches and waves of a stream into rows.

    Parameters
    ----------
    stream : Stream
    agents : ActiveAgents
        Of the same transcript.
    hidden : callable
        Keyed hash of a path or key.
    whole : Whole, optional
        Given where the stream holds everything that its agent did, so that what came
        before a batch is known.

    Yields
    ------
    line : int
        Of the record's first line, to name should the record break the schema.
    row : dict or SchemaError
        As `Record.row` gives it; the error stands for a record that breaks the schema.
    """
    project = None if whole is None else whole.project
    for reply in stream.replies.values():
        try:
            yield (
                reply.line,
                turn_of(
                    reply,
                    stream.session_id,
                    stream.agent_id,
                    source=SOURCE,
                    project=project,
                ),
            )
        except SchemaError as error:
            yield reply.line, error
    waves = waves_of(stream, {} if whole is None else whole.notices)
    wave_ids = {
        run.record_id: wave[0][0].record_id for wave in waves for run, _, _ in wave
    }
    past = FIRST
    for batch, before in stream.in_order():
        timing = time_batch(batch.calls, batch.mode, before)
        active = agents.at(batch.calls[0].start_s, stream)
        try:
            for row in _rows(
                stream, batch, timing, active, hidden, whole, past, wave_ids
            ):
                if row["kind"] == Batch.kind:
                    past = Past.of(row)
                yield batch.line, row
        except SchemaError as error:
            yield batch.line, error
    for wave in waves:
        line = wave[0][2].line
        try:
            yield line, wave_row(stream, wave, project)
        except SchemaError as error:
            yield line, error


def _rows(
    stream: Stream,
    batch: MessageBatch,
    timing: BatchDurations,
    active: int | None,
    hidden: Callable[[str], str],
    whole: Whole | None,
    past: Past,
    wave_ids: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    identity = batch.calls[0].record_id
    yield batch_of(
        stream, batch, timing, identity, active=active, whole=whole, past=past
    )
    for call in batch.calls:
        if call.tool.action is not None:
            yield _event(stream, batch, call, identity, hidden, wave_ids)


def _event(
    stream: Stream,
    batch: MessageBatch,
    call: Call,
    identity: str,
    hidden: Callable[[str], str],
    wave_ids: Mapping[str, str],
) -> dict[str, Any]:
    """One call that other agents can notice; its wait is not known, nor its versions."""
    reply = call.reply
    duration_s = None
    if reply is not None and not had_person(call, batch.mode):
        duration_s = max(round(reply.end_s - call.start_s, 3), 0.0)
    spawned = None if reply is None else reply.agent_id
    return CoordinationEvent.row(
        record_id=identity if call is batch.calls[0] else call.record_id,
        at=call.at,
        source=SOURCE,
        source_version=batch.version,
        provenance=Provenance.DERIVED,
        agent_id=stream.agent_id,
        operation=call.tool.operation,
        action=call.tool.action or "read",
        session_id=stream.session_id,
        memory_key=None if call.key is None else hidden(call.key),
        duration_s=duration_s,
        outcome=Outcome.UNKNOWN if reply is None else reply.outcome,
        batch_id=identity,
        workflow_id=wave_ids.get(call.record_id),
        spawned_id=None if spawned is None else identifier(spawned, hidden),
    )
