"""Waves of agents: the runs of one parent that overlap in time (review, section 5).

A source makes an `AgentRun` of every spawning call, whatever became of it: done, failed,
not allowed, or begun without a recorded end. A run in the foreground ends with its
result; one in the background, or a team mate, when the client says so. The launch of a
background agent is not its cost.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from toolkit.records import Outcome

__all__ = [
    "BACKGROUND",
    "FAILED",
    "FOREGROUND",
    "REFUSED",
    "SUCCEEDED",
    "TEAM",
    "UNFINISHED",
    "AgentRun",
    "form_waves",
    "wave_fields",
]

FOREGROUND: Final = "foreground"
BACKGROUND: Final = "background"
TEAM: Final = "team"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
REFUSED: Final = "refused"
UNFINISHED: Final = "unfinished"

LONGEST_S = 3600.0
"""Longest run that is believed; a longer one held sleep."""


class AgentRun(NamedTuple):
    """One spawning call and what became of its agent; times are seconds since 1970.

    Attributes
    ----------
    record_id : str
        Of the call; the first one of a wave names the wave.
    at : datetime
        When it was issued.
    reply : object
        Equal for the calls of one reply, which are one wave.
    form : str
        `FOREGROUND`, `BACKGROUND` or `TEAM`.
    ending : str
        `SUCCEEDED`, `FAILED`, `REFUSED` or `UNFINISHED`.
    end_s, worked_s : float or None
        When it ended, and how long it worked.
    tokens, calls : int or None
        What the client says that it used.
    needs : bool
        Its arguments used what the results before it said.
    """

    record_id: str
    at: datetime
    reply: object
    form: str
    ending: str
    end_s: float | None = None
    worked_s: float | None = None
    tokens: int | None = None
    calls: int | None = None
    needs: bool = False

    @property
    def start_s(self) -> float:
        """When it was issued."""
        return self.at.timestamp()


def form_waves(runs: Iterable[AgentRun]) -> Iterator[list[AgentRun]]:
    """Put the runs of one parent into waves, in order of time.

    Parameters
    ----------
    runs : iterable of AgentRun

    Yields
    ------
    list of AgentRun
        Runs that overlap in time, or were issued in one reply.

    Examples
    --------
    >>> from datetime import UTC
    >>> one, two, three = (
    ...     AgentRun(
    ...         n,
    ...         datetime.fromtimestamp(at, UTC),
    ...         n,
    ...         FOREGROUND,
    ...         SUCCEEDED,
    ...         end_s=at + 5,
    ...     )
    ...     for n, at in (("a", 0), ("b", 3), ("c", 20))
    ... )
    >>> [[run.record_id for run in wave] for wave in form_waves([three, one, two])]
    [['a', 'b'], ['c']]
    """
    wave: list[AgentRun] = []
    until_s = 0.0
    for run in sorted(runs, key=lambda run: (run.start_s, run.record_id)):
        if wave and run.start_s > until_s and run.reply != wave[-1].reply:
            yield wave
            wave, until_s = [], 0.0
        wave.append(run)
        until_s = max(until_s, run.end_s or run.start_s)
    if wave:
        yield wave


def wave_fields(wave: Sequence[AgentRun]) -> dict[str, Any]:
    """Count what became of a wave's runs, and what they took, as fields of `Workflow`.

    Parameters
    ----------
    wave : sequence of AgentRun
        In order of time, one or more.

    Returns
    -------
    dict
        What is not known is `None`.
    """
    begun = [run for run in wave if run.ending != REFUSED]
    endings = [run.ending for run in wave]
    forms = {run.form for run in begun or wave}
    start_s = min(run.start_s for run in begun or wave)
    ends = [run.end_s for run in begun if run.end_s is not None]
    slept = any(
        run.end_s is not None and run.end_s - run.start_s > LONGEST_S for run in begun
    )
    whole = bool(begun) and len(ends) == len(begun) and not slept
    return {
        "agents": _most_alive(begun),
        "form": forms.pop() if len(forms) == 1 else "mixed",
        "components": float(len(begun)),
        "dependencies": float(_dependencies(begun)),
        "makespan_s": round(max(ends) - start_s, 3) if whole else None,
        "censored": slept,
        "runs": len(wave),
        "runs_succeeded": endings.count(SUCCEEDED),
        "runs_failed": endings.count(FAILED),
        "runs_refused": endings.count(REFUSED),
        "runs_unfinished": endings.count(UNFINISHED),
        "tasks_succeeded": endings.count(SUCCEEDED) if whole else None,
        "tasks_failed": endings.count(FAILED) if whole else None,
        "outcome": _outcome(endings),
        **_sums(begun, whole=whole),
    }


def _sums(begun: Sequence[AgentRun], *, whole: bool) -> dict[str, Any]:
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


def _most_alive(runs: Sequence[AgentRun]) -> int:
    """Count the most runs alive at once; one without an end counts at its start."""
    moments = [(run.start_s, 1) for run in runs]
    moments += [(run.end_s or run.start_s, -1) for run in runs]
    alive = most = 0
    for _, step in sorted(moments, key=lambda moment: (moment[0], -moment[1])):
        alive += step
        most = max(most, alive)
    return max(most, 1)


def _dependencies(runs: Sequence[AgentRun]) -> int:
    """Count runs that began after another's end and used what it said."""
    ends = [run.end_s for run in runs if run.end_s is not None]
    first_end_s = min(ends, default=None)
    return sum(
        first_end_s is not None and run.start_s >= first_end_s and run.needs
        for run in runs
    )


def _outcome(endings: Sequence[str]) -> Outcome:
    if UNFINISHED in endings:
        return Outcome.UNKNOWN
    if FAILED in endings:
        return Outcome.FAILED
    return Outcome.SUCCEEDED if SUCCEEDED in endings else Outcome.CANCELLED
