"""The waves of a session with another number of agents at once."""

import math

import numpy as np

from toolkit.review import Facts
from toolkit.review.replay.policy import ReplayPolicy

__all__ = ["replay_waves"]


def replay_waves(facts: Facts, policy: ReplayPolicy, session: str) -> float:
    """Give the factor by which the waves of a session last longer, or shorter.

    Runs of one wave are taken as equally long: with k at once, r of them take
    ceil(r / k) rounds. Waves whose runs depend on each other keep their time, and so do
    those whose agent-seconds are not known.

    Parameters
    ----------
    facts : Facts
    policy : ReplayPolicy
    session : str

    Returns
    -------
    float
        1 where the policy is about sizes only, or the session has no such wave.
    """
    if policy.agents is None:
        return 1.0
    waves = facts.waves
    before = after = 0.0
    for row in np.flatnonzero(waves["session"] == session):
        runs, work = float(waves["runs"][row]), float(waves["agent_seconds"][row])
        makespan_s = float(waves["makespan_s"][row])
        if not (runs >= 1 and makespan_s > 0):
            continue
        before += makespan_s
        dependent = np.nan_to_num(waves["dependencies"][row]) > 0
        if dependent or not work > 0:
            after += makespan_s
            continue
        recorded_rounds = math.ceil(runs / max(float(waves["agents"][row]), 1.0))
        after += makespan_s * math.ceil(runs / policy.agents) / recorded_rounds
    return after / before if before > 0 else 1.0
