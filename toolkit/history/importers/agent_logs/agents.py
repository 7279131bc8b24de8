"""The waves of agents in a log: a row a wave, and an event for every spawn."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from toolkit.history.importers.agent_logs.log import AgentCall, AgentLog, AgentReply
from toolkit.history.importers.waves import (
    BACKGROUND,
    FAILED,
    FOREGROUND,
    REFUSED,
    SUCCEEDED,
    UNFINISHED,
    AgentRun,
    form_waves,
    wave_fields,
)
from toolkit.records import (
    CoordinationEvent,
    Outcome,
    Workflow,
    identifier,
    model_name,
    record_id,
)

__all__ = ["SPAWNING", "agent_rows"]

SPAWNING = "taskSpawning"
"""Operation type of the calls that begin an agent."""

_ENDINGS = {
    Outcome.SUCCEEDED: SUCCEEDED,
    Outcome.FAILED: FAILED,
    Outcome.CANCELLED: REFUSED,
    Outcome.UNKNOWN: UNFINISHED,
}


def agent_rows(
    log: AgentLog, source: str, hidden: Callable[[str], str], shared: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Write the waves that the agents of a log set off, and their spawns, as rows.

    Parameters
    ----------
    log : AgentLog
    source : str
        Name of the importer.
    hidden : callable
        Keyed hash of a name.
    shared : dict
        Fields of every record of the session.

    Yields
    ------
    dict
        A workflow before the events of its spawns.

    Raises
    ------
    SchemaError
        A value is outside its field's range.
    """
    found: dict[str, dict[str, tuple[AgentRun, AgentCall, AgentReply]]] = {}
    for reply in log.replies:
        if reply.hidden or reply.rewound or not log.stamped:
            continue
        for call in reply.calls:
            if call.operation.operation_type == SPAWNING:
                run = _run(log, call, reply, source)
                found.setdefault(reply.agent_id, {})[run.record_id] = run, call, reply
    for runs in found.values():
        for wave in form_waves(run for run, _, _ in runs.values()):
            members = [runs[run.record_id] for run in wave]
            yield _wave(log, members, source, shared)
            yield from _spawns(members, hidden, shared)


def _run(log: AgentLog, call: AgentCall, reply: AgentReply, source: str) -> AgentRun:
    name = record_id(source, "spawn", log.session_id, reply.reply_id, call.call_id)
    run = AgentRun(
        name,
        call.at,
        id(reply),
        FOREGROUND,
        _ENDINGS[call.outcome],
        needs=call.flow is not None and call.flow.needs_previous,
    )
    agent = call.agent
    if agent is not None and run.ending != REFUSED:
        run = run._replace(tokens=agent.tokens, calls=agent.calls)
        if agent.background:
            return run._replace(
                form=BACKGROUND,
                ending=_ENDINGS[agent.outcome],
                end_s=agent.end_s,
                worked_s=agent.worked_s,
            )
    if run.ending in (REFUSED, UNFINISHED):
        return run
    end_s = reply.end_s if call.end_s is None else call.end_s
    if end_s is None:
        return run
    took_s = round(max(end_s - call.start_s - call.waiting_s, 0.0), 3)
    own_s = None if agent is None else agent.worked_s
    return run._replace(end_s=end_s, worked_s=took_s if own_s is None else own_s)


def _wave(
    log: AgentLog,
    members: Sequence[tuple[AgentRun, AgentCall, AgentReply]],
    source: str,
    shared: dict[str, Any],
) -> dict[str, Any]:
    first, _, reply = members[0]
    return Workflow.row(
        record_id=first.record_id,
        at=first.at,
        model=model_name(reply.model),
        turn_id=record_id(source, "turn", log.session_id, reply.reply_id),
        **wave_fields([run for run, _, _ in members]),
        **shared,
    )


def _spawns(
    members: Sequence[tuple[AgentRun, AgentCall, AgentReply]],
    hidden: Callable[[str], str],
    shared: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    wave = members[0][0].record_id
    for run, call, reply in members:
        agent = call.agent
        spawned = None if agent is None else agent.agent_id
        yield CoordinationEvent.row(
            record_id=run.record_id,
            at=run.at,
            source=shared["source"],
            source_version=shared["source_version"],
            provenance=shared["provenance"],
            session_id=shared["session_id"],
            agent_id=identifier(reply.agent_id, hidden),
            operation=SPAWNING,
            action="spawn",
            duration_s=run.worked_s,
            outcome=call.outcome,
            workflow_id=wave,
            spawned_id=None if spawned is None else identifier(spawned, hidden),
        )
