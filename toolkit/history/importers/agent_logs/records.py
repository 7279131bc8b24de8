"""The records of a log: a turn for every reply, a batch for every reply with calls."""

from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

from toolkit.errors import SchemaError
from toolkit.history.importers.agent_logs.agents import agent_rows
from toolkit.history.importers.agent_logs.log import AgentCall, AgentLog, AgentReply
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


class _Past(NamedTuple):
    """The batch before, of the same agent."""

    identity: str | None = None
    operation_type: str = "none"
    failed: bool = False
    characters: int | None = None
    end_s: float | None = None


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
    for reply in log.replies:
        agent = identifier(reply.agent_id, hidden)
        turn_id = record_id(source, "turn", log.session_id, reply.reply_id)
        own = {**shared, "agent_id": agent, "model": model_name(reply.model)}
        try:
            yield _turn(reply, turn_id, own)
            if reply.calls and not (reply.hidden or reply.rewound):
                past = pasts.get(agent, _Past())
                first = reply.calls[0].call_id
                identity = call_record_id(
                    first,
                    scope=f"{source}/{log.session_id}/{reply.agent_id}",
                    nth=begun[agent, first],
                )
                begun[agent, first] += not is_unique_call_id(first)
                batch = _batch(log, reply, past, identity, turn_id=turn_id, **own)
                pasts[agent] = _Past(
                    batch["record_id"],
                    batch["operation_type"],
                    bool(batch["failed"]),
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
    return Turn.row(
        record_id=turn_id,
        at=reply.at,
        calls=None if reply.hidden else len(reply.calls),
        hidden=reply.hidden or None,
        prompted=reply.prompted,
        latency_s=None if slept else latency_s,
        censored=slept,
        context_tokens=reply.usage.context_tokens,
        declared_usd=reply.declared_usd,
        **reply.usage._asdict(),
        **own,
    )


def _batch(
    log: AgentLog,
    reply: AgentReply,
    past: _Past,
    identity: str,
    **own: Any,
) -> dict[str, Any]:
    calls = reply.calls
    working = [call for call in calls if _is_work(call)] or calls
    types = {call.operation.operation_type for call in working}
    return Batch.row(
        record_id=identity,
        at=reply.at,
        operation_type=types.pop() if len(types) == 1 else "mixed",
        size=len(working),
        calls=len(calls),
        read_share=sum(call.operation.reads for call in working) / len(working),
        **_outcomes(working),
        background=sum(call.background for call in working),
        call_characters=_sum(call.characters for call in calls),
        result_characters=_sum(call.result_characters for call in calls),
        **_flow(calls),
        context_tokens=reply.usage.context_tokens,
        previous_id=past.identity,
        previous_operation_type=past.operation_type,
        previous_failed=past.failed,
        previous_characters=past.characters,
        prompted=reply.prompted,
        **_times(log, reply, past),
        **own,
    )


def _flow(calls: list[AgentCall]) -> dict[str, Any]:
    """Count the three bits of the calls; unknown where one call's are."""
    flows = [call.flow for call in calls if call.flow is not None]
    if len(flows) < len(calls):
        return {}
    return {
        "needs_previous": sum(flow.needs_previous for flow in flows),
        "mentioned_by_previous": sum(flow.mentioned_by_previous for flow in flows),
        "known_before": sum(flow.known_before for flow in flows),
    }


def _is_work(call: AgentCall) -> bool:
    """Whether a call is an operation: waiting for one is none, unless that failed."""
    waits = call.operation.operation_type == POLL
    return not waits or call.outcome is Outcome.FAILED


def _outcomes(calls: list[AgentCall]) -> dict[str, Any]:
    outcomes = [call.outcome for call in calls]
    why = [call.why for call in calls]
    return {
        "succeeded": outcomes.count(Outcome.SUCCEEDED),
        "failed": outcomes.count(Outcome.FAILED),
        "cancelled": outcomes.count(Outcome.CANCELLED),
        "siblings": why.count("sibling"),
        "refused": why.count("refused"),
        "interrupted": why.count("interrupted"),
    }


def _times(log: AgentLog, reply: AgentReply, past: _Past) -> dict[str, Any]:
    """Time a batch; where a person or sleep was inside, only what is free of them."""
    calls = reply.calls
    if not log.stamped:
        return {"timing": Timing.CALL, **_operations(calls, None)}
    first_s = min(call.start_s for call in calls)
    waited_s = sum(call.waiting_s for call in calls)
    asked = any(
        call.operation.operation_type == "question" or call.why for call in calls
    )
    turn_s = None
    if past.end_s is not None and not reply.prompted:
        turn_s = _span(past.end_s, first_s)
    slept = turn_s is not None and turn_s > SLEEP_S
    # before an agent's first batch there is no interval that the prompt could be in
    timed = past.end_s is not None or reply.cycle_s is not None
    censored = asked or slept or (reply.prompted and timed)
    times: dict[str, Any] = {
        "timing": Timing.CALL if log.own_times else Timing.BATCH,
        "turn_s": None if slept else turn_s,
        "censored": True if censored else None if log.asks_unseen else False,
        "waiting_s": waited_s
        if waited_s or not (censored or log.asks_unseen)
        else None,
    }
    if reply.cycle_s is not None and not censored:
        times["cycle_s"] = round(reply.cycle_s, 3)
    if asked or reply.end_s is None or any(map(_goes_on, calls)):
        return times
    execution_s = _span(first_s, reply.end_s)
    if execution_s is not None:
        times["execution_s"] = max(execution_s - waited_s, 0.0)
        if turn_s is not None and not slept:
            times["cycle_s"] = turn_s + times["execution_s"]
    if log.own_times:
        times |= _operations(calls, times.get("execution_s"))
    return times


def _goes_on(call: AgentCall) -> bool:
    """Whether a call returned while its work, or the agent that it began, went on."""
    return call.background or (call.agent is not None and call.agent.background)


def _operations(calls: list[AgentCall], execution_s: float | None) -> dict[str, Any]:
    took = [
        None if c.end_s is None else _span(c.start_s + c.waiting_s, c.end_s)
        for c in calls
    ]
    known = [seconds for seconds in took if seconds is not None]
    if len(known) < len(took):
        return {}
    total_s = sum(known)
    possible_s = (execution_s or 0.0) * min(len(calls), WORKERS)
    return {
        "operations_s": total_s,
        "longest_s": max(known),
        "median_s": median(known),
        "parallelism": min(total_s / possible_s, 1.0) if possible_s else None,
    }


def _span(start_s: float, end_s: float) -> float | None:
    seconds = round(end_s - start_s, 3)
    if seconds >= 0:
        return seconds
    return 0.0 if seconds > -CLOCK_SLACK_S else None


def _sum(lengths: Iterator[int | None]) -> int | None:
    found = list(lengths)
    known = [length for length in found if length is not None]
    return sum(known) if len(known) == len(found) else None
