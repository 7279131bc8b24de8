"""Waves of agents: the runs of one parent that overlap in time (review, section 5).

Every spawning call is a run, whatever became of it: done, failed, not allowed, or begun
without a recorded end. A run in the foreground ends with its result; one in the
background, or a team mate, with the notice of its end, which also says what it used. The
launch of a background agent is not its cost.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.history.importers.claude_code.calls import Call
from toolkit.history.importers.claude_code.streams import MessageBatch, Stream
from toolkit.history.importers.claude_code.timing import AGENT_S
from toolkit.records import Outcome, Provenance, Workflow

__all__ = ["SOURCE", "Notice", "read_notices", "waves_of"]

SOURCE = "claude-code"
FOREGROUND, BACKGROUND, TEAM = "foreground", "background", "team"
SUCCEEDED, FAILED, REFUSED, UNFINISHED = "succeeded", "failed", "refused", "unfinished"

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
    """

    end_s: float
    completed: bool
    tokens: int | None = None
    calls: int | None = None
    worked_s: float | None = None


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


class _Run(NamedTuple):
    """One spawning call and what became of its agent."""

    call: Call
    batch: MessageBatch
    form: str
    ending: str
    end_s: float | None
    worked_s: float | None
    tokens: int | None
    calls: int | None


def waves_of(
    stream: Stream, notices: Mapping[str, Notice], project: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Write the waves that an agent set off as rows.

    Parameters
    ----------
    stream : Stream
        Of the parent.
    notices : mapping of str to Notice
        Ends of agents in the background, by agent id.
    project : str or None

    Yields
    ------
    line : int
        Of the wave's first call.
    row : dict
    """
    runs = [
        _run(call, batch, notices)
        for batch in stream.batches.values()
        for call in batch.calls
        if call.tool.action == "spawn"
    ]
    runs.sort(key=lambda run: (run.call.start_s, run.call.record_id))
    wave: list[_Run] = []
    until_s = 0.0
    for run in runs:
        if wave and run.call.start_s > until_s and run.batch is not wave[-1].batch:
            yield wave[0].batch.line, _workflow(stream, wave, project)
            wave, until_s = [], 0.0
        wave.append(run)
        until_s = max(until_s, run.end_s or run.call.start_s)
    if wave:
        yield wave[0].batch.line, _workflow(stream, wave, project)


def _run(call: Call, batch: MessageBatch, notices: Mapping[str, Notice]) -> _Run:
    reply = call.reply
    if reply is None:
        return _Run(call, batch, FOREGROUND, UNFINISHED, None, None, None, None)
    if not reply.in_background:
        ending = SUCCEEDED if reply.outcome is Outcome.SUCCEEDED else FAILED
        if reply.why:
            ending = REFUSED
        worked_s = reply.agent_s
        if worked_s is None and ending != REFUSED:
            worked_s = max(reply.end_s - call.start_s, 0.0)
        used = reply.agent_tokens, reply.agent_calls
        return _Run(call, batch, FOREGROUND, ending, reply.end_s, worked_s, *used)
    form = TEAM if reply.is_teammate else BACKGROUND
    notice = notices.get(reply.agent_id or "")
    if notice is None:
        return _Run(call, batch, form, UNFINISHED, None, None, None, None)
    worked_s = notice.worked_s
    if worked_s is None:
        worked_s = max(notice.end_s - call.start_s, 0.0)
    ending = SUCCEEDED if notice.completed else FAILED
    used = notice.tokens, notice.calls
    return _Run(call, batch, form, ending, notice.end_s, worked_s, *used)


def _workflow(stream: Stream, wave: list[_Run], project: str | None) -> dict[str, Any]:
    first = wave[0]
    begun = [run for run in wave if run.ending != REFUSED]
    endings = [run.ending for run in wave]
    forms = {run.form for run in begun or wave}
    start_s = min(run.call.start_s for run in begun or wave)
    ends = [run.end_s for run in begun if run.end_s is not None]
    slept = any(
        run.end_s is not None and run.end_s - run.call.start_s > AGENT_S
        for run in begun
    )
    whole = bool(begun) and len(ends) == len(begun) and not slept
    turn, batch = first.batch.turn, first.batch
    return Workflow.row(
        record_id=first.call.record_id,
        at=first.call.at,
        source=SOURCE,
        source_version=batch.version,
        provenance=Provenance.DERIVED,
        session_id=stream.session_id,
        group_id=stream.session_id,
        project=project,
        branch=None if turn is None else turn.branch,
        client=SOURCE,
        model=batch.model,
        agents=_most_alive(begun),
        form=forms.pop() if len(forms) == 1 else "mixed",
        turn_id=None if turn is None else turn.identity,
        components=float(len(begun)),
        dependencies=float(_dependencies(begun)),
        makespan_s=round(max(ends) - start_s, 3) if whole else None,
        censored=slept,
        runs=len(wave),
        runs_succeeded=endings.count(SUCCEEDED),
        runs_failed=endings.count(FAILED),
        runs_refused=endings.count(REFUSED),
        runs_unfinished=endings.count(UNFINISHED),
        tasks_succeeded=endings.count(SUCCEEDED) if whole else None,
        tasks_failed=endings.count(FAILED) if whole else None,
        outcome=_outcome(endings),
        **_sums(begun, whole=whole),
    )


def _sums(begun: list[_Run], *, whole: bool) -> dict[str, Any]:
    """Add up what the runs took; unknown where one of them is."""
    worked = [run.worked_s for run in begun if run.worked_s is not None]
    tokens = [run.tokens for run in begun if run.tokens is not None]
    calls = [run.calls for run in begun if run.calls is not None]
    number = len(begun)
    return {
        "agent_seconds": sum(worked) if whole and len(worked) == number else None,
        "declared_tokens": sum(tokens) if tokens and len(tokens) == number else None,
        "calls": sum(calls) if calls and len(calls) == number else None,
    }


def _most_alive(runs: list[_Run]) -> int:
    """Count the most runs alive at once; one without an end counts at its start."""
    moments = [(run.call.start_s, 1) for run in runs]
    moments += [(run.end_s or run.call.start_s, -1) for run in runs]
    alive = most = 0
    for _, step in sorted(moments, key=lambda moment: (moment[0], -moment[1])):
        alive += step
        most = max(most, alive)
    return max(most, 1)


def _dependencies(runs: list[_Run]) -> int:
    """Count runs that began after another's end and used what it said."""
    ends = [run.end_s for run in runs if run.end_s is not None]
    first_end_s = min(ends, default=None)
    return sum(
        first_end_s is not None
        and run.call.start_s >= first_end_s
        and run.call.flow is not None
        and run.call.flow.needs_previous
        for run in runs
    )


def _outcome(endings: list[str]) -> Outcome:
    if UNFINISHED in endings:
        return Outcome.UNKNOWN
    if FAILED in endings:
        return Outcome.FAILED
    return Outcome.SUCCEEDED if SUCCEEDED in endings else Outcome.CANCELLED
