"""Waves of agents in a transcript: which runs there were, and when they ended.

A run in the foreground ends with its result; one in the background with the notice of
its end, which also says what it used; a team mate when it has nothing more to do.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.history.importers.claude_code.calls import Call
from toolkit.history.importers.claude_code.streams import MessageBatch, Stream
from toolkit.history.importers.waves import (
    BACKGROUND,
    FAILED,
    FOREGROUND,
    REFUSED,
    SUCCEEDED,
    TEAM,
    UNFINISHED,
    AgentRun,
    form_waves,
    wave_fields,
)
from toolkit.records import Outcome, Provenance, Workflow

__all__ = ["SOURCE", "Notice", "read_notices", "wave_row", "waves_of"]

SOURCE = "claude-code"

_NOTICE = re.compile(
    r"<task-id>([\w-]{1,100})</task-id>(.*?)<status>(\w{1,20})</status>"
    r"(.*?)(?:</task-notification>|\Z)",
    re.DOTALL,
)
_USED = re.compile(r"(total_tokens|tool_uses|duration_ms)>?:?\s*(\d{1,15})")


class Notice(NamedTuple):
    """What a task notification says of an agent's end.

    Attributes
    ----------
    end_s : float
        Seconds since 1970.
    completed : bool
    tokens, calls : int or None
    worked_s : float or None
    before : Notice or None
        The notice of the same agent before it: one that is spawned again ends again.
    """

    end_s: float
    completed: bool
    tokens: int | None = None
    calls: int | None = None
    worked_s: float | None = None
    before: "Notice | None" = None


def read_notices(content: str, at_s: float) -> Iterator[tuple[str, Notice]]:
    """Read the task notifications in a text.

    Yields
    ------
    agent_id : str
    notice : Notice

    Examples
    --------
    >>> text = "<task-id>a1</task-id><status>completed</status><usage>total_tokens: 9"
    >>> [(name, notice.tokens) for name, notice in read_notices(text, 0.0)]
    [('a1', 9)]
    """
    for name, _, status, rest in _NOTICE.findall(content):
        if status not in ("completed", "failed", "killed", "stopped"):
            continue
        used = {key: int(value) for key, value in _USED.findall(rest)}
        worked_ms = used.get("duration_ms")
        yield (
            name,
            Notice(
                at_s,
                status == "completed",
                used.get("total_tokens"),
                used.get("tool_uses"),
                None if worked_ms is None else worked_ms / 1000,
            ),
        )


def waves_of(
    stream: Stream, notices: Mapping[str, Notice]
) -> list[list[tuple[AgentRun, Call, MessageBatch]]]:
    """Find the waves that an agent set off.

    Parameters
    ----------
    stream : Stream
        Of the parent.
    notices : mapping of str to Notice
        Ends of agents in the background, by agent id.

    Returns
    -------
    list of list of (AgentRun, Call, MessageBatch)
        Each run with its call and the message that issued it.
    """
    spawns = [
        (call, batch)
        for batch in stream.batches.values()
        for call in batch.calls
        if call.tool.action == "spawn"
    ]
    starts = _starts(call for call, _ in spawns)
    found = {
        call.record_id: (_run(call, batch, notices, starts), call, batch)
        for call, batch in spawns
    }
    waves = form_waves(run for run, _, _ in found.values())
    return [[found[run.record_id] for run in wave] for wave in waves]


def _starts(calls: Iterable[Call]) -> dict[str, list[float]]:
    """List when each agent in the background was spawned, which may be several times."""
    starts: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        if call.reply is not None and call.reply.in_background:
            starts[call.reply.agent_id or ""].append(call.start_s)
    return starts


def _notice_of(
    name: str,
    start_s: float,
    notices: Mapping[str, Notice],
    starts: Mapping[str, list[float]],
) -> Notice | None:
    """Find the last notice of a run: the one before its agent is spawned again."""
    notice = notices.get(name, notices.get(name.partition("@")[0]))
    again = min((at for at in starts.get(name, ()) if at > start_s), default=math.inf)
    while notice is not None and notice.end_s >= again:
        notice = notice.before
    return None if notice is None or notice.end_s < start_s else notice


def _run(
    call: Call,
    batch: MessageBatch,
    notices: Mapping[str, Notice],
    starts: Mapping[str, list[float]],
) -> AgentRun:
    reply = call.reply
    needs = call.flow is not None and call.flow.needs_previous
    begun = AgentRun(
        call.record_id, call.at, id(batch), FOREGROUND, UNFINISHED, needs=needs
    )
    if reply is None:
        return begun
    if not reply.in_background:
        ending = SUCCEEDED if reply.outcome is Outcome.SUCCEEDED else FAILED
        if reply.why:
            ending = REFUSED
        worked_s = reply.agent_s
        if worked_s is None and ending != REFUSED:
            worked_s = max(reply.end_s - call.start_s, 0.0)
        return begun._replace(
            ending=ending,
            end_s=reply.end_s,
            worked_s=worked_s,
            tokens=reply.agent_tokens,
            calls=reply.agent_calls,
        )
    begun = begun._replace(form=TEAM if reply.is_teammate else BACKGROUND)
    notice = _notice_of(reply.agent_id or "", call.start_s, notices, starts)
    if notice is None:
        return begun
    worked_s = notice.worked_s
    if worked_s is None:
        worked_s = max(notice.end_s - call.start_s, 0.0)
    return begun._replace(
        ending=SUCCEEDED if notice.completed else FAILED,
        end_s=notice.end_s,
        worked_s=worked_s,
        tokens=notice.tokens,
        calls=notice.calls,
    )


def wave_row(
    stream: Stream,
    wave: list[tuple[AgentRun, Call, MessageBatch]],
    project: str | None,
) -> dict[str, Any]:
    """Write a wave as a row.

    Parameters
    ----------
    stream : Stream
        Of the parent.
    wave : list of (AgentRun, Call, MessageBatch)
    project : str or None

    Returns
    -------
    dict

    Raises
    ------
    SchemaError
        A value is outside its field's range.
    """
    first, _, batch = wave[0]
    turn = batch.turn
    return Workflow.row(
        record_id=first.record_id,
        at=first.at,
        source=SOURCE,
        source_version=batch.version,
        provenance=Provenance.DERIVED,
        session_id=stream.session_id,
        group_id=stream.session_id,
        project=project,
        branch=None if turn is None else turn.branch,
        client=SOURCE,
        model=batch.model,
        turn_id=None if turn is None else turn.identity,
        **wave_fields([run for run, _, _ in wave]),
    )
