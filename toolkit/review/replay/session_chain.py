"""The batches of one agent, regrouped as another policy would have issued them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.review.replay.turn_time import TurnTime

__all__ = ["ChainTime", "ReplayTable", "replay_chain"]

Mask = NDArray[np.bool_]

READS_AT_ONCE = 10
"""Reads that a harness runs beside each other (review, section 6)."""

Piece = tuple[int, float]
"""A row, and how many of its calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTable:
    """What a replay needs of each batch.

    Attributes
    ----------
    size : ndarray of shape (batches,)
        Calls.
    concurrent : ndarray of bool
        Whether the harness runs the calls of that work beside each other.
    total_s, longest_s : ndarray
        Sum of the calls' durations, and the longest.
    output : ndarray
        Output tokens of the turn.
    failed : ndarray of bool
        A call failed.
    timed : ndarray of bool
        The cycle is measured, and no person took part; others are left out.
    cascade : float
        Probability, 0 to 1, that a failing call makes its siblings be issued again.
    turn : TurnTime
    """

    size: Floats
    concurrent: Mask
    total_s: Floats
    longest_s: Floats
    output: Floats
    failed: Mask
    timed: Mask
    cascade: float
    turn: TurnTime


@dataclass(slots=True)
class ChainTime:
    """What a chain takes, and how far a real run may be from it.

    Attributes
    ----------
    seconds, turns : float
    variance : float
        Of the turns' times, added.
    doubt_s : float
        Error of the means that the turns' times share, added: a mean that is wrong is
        wrong in every turn.
    """

    seconds: float = 0.0
    turns: float = 0.0
    variance: float = 0.0
    doubt_s: float = 0.0

    @property
    def deviation_s(self) -> float:
        """Standard deviation of a real run about `seconds`."""
        return math.sqrt(self.variance + self.doubt_s**2)


def replay_chain(
    rows: NDArray[np.int64],
    table: ReplayTable,
    wanted: Floats | None,
    joins: Mask,
    scale: Floats,
) -> ChainTime:
    """Replay the batches of one agent.

    Parameters
    ----------
    rows : ndarray of int
        Batches of the agent, in order of time.
    table : ReplayTable
    wanted : ndarray of shape (batches,), optional
        Size that the policy wants in each context; the recorded turns without it.
    joins : ndarray of bool, shape (batches,)
        Batches that may be issued with the one before.
    scale : ndarray of shape (batches,)
        Factor of each batch's own durations: spawns last as long as what they began.
    """
    time = ChainTime()
    for pieces in _turns(rows, table, wanted, joins):
        _take(time, pieces, table, scale)
    return time


def _turns(
    rows: NDArray[np.int64], table: ReplayTable, wanted: Floats | None, joins: Mask
) -> list[list[Piece]]:
    """Group calls into turns; a batch that is not timed ends the one before."""
    turns: list[list[Piece]] = []
    open_turn = False
    for row in rows:
        if not table.timed[row]:
            open_turn = False
            continue
        size = float(table.size[row])
        limit = size if wanted is None else max(float(wanted[row]), 1.0)
        if wanted is not None and open_turn and joins[row]:
            taken = sum(count for _, count in turns[-1])
            if taken + size <= limit:
                turns[-1].append((int(row), size))
                continue
        while size > limit:
            turns.append([(int(row), limit)])
            size -= limit
        turns.append([(int(row), size)])
        open_turn = True
    return turns


def _take(
    time: ChainTime, pieces: list[Piece], table: ReplayTable, scale: Floats
) -> None:
    """Add the time of one turn: the model's, the calls', and a cascade's."""
    first = pieces[0][0]
    shares = [count / table.size[row] for row, count in pieces]
    tokens_s = sum(
        table.turn.token_s[row] * table.output[row] * share
        for (row, _), share in zip(pieces, shares, strict=True)
    )
    turn_s = table.turn.mean_s[first] + tokens_s
    time.seconds += turn_s + _execution_s(pieces, shares, table, scale)
    time.variance += table.turn.variance[first]
    time.doubt_s += math.sqrt(table.turn.variance[first] / table.turn.known[first])
    time.turns += 1
    failed = [row for row, _ in pieces if table.failed[row]]
    if len(pieces) > 1 and failed:
        again = [
            place for place in range(len(pieces)) if pieces[place][0] not in failed
        ]
        redone = _execution_s(
            [pieces[p] for p in again], [shares[p] for p in again], table, scale
        )
        time.seconds += table.cascade * (turn_s + redone)
        time.turns += table.cascade


def _execution_s(
    pieces: list[Piece], shares: list[float], table: ReplayTable, scale: Floats
) -> float:
    """Run reads beside each other, and everything else one after another."""
    serial = longest = total = 0.0
    for (row, count), share in zip(pieces, shares, strict=True):
        whole = table.total_s[row] * scale[row]
        if not table.concurrent[row]:
            serial += whole * share
            continue
        total += whole * share
        one = (
            whole / table.size[row] if share < 1 else table.longest_s[row] * scale[row]
        )
        longest = max(longest, one, whole * share / min(count, READS_AT_ONCE))
    return serial + max(longest, total / READS_AT_ONCE)
