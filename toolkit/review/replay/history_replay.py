"""Replays every session under a policy, after replaying what was recorded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError
from toolkit.review import Facts
from toolkit.review.facts import Columns
from toolkit.review.merge import in_total, mergeable
from toolkit.review.replay.policy import ReplayPolicy
from toolkit.review.replay.session_chain import ChainTime, ReplayTable, replay_chain
from toolkit.review.replay.turn_time import fit_turn_time, groups
from toolkit.review.replay.wave_time import replay_waves

__all__ = ["PARTS", "Replay", "SessionReplay", "replay_history"]

Mask = NDArray[np.bool_]

CONCURRENT = frozenset({"read", "spawn", "web"})
"""Work whose calls a harness runs beside each other; a spawn lasts until it is joined."""

MISSED = 0.25
"""A session whose self-replay is further off than this is left out (review, section 6)."""

PARTS = ("project", "branch", "host", "client", "model", "week")
"""What replays can be split by: a session belongs to what its first batch does."""

Z95 = 1.959964
RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReplay:
    """One session, replayed.

    Attributes
    ----------
    session : str
    recorded_s : float
        What it took, people left out.
    self_s : float
        What the recorded policy takes when it is replayed.
    replayed_s : tuple of float
        What the policy takes: where only what surely could is merged, and where all that
        is not excluded is.
    low_s, high_s : float
        95 % bounds of a real run of the policy, over both.
    recorded_turns, turns : float, tuple of float
        Of all its agents. A cascade's extra turn counts with its probability.
    parts : mapping of str to str
        What it belongs to, by the names of `PARTS`.
    """

    session: str
    recorded_s: float
    self_s: float
    replayed_s: tuple[float, float]
    low_s: float
    high_s: float
    recorded_turns: float
    turns: tuple[float, float]
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """Self-replay over what was recorded, less 1."""
        return self.self_s / self.recorded_s - 1

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "session": self.session,
            "recorded_s": self.recorded_s,
            "self_replay_s": self.self_s,
            "replayed_s": list(self.replayed_s),
            "low_s": self.low_s,
            "high_s": self.high_s,
            "recorded_turns": self.recorded_turns,
            "turns": list(self.turns),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A history under another policy.

    Attributes
    ----------
    policy : str
    sessions : tuple of SessionReplay
        Those whose self-replay is near what was recorded.
    missed : tuple of SessionReplay
        Those whose self-replay misses by more than a quarter: left out.
    without : tuple of mapping
        What the sessions belong to that have no cycle that is measured and has no person
        in it.
    error : float
        Median of |self-replay / recorded - 1| over all timed sessions.
    error_low, error_high : float
        5th and 95th percentile of self-replay / recorded - 1.
    change : tuple of (float, float, float)
        Relative change of time with its 95 % interval over sessions: where only what
        surely could is merged, and where all that is not excluded is.
    """

    policy: str
    sessions: tuple[SessionReplay, ...]
    missed: tuple[SessionReplay, ...]
    without: tuple[Mapping[str, str], ...]
    error: float
    error_low: float
    error_high: float
    change: tuple[tuple[float, float, float], tuple[float, float, float]]

    @property
    def left_out(self) -> int:
        """Sessions whose self-replay misses by more than a quarter."""
        return len(self.missed)

    @property
    def untimed(self) -> int:
        """Sessions without a cycle that is measured and has no person in it."""
        return len(self.without)

    @property
    def timed(self) -> int:
        """Sessions that the error is of: those replayed, and those left out."""
        return len(self.sessions) + self.left_out

    @property
    def recorded_s(self) -> float:
        """What the sessions took."""
        return sum(each.recorded_s for each in self.sessions)

    @property
    def turns(self) -> tuple[float, float, float]:
        """Turns recorded, and replayed with the least and with the most merged."""
        return (
            sum(each.recorded_turns for each in self.sessions),
            sum(each.turns[0] for each in self.sessions),
            sum(each.turns[1] for each in self.sessions),
        )

    def of_part(
        self, dimension: str, value: str, *, rng: np.random.Generator
    ) -> "Replay":
        """Sum up the sessions of one part of the history, its own error with them.

        Parameters
        ----------
        dimension : str
            One of `PARTS`.
        value : str
        rng : numpy.random.Generator
            Draws the resamples.

        Returns
        -------
        Replay

        Raises
        ------
        NotEnoughDataError
            Fewer than two of its sessions can be replayed.
        """
        return _summed(
            self.policy,
            [s for s in self.sessions if s.parts[dimension] == value],
            [s for s in self.missed if s.parts[dimension] == value],
            [parts for parts in self.without if parts[dimension] == value],
            rng,
        )

    def values(self, dimension: str) -> list[str]:
        """List the parts of the history, those of most sessions first.

        Parameters
        ----------
        dimension : str
            One of `PARTS`.

        Returns
        -------
        list of str
        """
        timed = [each.parts for each in (*self.sessions, *self.missed)]
        counts = Counter(parts[dimension] for parts in (*timed, *self.without))
        return [value for value, _ in counts.most_common()]

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        names = ("change", "low", "high")
        recorded, least, most = self.turns
        return {
            "policy": self.policy,
            "sessions": len(self.sessions),
            "left_out": self.left_out,
            "untimed": self.untimed,
            "self_replay_error": self.error,
            "self_replay_range": [self.error_low, self.error_high],
            "recorded_s": self.recorded_s,
            "surely": dict(zip(names, self.change[0], strict=True)) | {"turns": least},
            "at_most": dict(zip(names, self.change[1], strict=True)) | {"turns": most},
            "recorded_turns": recorded,
            "by_session": [each.to_json() for each in self.sessions],
        }


def replay_history(
    facts: Facts, policy: ReplayPolicy, *, rng: np.random.Generator
) -> Replay:
    """Replay a history.

    The calls keep their durations, a turn takes what turns of that agent at that size of
    context took and the time of its output tokens, and a call that failed takes along
    siblings as often as it did in this history. The expectation of a turn's time stands
    for draws of it; their variance enters the bounds of each session.

    Parameters
    ----------
    facts : Facts
    policy : ReplayPolicy
    rng : numpy.random.Generator
        Draws the resamples of the interval over sessions.

    Returns
    -------
    Replay
        The change of time with its intervals, and how well the history replays itself.

    Raises
    ------
    NotEnoughDataError
        Fewer than two sessions can be replayed.
    """
    batches = facts.batches
    table = _table(batches)
    wanted = None if policy.sizes is None else policy.sizes(batches)
    surely, not_excluded = _joins(batches, table.timed)
    done: list[SessionReplay] = []
    missed: list[SessionReplay] = []
    without: list[Mapping[str, str]] = []
    for rows in groups(batches, "session"):
        one = _session(rows, facts, table, wanted, (surely, not_excluded), policy)
        if one is None:
            without.append(_parts(batches, rows[0]))
        elif abs(one.error) > MISSED:
            missed.append(one)
        else:
            done.append(one)
    return _summed(policy.name, done, missed, without, rng)


def _summed(
    policy: str,
    done: list[SessionReplay],
    missed: list[SessionReplay],
    without: list[Mapping[str, str]],
    rng: np.random.Generator,
) -> Replay:
    """Sum up sessions, with the error of their self-replay."""
    if len(done) < 2:
        raise NotEnoughDataError("a replay", got=len(done), needed=2, unit="sessions")
    errors = [each.error for each in (*done, *missed)]
    low, high = np.quantile(errors, [0.05, 0.95])
    return Replay(
        policy=policy,
        sessions=tuple(done),
        missed=tuple(missed),
        without=tuple(without),
        error=float(np.median(np.abs(errors))),
        error_low=float(low),
        error_high=float(high),
        change=(_change(done, 0, rng), _change(done, 1, rng)),
    )


def _parts(batches: Columns, row: int) -> dict[str, str]:
    """Name what a session belongs to, by its first batch."""
    return {name: str(batches[name][row]) for name in PARTS}


def _table(batches: Columns) -> ReplayTable:
    timed = ~batches["censored"].astype(np.bool_)
    for name in ("cycle_s", "turn_s", "operations_s"):
        timed &= np.isfinite(batches[name].astype(np.float64))
    timed &= batches["background"] == 0
    size = np.maximum(batches["size"].astype(np.float64), 1.0)
    total = np.nan_to_num(batches["operations_s"].astype(np.float64))
    longest = batches["longest_s"].astype(np.float64)
    several = (size > 1) & (batches["failed"] > 0)
    return ReplayTable(
        size=size,
        concurrent=np.isin(batches["work"].astype(str), sorted(CONCURRENT)),
        total_s=total,
        longest_s=np.where(np.isfinite(longest), longest, total),
        output=np.nan_to_num(batches["turn_output"].astype(np.float64)),
        failed=batches["failed"] > 0,
        timed=timed,
        cascade=float(np.mean(batches["siblings"][several] > 0))
        if several.any()
        else 0.0,
        turn=fit_turn_time(batches, timed),
    )


def _joins(batches: Columns, timed: Mask) -> tuple[Mask, Mask]:
    """Find the batches that may be issued with the one before: surely, and perhaps."""
    rides = in_total(mergeable(batches))
    return rides.lower & timed, rides.upper & timed


def _session(
    rows: NDArray[np.int64],
    facts: Facts,
    table: ReplayTable,
    wanted: Floats | None,
    joins: tuple[Mask, Mask],
    policy: ReplayPolicy,
) -> SessionReplay | None:
    """Replay one session: its main agent, and what it began as far as it waited."""
    batches = facts.batches
    agents = batches["agent"][rows].astype(str)
    main = rows[agents == "main"]
    if not len(main):  # workers side by side, none of which began the others
        main = rows[agents == agents[0]]
    recorded_s = float(np.sum(batches["cycle_s"][main][table.timed[main]]))
    if recorded_s <= 0:
        return None
    others = sorted(set(agents) - {str(batches["agent"][main[0]])})
    begun = [rows[agents == name] for name in others]
    recorded = _replayed(main, begun, batches, table, None, joins[0], policy=None)
    replayed = [
        _replayed(main, begun, batches, table, wanted, mask, policy=(facts, policy))
        for mask in joins
    ]
    reach = _t95(float(table.turn.known[main[0]]))
    spread = [reach * each.deviation_s for each in replayed]
    low, high = zip(
        *(
            (e.seconds - s, e.seconds + s)
            for e, s in zip(replayed, spread, strict=True)
        ),
        strict=True,
    )
    return SessionReplay(
        session=str(batches["session"][rows[0]]),
        recorded_s=recorded_s,
        self_s=recorded.seconds,
        replayed_s=(replayed[0].seconds, replayed[1].seconds),
        low_s=float(max(min(low), 0.0)),
        high_s=float(max(high)),
        recorded_turns=recorded.turns,
        turns=(replayed[0].turns, replayed[1].turns),
        parts=_parts(batches, rows[0]),
    )


def _replayed(
    main: NDArray[np.int64],
    begun: list[NDArray[np.int64]],
    batches: Columns,
    table: ReplayTable,
    wanted: Floats | None,
    joins: Mask,
    *,
    policy: tuple[Facts, ReplayPolicy] | None,
) -> ChainTime:
    """Replay the agents that were begun, and then the main agent that waited for them.

    The time is the main agent's, the turns are those of all.
    """
    scale = np.ones(len(batches["size"]))
    before = after = turns = 0.0
    for rows in begun:
        before += replay_chain(rows, table, None, joins, scale).seconds
        chain = replay_chain(rows, table, wanted, joins, scale)
        after += chain.seconds
        turns += chain.turns
    factor = after / before if before > 0 else 1.0
    spawns = main[batches["work"][main] == "spawn"]
    scale[spawns] = factor
    if policy is not None and policy[1].agents is not None:
        scale[spawns] *= replay_waves(policy[0], policy[1].agents, spawns)
    found = replay_chain(main, table, wanted, joins, scale)
    found.turns += turns
    return found


def _t95(known: float) -> float:
    """Two-sided 95 % quantile of Student's t; within 1 % from five turns on."""
    freedom = max(known - 1, 1.0)
    return Z95 + 2.372 / freedom + 2.822 / freedom**2


def _change(
    sessions: list[SessionReplay], side: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Relative change of the replayed time, with its interval over sessions."""
    own = np.array([each.self_s for each in sessions])
    other = np.array([each.replayed_s[side] for each in sessions])
    drawn = rng.integers(0, len(own), size=(RESAMPLES, len(own)))
    ratios = other[drawn].sum(axis=1) / own[drawn].sum(axis=1) - 1
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(other.sum() / own.sum() - 1), float(low), float(high)
