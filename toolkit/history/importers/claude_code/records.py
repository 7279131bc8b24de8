"""The records that one transcript gives: batches, coordination events, workflows."""

from collections.abc import Callable, Iterator

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
    Timing,
    had_person,
    time_batch,
)
from toolkit.history.importers.claude_code.turns import turn_of
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    Workflow,
)

__all__ = ["records_of"]


def records_of(
    stream: Stream,
    agents: ActiveAgents,
    hidden: Callable[[str], str],
    whole: Whole | None = None,
) -> Iterator[tuple[int, Record | SchemaError]]:
    """Turn the replies and the batches of a stream into records.

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
    record : Record or SchemaError
        The error stands for a record that breaks the schema.
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
    past = FIRST
    for batch, before in stream.in_order():
        timing = time_batch(batch.calls, batch.mode, before)
        active = agents.at(batch.calls[0].start_s, stream)
        try:
            for record in _records(stream, batch, timing, active, hidden, whole, past):
                if isinstance(record, Batch):
                    past = Past.of(record)
                yield batch.line, record
        except SchemaError as error:
            yield batch.line, error


def _records(
    stream: Stream,
    batch: MessageBatch,
    timing: Timing,
    active: int | None,
    hidden: Callable[[str], str],
    whole: Whole | None,
    past: Past,
) -> Iterator[Record]:
    identity = batch.calls[0].record_id
    yield batch_of(
        stream, batch, timing, identity, active=active, whole=whole, past=past
    )
    for call in batch.calls:
        if call.tool.action is not None:
            yield _event(stream, batch, call, identity, hidden)
    if any(c.reply and c.reply.agent_s is not None for c in batch.calls):
        yield _workflow(stream, batch, timing, identity)


def _event(
    stream: Stream,
    batch: MessageBatch,
    call: Call,
    identity: str,
    hidden: Callable[[str], str],
) -> CoordinationEvent:
    """One call that other agents can notice; its wait is not known, nor its versions."""
    reply = call.reply
    duration_s = None
    if reply is not None and not had_person(call, batch.mode):
        duration_s = max(round(reply.end_s - call.start_s, 3), 0.0)
    return CoordinationEvent(
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
    )


def _workflow(
    stream: Stream, batch: MessageBatch, timing: Timing, identity: str
) -> Workflow:
    """Describe the agents that one message spawned as independent components.

    `agent_seconds` is what the harness measured of each agent, summed; it is unknown
    where one of them was not measured.
    """
    spawns = [
        call for call in batch.calls if call.tool.action == "spawn"
    ] or batch.calls
    worked = [
        c.reply.agent_s for c in spawns if c.reply and c.reply.agent_s is not None
    ]
    outcomes = [call.reply.outcome for call in spawns if call.reply is not None]
    succeeded = outcomes.count(Outcome.SUCCEEDED)
    whole = len(outcomes) == len(spawns)
    outcome = Outcome.UNKNOWN
    if whole:
        outcome = Outcome.SUCCEEDED if succeeded == len(spawns) else Outcome.FAILED
    return Workflow(
        record_id=identity,
        at=batch.calls[0].at,
        source=SOURCE,
        source_version=batch.version,
        provenance=Provenance.DERIVED,
        agents=len(spawns),
        components=float(len(spawns)),
        dependencies=0.0,
        session_id=stream.session_id,
        group_id=stream.session_id,
        makespan_s=timing.execution_s if len(spawns) == len(batch.calls) else None,
        agent_seconds=sum(worked) if len(worked) == len(spawns) else None,
        tasks_succeeded=succeeded if whole else None,
        tasks_failed=len(spawns) - succeeded if whole else None,
        outcome=outcome,
    )
