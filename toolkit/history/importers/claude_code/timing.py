"""How long a batch took, without the time that people and sleeping machines took.

A transcript stamps calls and results; between the two a person may have been asked, and
a laptop may have been closed. Such an interval says nothing about batching, so no
duration that contains one is given: it is `None`, and the batch is `censored`. Nothing
is averaged in, cut off at a limit, or guessed. In detail:

* **A prompt between.** A person wrote between the previous result and this batch:
  `cycle_s` and `turn_s` are `None`; the execution is kept. The wait itself, from the
  previous result to the prompt, is `waiting_s`.
* **A question.** `AskUserQuestion` and `ExitPlanMode` wait for a person by nature, and
  a call that a person refused or interrupted did: every duration that contains the call
  (`cycle_s`, `execution_s`, `operations_s`, `longest_s`, `median_s`, `parallelism`) is
  `None`; `turn_s` is kept.
* **A permission.** A transcript does not say whether a person was asked. A call is held
  to have waited when it could have been asked for in its permission mode and took longer
  than the tool itself does: see `had_person`. Shell commands report progress, which
  tells exactly when they began.
* **A command that goes on.** One that was sent to the background, or moved there when
  it took too long, has not ended with its result: as with a question.
* **Writing.** Calls are stamped when the model has written them, one after the other, and
  the harness runs reads and subagents side by side, all else alone. What a call took is
  counted from when it could begin (`_starts`), and the time in which the model was still
  writing is no time without parallelism (`_busy`).
* **Sleep.** A turn or a call longer than the harness lets anything run (`SLEEP_S`, for
  subagents `AGENT_S`) contains something else.
* **A clock set back.** An interval that is negative by more than `CLOCK_SLACK_S` is not
  known; by less it is 0 (two lines written within a tick).

Batches that are not censored have `waiting_s` 0: no person is held to have been asked.
A batch without a previous result (the first one) has no cycle, and says so by `None`; the
prompt before it is no part of anything, so it is not censored for that.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from toolkit.history.importers.claude_code.calls import Call

__all__ = ["BatchDurations", "Before", "had_person", "time_batch"]

PERSON_S = 2.0
"""Shortest wait that can be a person's: reading a question and pressing a key. File
edits where no person is asked have a median of 17 to 190 ms."""

EDIT_S = 10.0
"""The same where the permission mode is unknown. In `acceptEdits`, where edits are not
asked for, they still take up to 5 s when an editor or a hook looks on."""

SLEEP_S = 600.0
"""Longest that a shell command may run and a request to the model may take, by the
harness's own defaults (both 600 000 ms)."""

AGENT_S = 3600.0
"""Longest call of a subagent that is believed."""

CLOCK_SLACK_S = 1.0
"""Lines within this time of each other may be stamped in the wrong order."""

WORKERS = 10
"""Calls of one batch that the harness runs at once, by default."""

ASKING = frozenset({"default", "plan"})
"""Modes in which edits and commands are asked for unless a rule allows them."""


class Before(NamedTuple):
    """What came before a batch in its stream.

    Attributes
    ----------
    result_s : float or None
        When the work before it ended: the previous batch's last result or, for a
        subagent's first batch, its task. Seconds since 1970.
    prompt_s : float or None
        When a person wrote in between, if one did.
    """

    result_s: float | None
    prompt_s: float | None = None


class BatchDurations(NamedTuple):
    """Durations in seconds; `None` is not known. See `Batch` for their meaning."""

    cycle_s: float | None = None
    execution_s: float | None = None
    turn_s: float | None = None
    waiting_s: float | None = None
    operations_s: float | None = None
    longest_s: float | None = None
    median_s: float | None = None
    parallelism: float | None = None
    censored: bool = False


def had_person(call: Call, mode: str | None) -> bool:
    """Say whether a person, or sleep, is held to be inside a call.

    Parameters
    ----------
    call : Call
    mode : str or None
        Permission mode; `None` is not known (older versions do not write it).

    Notes
    -----
    A shell command that took long without reporting progress is held to have waited
    only in the modes that ask (`ASKING`): elsewhere its durations are those of
    `bypassPermissions`, where no person is asked, quantile by quantile.
    """
    reply, tool = call.reply, call.tool
    if reply is None:
        return False
    took_s = reply.end_s - call.start_s
    if reply.by_person or reply.goes_on or tool.operation_type == "question":
        return True
    if took_s > (AGENT_S if tool.action == "spawn" else SLEEP_S):
        return True
    if not tool.asks or mode == "bypassPermissions":
        return False
    if call.begun_s is not None:
        return call.begun_s - call.start_s > PERSON_S
    if mode in ASKING:
        return took_s > PERSON_S
    return mode is None and tool.action == "write" and took_s > EDIT_S


def time_batch(
    calls: Sequence[Call], mode: str | None, before: Before
) -> BatchDurations:
    """Time a batch; calls without a result leave what depends on them unknown."""
    first_s = calls[0].start_s
    waited = False
    ended = []
    for call in calls:
        first_s = min(first_s, call.start_s)
        if call.reply is not None:
            ended.append(call.reply.end_s)
            waited = waited or had_person(call, mode)
    turn_s, slept = _turn(before, first_s)
    prompted = before.prompt_s is not None and before.result_s is not None
    censored = waited or slept or prompted
    waiting_s = _waiting(before) if censored else 0.0
    if waited or len(ended) < len(calls):
        return BatchDurations(turn_s=turn_s, waiting_s=waiting_s, censored=censored)
    last_s = max(ended)
    execution_s = _span(first_s, last_s)
    cycle_s = None
    if turn_s is not None and before.result_s is not None:
        cycle_s = _span(before.result_s, last_s)
    if len(calls) == 1:
        alone = 1.0 if execution_s else None
        took = (execution_s, execution_s, execution_s, alone)
        return BatchDurations(cycle_s, execution_s, turn_s, waiting_s, *took, censored)
    known = BatchDurations(cycle_s, execution_s, turn_s, waiting_s, censored=censored)
    return _with_operations(known, calls, ended)


def _with_operations(
    known: BatchDurations, calls: Sequence[Call], ended: Sequence[float]
) -> BatchDurations:
    """Add what the single calls took, where every one of them is known."""
    took = [
        _span(start_s, end_s)
        for start_s, end_s in zip(_starts(calls, ended), ended, strict=True)
    ]
    given = [seconds for seconds in took if seconds is not None]
    if len(given) < len(took):
        return known
    busy_s = _busy(calls, ended, given)
    return known._replace(
        operations_s=sum(given),
        longest_s=max(given),
        median_s=median(given),
        parallelism=_parallelism(sum(given), busy_s, len(calls)),
    )


def _runs_alone(call: Call) -> bool:
    """Whether the harness runs a call with no other beside it."""
    return not (call.tool.reads or call.tool.action == "spawn")


def _starts(calls: Sequence[Call], ended: Sequence[float]) -> list[float]:
    """When each call began by itself, which is not when it was written.

    Progress lines say it. Otherwise a call that the harness runs alone began when those
    before it had ended, and any call after one that runs alone; a call that ended first
    is seen not to have waited.
    """
    starts: list[float] = []
    for place, (call, end_s) in enumerate(zip(calls, ended, strict=True)):
        waited_for = [
            before_s
            for earlier, before_s in zip(calls[:place], ended[:place], strict=True)
            if before_s <= end_s and (_runs_alone(call) or _runs_alone(earlier))
        ]
        began_s = max([call.start_s, *waited_for])
        starts.append(began_s if call.begun_s is None else call.begun_s)
    return starts


def _busy(
    calls: Sequence[Call], ended: Sequence[float], took: Sequence[float]
) -> float:
    """Seconds in which at least one call ran, had all been written at once.

    Calls that run side by side and follow each other take as long as the longest.
    """
    busy_s, longest_s, until_s = 0.0, 0.0, -math.inf
    for call, end_s, seconds in zip(calls, ended, took, strict=True):
        if not _runs_alone(call):
            longest_s = max(longest_s, seconds)
            continue
        # Two that did run beside each other count once.
        busy_s += longest_s + max(0.0, min(seconds, end_s - until_s))
        longest_s, until_s = 0.0, max(until_s, end_s)
    return busy_s + longest_s


def _turn(before: Before, first_s: float) -> tuple[float | None, bool]:
    """Time the turn before the first call; the flag says that it held sleep."""
    if before.result_s is None or before.prompt_s is not None:
        return None, False
    turn_s = _span(before.result_s, first_s)
    if turn_s is not None and turn_s > SLEEP_S:
        return None, True
    return turn_s, False


def _waiting(before: Before) -> float | None:
    if before.prompt_s is None or before.result_s is None:
        return None
    return _span(before.result_s, before.prompt_s)


def _span(start_s: float, end_s: float) -> float | None:
    """Subtract two times to the millisecond that they are stamped with."""
    seconds = round(end_s - start_s, 3)
    if seconds >= 0:
        return seconds
    return 0.0 if seconds > -CLOCK_SLACK_S else None


def _parallelism(total_s: float, busy_s: float, calls: int) -> float | None:
    """Share of the possible overlap that happened (definitions, section 1)."""
    if not busy_s:
        return None
    return float(min(total_s / busy_s / min(calls, WORKERS), 1.0))
