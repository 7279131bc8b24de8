"""One agent's work with known needs, done under any batch size: what replays must hit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from toolkit.records import (
    Batch,
    CoordinationEvent,
    Provenance,
    Record,
    Timing,
    Turn,
    record_id,
)

__all__ = ["SessionTruth", "SimulatedCall", "perform", "plan_session"]

SOURCE = "simulator"
TYPES = {"read": "fileOperations", "edit": "fileOperations", "shell": "shell"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTruth:
    """What governs a session.

    Parameters
    ----------
    calls : int
        Calls of the session.
    needed : float
        Probability, 0 to 1, that a call uses what the one before showed.
    turn_s, spread : float
        Median time of a turn without its tokens, and the deviation of its logarithm.
    token_s : float
        Time of one output token.
    read_s, edit_s, shell_s : float
        Median time of a call.
    call_spread : float
        Deviation of the logarithm of a call's time between two runs of it.
    """

    calls: int = 80
    needed: float = 0.5
    turn_s: float = 3.0
    spread: float = 0.5
    token_s: float = 0.01
    read_s: float = 0.2
    edit_s: float = 0.3
    shell_s: float = 4.0
    call_spread: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCall:
    """One call that the work needs, by any policy, in any turn.

    Attributes
    ----------
    work : str
        `read`, `edit` or `shell`.
    needs_previous : bool
        It uses what the call before showed.
    seconds : float
        Its median time.
    tokens : int
        That it takes to write it.
    """

    work: str
    needs_previous: bool
    seconds: float
    tokens: int


def plan_session(truth: SessionTruth, rng: np.random.Generator) -> list[SimulatedCall]:
    """Draw the calls of a session, in the order in which they must be done.

    Parameters
    ----------
    truth : SessionTruth
    rng : numpy.random.Generator

    Returns
    -------
    list of SimulatedCall
    """
    seconds = {"read": truth.read_s, "edit": truth.edit_s, "shell": truth.shell_s}
    works: list[str] = []
    while len(works) < truth.calls:
        work = str(rng.choice(["read", "edit", "shell"], p=[0.5, 0.3, 0.2]))
        works += [work] * int(rng.integers(1, 7))
    return [
        SimulatedCall(
            work=work,
            needs_previous=bool(rng.random() < truth.needed),
            seconds=seconds[work] * float(rng.lognormal(0, 0.6)),
            tokens=int(rng.integers(40, 300)),
        )
        for work in works[: truth.calls]
    ]


def perform(
    calls: Sequence[SimulatedCall],
    truth: SessionTruth,
    size: int,
    rng: np.random.Generator,
    *,
    session_id: str,
    start: datetime,
) -> Iterator[Record]:
    """Do the work with at most `size` calls a turn; yield its turns and batches.

    Reads or edits that need nothing of each other go together; everything else goes
    alone. Reads run beside each other, edits one after another.

    Parameters
    ----------
    calls : sequence of SimulatedCall
    truth : SessionTruth
    size : int
    rng : numpy.random.Generator
        Draws the times of this run.
    session_id : str
    start : datetime
        Aware.

    Yields
    ------
    Record
    """
    at_s, previous, previous_work = 0.0, None, ""
    for number, group in enumerate(_grouped(calls, size)):
        turn_s = truth.turn_s * float(rng.lognormal(0, truth.spread))
        tokens = sum(call.tokens for call in group)
        turn_s += truth.token_s * tokens
        times = [
            call.seconds * float(rng.lognormal(0, truth.call_spread)) for call in group
        ]
        work, calls_here = group[0].work, len(group)
        execution_s = max(times) if work == "read" else sum(times)
        at = start + timedelta(seconds=at_s)
        identity = record_id(SOURCE, session_id, str(number))
        yield Turn(
            record_id=f"{identity}t",
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            session_id=session_id,
            agent_id="main",
            model="simulated",
            calls=calls_here,
            latency_s=turn_s,
            context_tokens=10_000 + 200 * number,
            output_tokens=tokens,
        )
        new = sum(not call.needs_previous for call in group)
        alike = previous_work == work
        yield Batch(
            record_id=identity,
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            operation_type=TYPES[work],
            size=calls_here,
            session_id=session_id,
            agent_id="main",
            model="simulated",
            turn_id=f"{identity}t",
            previous_id=previous,
            read_share={"read": 1.0, "edit": 0.0}.get(work),
            timing=Timing.CALL,
            cycle_s=turn_s + execution_s,
            turn_s=turn_s,
            execution_s=execution_s,
            operations_s=sum(times),
            longest_s=max(times),
            context_tokens=10_000 + 200 * number,
            succeeded=calls_here,
            failed=0,
            cancelled=0,
            censored=False,
            prompted=number == 0,
            needs_previous=calls_here - new if alike else 0,
            mentioned_by_previous=calls_here - new if alike else 0,
            known_before=new if alike else calls_here,
        )
        if work == "edit":
            yield from _writes(identity, calls_here, at, session_id)
        at_s += turn_s + execution_s
        previous, previous_work = identity, work


def _writes(
    batch_id: str, calls: int, at: datetime, session_id: str
) -> Iterator[CoordinationEvent]:
    """Every edit is of another file."""
    for place in range(calls):
        identity = record_id(SOURCE, batch_id, "write", str(place))
        yield CoordinationEvent(
            record_id=identity,
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            agent_id="main",
            session_id=session_id,
            operation="edit",
            action="write",
            memory_key=identity,
            batch_id=batch_id,
        )


def _grouped(
    calls: Sequence[SimulatedCall], size: int
) -> Iterator[list[SimulatedCall]]:
    """Group the calls as an agent that takes up to `size` at once does."""
    group: list[SimulatedCall] = []
    for call in calls:
        rides = (
            bool(group)
            and len(group) < size
            and call.work == group[-1].work
            and call.work != "shell"
            and not call.needs_previous
        )
        if group and not rides:
            yield group
            group = []
        group.append(call)
    if group:
        yield group
