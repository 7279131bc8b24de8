"""The record of one batch of a transcript."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from toolkit.history.importers.claude_code.calls import (
    INTERRUPTED,
    REFUSED,
    SIBLING,
)
from toolkit.history.importers.claude_code.streams import MessageBatch, Stream
from toolkit.history.importers.claude_code.timing import BatchDurations
from toolkit.history.importers.claude_code.waves import SOURCE, Notice
from toolkit.history.importers.flow import count_flow
from toolkit.history.importers.texts import total_length
from toolkit.records import Batch, Outcome, Provenance, Timing

__all__ = ["FIRST", "SOURCE", "Past", "Whole", "batch_of"]

TODO = "todoWrite"
SUCCEEDED, FAILED = Outcome.SUCCEEDED, Outcome.FAILED
CANCELLED, UNKNOWN = Outcome.CANCELLED, Outcome.UNKNOWN


class Whole(NamedTuple):
    """What is known of a stream whose lines were all read.

    Attributes
    ----------
    project : str or None
        Keyed hash of the folder it began in.
    notices : mapping of str to Notice
        Ends of agents in the background, by agent id.
    """

    project: str | None
    notices: Mapping[str, Notice]


class Past(NamedTuple):
    """The batch before, as the next one's record refers to it."""

    identity: str | None
    operation_type: str | None
    failed: bool | None
    characters: int | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Past":
        """Keep what the next batch's record says about this one."""
        return cls(
            row["record_id"],
            row["operation_type"],
            bool(row["failed"]),
            row.get("result_characters"),
        )


FIRST = Past(None, "none", failed=False, characters=None)
UNKNOWN_PAST = Past(None, None, failed=None, characters=None)


def batch_of(
    stream: Stream,
    batch: MessageBatch,
    timing: BatchDurations,
    identity: str,
    *,
    active: int | None,
    whole: Whole | None,
    past: Past,
) -> dict[str, Any]:
    """Write a batch as a row.

    Parameters
    ----------
    stream : Stream
    batch : MessageBatch
    timing : BatchDurations
        As `time_batch` gives it.
    identity : str
    active : int or None
        Agents at work when it began.
    whole : Whole or None
        `None` where the stream may lack what came before the batch.
    past : Past

    Raises
    ------
    SchemaError
        A value is outside its field's range.
    """
    calls = batch.calls
    operation_type = calls[0].tool.operation_type
    for call in calls:
        if call.tool.operation_type != operation_type:
            operation_type = "mixed"
    counts_todos = operation_type == TODO
    ended = {SUCCEEDED: 0, FAILED: 0, CANCELLED: 0, UNKNOWN: 0}
    given_up = {SIBLING: 0, REFUSED: 0, INTERRUPTED: 0}
    size = reads = background = 0
    for call in calls:
        weight = call.todos if counts_todos else 1
        size += weight
        reads += call.tool.reads
        reply = call.reply
        if reply is not None:
            ended[reply.outcome] += weight
            if reply.why:
                given_up[reply.why] += weight
            background += reply.goes_on or reply.in_background
            if reply.in_background:
                timing = BatchDurations(turn_s=timing.turn_s, censored=timing.censored)
    needs, mentioned, known = count_flow([call.flow for call in calls])
    turn = batch.turn
    prompted: bool | None = batch.prompt_s is not None or batch.task_s is not None
    if whole is None:
        turn, prompted, past = None, None, UNKNOWN_PAST
    return Batch.row(
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
        client=SOURCE,
        model=batch.model,
        read_share=reads / len(calls),
        timing=Timing.CALL,
        cycle_s=timing.cycle_s,
        execution_s=timing.execution_s,
        turn_s=timing.turn_s,
        waiting_s=timing.waiting_s,
        operations_s=timing.operations_s,
        longest_s=timing.longest_s,
        median_s=timing.median_s,
        censored=timing.censored,
        succeeded=ended[SUCCEEDED],
        failed=ended[FAILED],
        cancelled=ended[CANCELLED],
        siblings=given_up[SIBLING],
        refused=given_up[REFUSED],
        interrupted=given_up[INTERRUPTED],
        background=background,
        parallelism=timing.parallelism,
        active_agents=active,
        call_characters=total_length([call.characters for call in calls]),
        result_characters=total_length([call.result_characters for call in calls]),
        needs_previous=needs,
        mentioned_by_previous=mentioned,
        known_before=known,
        project=None if whole is None else whole.project,
        previous_id=past.identity,
        previous_operation_type=past.operation_type,
        previous_failed=past.failed,
        previous_characters=past.characters,
        prompted=prompted,
        turn_id=None if turn is None else turn.identity,
        branch=None if turn is None else turn.branch,
        context_tokens=None if turn is None else turn.usage.context_tokens,
    )
