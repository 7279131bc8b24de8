"""The waves of a session with another number of agents at once."""

import math

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.review import Facts

__all__ = ["replay_waves"]

AT_S = 1e-3
"""A wave begins with the batch that began it, to the millisecond that logs hold."""


def replay_waves(facts: Facts, agents: int, rows: NDArray[np.int64]) -> Floats:
    """Give the factors by which batches that begin waves last longer, or shorter.

    Runs of one wave are taken as equally long: with k at once, r of them take
    ceil(r / k) rounds, and never more than their agent-seconds, which is what one agent
    takes. Waves whose runs depend on each other keep their time, and so do those whose
    agent-seconds are not known.

    Parameters
    ----------
    facts : Facts
    agents : int
        At once, from 1 on.
    rows : ndarray of int
        Batches of one session that begin agents.

    Returns
    -------
    ndarray of shape (rows,)
        1 where a batch began no such wave.
    """
    factors = np.ones(len(rows))
    if not len(rows):
        return factors
    waves, at_s = facts.waves, facts.batches["at_s"][rows].astype(np.float64)
    session = facts.batches["session"][rows[0]]
    for wave in np.flatnonzero(waves["session"] == session):
        begun = np.abs(at_s - float(waves["at_s"][wave])) <= AT_S
        if begun.any():
            factors[begun] = _factor(facts, agents, int(wave))
    return factors


def _factor(facts: Facts, agents: int, wave: int) -> float:
    waves = facts.waves
    runs, work = float(waves["runs"][wave]), float(waves["agent_seconds"][wave])
    makespan_s = float(waves["makespan_s"][wave])
    dependent = np.nan_to_num(waves["dependencies"][wave]) > 0
    if dependent or not (runs >= 1 and makespan_s > 0 and work > 0):
        return 1.0
    recorded_rounds = math.ceil(runs / max(float(waves["agents"][wave]), 1.0))
    ratio = math.ceil(runs / agents) / recorded_rounds
    return min(ratio, max(work / makespan_s, 1.0))
