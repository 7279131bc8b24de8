"""The records of a log: a turn for every reply, a batch for every reply with calls."""

from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

from toolkit.errors import SchemaError
from toolkit.history.importers.agent_logs.agents import agent_rows
from toolkit.history.importers.agent_logs.log import AgentCall, AgentLog, AgentReply
from toolkit.history.importers.flow import count_flow
from toolkit.history.importers.texts import total_length
from toolkit.records import (
    Batch,
    Outcome,
    Provenance,
    Timing,
    Turn,
    call_record_id,
    identifier,
    is_unique_call_id,
    model_name,
    record_id,
)

__all__ = ["log_records"]

SLEEP_S = 600.0
"""Longest latency of a reply that is believed; a longer one held sleep."""

CLOCK_SLACK_S = 1.0
"""Lines within this time of each other may be stamped in the wrong order."""

WORKERS = 10
"""Calls of one batch that clients run at once, as far as they say."""

POLL = "poll"
SUCCEEDED, FAILED, CANCELLED = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED


class _Past(NamedTuple):
    """The batch before, of the same agent."""

    identity: str | None = None
    operation_type: str = "none"
    failed: bool = False
    characters: int | None = None
    end_s: float | None = None


FIRST = _Past()


class _Times(NamedTuple):
    """The times of a batch, as the fields of its record; see `Batch`."""

    timing: Timing
    turn_s: float | None
    censored: bool | None
    waiting_s: float | None
    cycle_s: float | None
    execution_s: float | None
    operations_s: float | None
    longest_s: float | None
    median_s: float | None
    parallelism: float | None


_Operations = tuple[float | None, float | None, float | None, float | None]

NO_OPERATIONS: _Operations = (None, None, None, None)


def log_records(
    log: AgentLog, source: str, hidden: Callable[[str], str]
) -> Iterator[dict[str, Any] | SchemaError]:
    """Turn the replies of a log into rows.

    Parameters
    ----------
    log : AgentLog
    source : str
        Name of the importer.
    hidden : callable
        Keyed hash of a name.

    Yields
    ------
    dict or SchemaError
        As `Record.row` gives it; the error stands for a record that breaks the schema.
    """
    session = identifier(log.session_id, hidden)
    shared: dict[str, Any] = {
        "source": source,
        "source_version": model_name(log.version),
        "provenance": Provenance.DERIVED,
        "session_id": session,
        "group_id": session,
        "project": None if log.folder is None else hidden(log.folder),
        "branch": None if log.branch is None else hidden(f"branch {log.branch}"),
        "client": model_name(log.client),
    }
    pasts: dict[str, _Past] = {}
    begun: Counter[tuple[str, str]] = Counter()
    named: dict[tuple[str, str | None], dict[str, Any]] = {}
    for reply in log.replies:
        writer = reply.agent_id, reply.model
        own = named.get(writer)
        if own is None:
            agent = identifier(reply.agent_id, hidden)
            own = {**shared, "agent_id": agent, "model": model_name(reply.model)}
            named[writer] = own
        turn_id = record_id(source, "turn", log.session_id, reply.reply_id)
        try:
            yield _turn(reply, turn_id, own)
            if reply.calls and not (reply.hidden or reply.rewound):
                agent = own["agent_id"]
                first = reply.calls[0].call_id
                identity = call_record_id(
                    first,
                    scope=f"{source}/{log.session_id}/{reply.agent_id}",
                    nth=begun[agent, first],
                )
                begun[agent, first] += not is_unique_call_id(first)
                past = pasts.get(agent, FIRST)
                batch = _batch(log, reply, past, identity, turn_id, own)
                pasts[agent] = _Past(
                    identity,
                    batch["operation_type"],
                    batch["failed"] > 0,
                    batch.get("result_characters"),
                    reply.end_s,
                )
                yield batch
        except SchemaError as error:
            yield error
    try:
        yield from agent_rows(log, source, hidden, shared)
    except SchemaError as error:
        yield error


def _turn(reply: AgentReply, turn_id: str, own: dict[str, Any]) -> dict[str, Any]:
    latency_s = None
    if reply.since_s is not None:
        latency_s = _span(reply.since_s, reply.at.timestamp())
    slept = latency_s is not None and latency_s > SLEEP_S
    usage = reply.usage
    return Turn.row(
        record_id=turn_id,
        at=reply.at,
        calls=None if reply.hidden else len(reply.calls),
        hidden=reply.hidden or None,
        prompted=reply.prompted,
        latency_s=None if slept else latency_s,
        censored=slept,
        context_tokens=usage.context_tokens,
        declared_usd=reply.declared_usd,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        **own,
    )


def _batch(
    log: AgentLog,
    reply: AgentReply,
    past: _Past,
    identity: str,
    turn_id: str,
    own: dict[str, Any],
) -> dict[str, Any]:
    calls = reply.calls
    working = [call for call in calls if _is_work(call)] or calls
    operation_type = working[0].operation.operation_type
    reads = background = succeeded = failed = cancelled = refused = interrupted = 0
    for call in working:
        operation = call.operation
        if operation.operation_type != operation_type:
            operation_type = "mixed"
        reads += operation.reads
        background += call.background
        outcome, why = call.outcome, call.why
        succeeded += outcome is SUCCEEDED
        failed += outcome is FAILED
        cancelled += outcome is CANCELLED
        refused += why == "refused"
        interrupted += why == "interrupted"
    needs, mentioned, known = count_flow([call.flow for call in calls])
    times = _times(log, reply, past)
    return Batch.row(
        record_id=identity,
        at=reply.at,
        operation_type=operation_type,
        size=len(working),
        calls=len(calls),
        read_share=reads / len(working),
        succeeded=succeeded,
        failed=failed,
        cancelled=cancelled,
        siblings=0,
        refused=refused,
        interrupted=interrupted,
        background=background,
        call_characters=total_length([call.characters for call in calls]),
        result_characters=total_length([call.result_characters for call in calls]),
        needs_previous=needs,
        mentioned_by_previous=mentioned,
        known_before=known,
        context_tokens=reply.usage.context_tokens,
        previous_id=past.identity,
        previous_operation_type=past.operation_type,
        previous_failed=past.failed,
        previous_characters=past.characters,
        prompted=reply.prompted,
        turn_id=turn_id,
        timing=times.timing,
        turn_s=times.turn_s,
        censored=times.censored,
        waiting_s=times.waiting_s,
        cycle_s=times.cycle_s,
        execution_s=times.execution_s,
        operations_s=times.operations_s,
        longest_s=times.longest_s,
        median_s=times.median_s,
        parallelism=times.parallelism,
        **own,
    )


def _is_work(call: AgentCall) -> bool:
    """Whether a call is an operation: waiting for one is none, unless that failed."""
    return call.operation.operation_type != POLL or call.outcome is FAILED


def _times(log: AgentLog, reply: AgentReply, past: _Past) -> _Times:
    """Time a batch; where a person or sleep was inside, only what is free of them."""
    calls = reply.calls
    if not log.stamped:
        unknown = None, None, None, None, None
        return _Times(Timing.CALL, *unknown, *_operations(calls, None))
    timing = Timing.CALL if log.own_times else Timing.BATCH
    first_s = calls[0].start_s
    waited_s = 0.0
    asked = goes_on = False
    for call in calls:
        first_s = min(first_s, call.start_s)
        waited_s += call.waiting_s
        asked |= bool(call.why) or call.operation.operation_type == "question"
        goes_on |= call.background or (call.agent is not None and call.agent.background)
    turn_s = None
    if past.end_s is not None and not reply.prompted:
        turn_s = _span(past.end_s, first_s)
    slept = turn_s is not None and turn_s > SLEEP_S
    # before an agent's first batch there is no interval that the prompt could be in
    timed = past.end_s is not None or reply.cycle_s is not None
    censored = asked or slept or (reply.prompted and timed)
    unseen = censored or log.asks_unseen
    cycle_s = execution_s = None
    if reply.cycle_s is not None and not censored:
        cycle_s = round(reply.cycle_s, 3)
    timeable = not (asked or goes_on or reply.end_s is None)
    if timeable and reply.end_s is not None:
        execution_s = _span(first_s, reply.end_s)
    if execution_s is not None:
        execution_s = max(execution_s - waited_s, 0.0)
        if turn_s is not None and not slept:
            cycle_s = turn_s + execution_s
    operations = NO_OPERATIONS
    if log.own_times and timeable:
        operations = _operations(calls, execution_s)
    return _Times(
        timing,
        None if slept else turn_s,
        True if censored else None if log.asks_unseen else False,
        waited_s if waited_s or not unseen else None,
        cycle_s,
        execution_s,
        *operations,
    )


def _operations(calls: list[AgentCall], execution_s: float | None) -> _Operations:
    """Time the calls of a batch, where each one's end is known.

    Returns
    -------
    operations_s, longest_s, median_s, parallelism : float or None
        As the fields of a `Batch`.
    """
    took = []
    for call in calls:
        if call.end_s is None:
            return NO_OPERATIONS
        seconds = _span(call.start_s + call.waiting_s, call.end_s)
        if seconds is None:
            return NO_OPERATIONS
        took.append(seconds)
    if len(took) == 1:
        total_s = longest_s = median_s = took[0]
    else:
        total_s, longest_s, median_s = sum(took), max(took), median(took)
    possible_s = (execution_s or 0.0) * min(len(calls), WORKERS)
    parallelism = min(total_s / possible_s, 1.0) if possible_s else None
    return total_s, longest_s, median_s, parallelism


def _span(start_s: float, end_s: float) -> float | None:
    seconds = round(end_s - start_s, 3)
    if seconds >= 0:
        return seconds
    return 0.0 if seconds > -CLOCK_SLACK_S else None
