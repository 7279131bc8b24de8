"""The records that one transcript gives: batches, coordination events, workflows."""

from collections.abc import Callable, Iterator

from toolkit.errors import SchemaError
from toolkit.history.importers.claude_code.agents import ActiveAgents
from toolkit.history.importers.claude_code.calls import (
    INTERRUPTED,
    REFUSED,
    SIBLING,
    Call,
)
from toolkit.history.importers.claude_code.streams import MessageBatch, Stream
from toolkit.history.importers.claude_code.timing import (
    Timing,
    had_person,
    time_batch,
)
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    Workflow,
)

__all__ = ["SOURCE", "records_of"]

SOURCE = "claude-code"
TODO = "todoWrite"


def records_of(
    stream: Stream, agents: ActiveAgents, hidden: Callable[[str], str]
) -> Iterator[tuple[int, Record | SchemaError]]:
    """Turn the batches of a stream into records.

    Parameters
    ----------
    stream : Stream
    agents : ActiveAgents
        Of the same transcript.
    hidden : callable
        Keyed hash of a path or key.

    Yields
    ------
    line : int
        Of the batch's first call, to name should the record break the schema.
    record : Record or SchemaError
        The error stands for a batch that breaks the schema.
    """
    for batch, before in stream.in_order():
        timing = time_batch(batch.calls, batch.mode, before)
        active = agents.at(batch.calls[0].start_s, stream)
        try:
            for record in _records(stream, batch, timing, active, hidden):
                yield batch.line, record
        except SchemaError as error:
            yield batch.line, error


def _records(
    stream: Stream,
    batch: MessageBatch,
    timing: Timing,
    active: int | None,
    hidden: Callable[[str], str],
) -> Iterator[Record]:
    identity = batch.calls[0].record_id
    yield _batch(stream, batch, timing, identity, active)
    for call in batch.calls:
        if call.tool.action is not None:
            yield _event(stream, batch, call, identity, hidden)
    if any(c.reply and c.reply.agent_s is not None for c in batch.calls):
        yield _workflow(stream, batch, timing, identity)


def _batch(
    stream: Stream,
    batch: MessageBatch,
    timing: Timing,
    identity: str,
    active: int | None,
) -> Batch:
    calls = batch.calls
    operation_type = calls[0].tool.operation_type
    if any([call.tool.operation_type != operation_type for call in calls]):  # noqa: C419 - twice as fast
        operation_type = "mixed"
    counts_todos = operation_type == TODO
    ended = dict.fromkeys(Outcome, 0)
    given_up = {SIBLING: 0, REFUSED: 0, INTERRUPTED: 0}
    size = reads = background = 0
    for call in calls:
        weight = call.todos if counts_todos else 1
        size += weight
        reads += call.tool.reads
        if call.reply is not None:
            ended[call.reply.outcome] += weight
            if call.reply.why:
                given_up[call.reply.why] += weight
            background += call.reply.goes_on or call.reply.in_background
    return Batch(
        record_id=identity,
        at=calls[0].at,
        source=SOURCE,
        source_version=batch.version,
        provenance=Provenance.DERIVED,
        operation_type=operation_type,
        size=size,
        calls=len(calls),
        session_id=stream.session_id,
        agent_id=stream.agent_id,
        group_id=stream.session_id,
        model=batch.model,
        read_share=reads / len(calls),
        cycle_s=timing.cycle_s,
        execution_s=timing.execution_s,
        turn_s=timing.turn_s,
        waiting_s=timing.waiting_s,
        operations_s=timing.operations_s,
        longest_s=timing.longest_s,
        median_s=timing.median_s,
        censored=timing.censored,
        succeeded=ended[Outcome.SUCCEEDED],
        failed=ended[Outcome.FAILED],
        cancelled=ended[Outcome.CANCELLED],
        siblings=given_up[SIBLING],
        refused=given_up[REFUSED],
        interrupted=given_up[INTERRUPTED],
        background=background,
        parallelism=timing.parallelism,
        active_agents=active,
    )


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
