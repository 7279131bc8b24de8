"""What waves of agents cost in an observed history: by size, and matched within project.

A team chose how many agents to begin, and chose more where the work was easy to divide.
So sizes are compared within a project, each wave of several runs with the nearest single
runs in time, and the report says what even that leaves open.
"""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.history import Dataset, connect
from toolkit.metrics import group_bootstrap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WaveSupport", "wave_support"]

SIZES = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 1_000_000))
"""Most runs alive at once that are shown together, both ends included."""

MATCHES = 3
"""Single runs that a wave is held against, at the most."""

LEAST_GROUPS = 5
"""Fewer sessions (or projects) give no interval."""

PROJECTS_FROM = 10
"""Projects from which on intervals are over projects; over sessions below."""

_QUERY = """SELECT record_id, epoch("at") AS at_s, agents, runs, runs_succeeded,
  runs_failed, runs_refused, runs_unfinished, runs_measured, makespan_s, agent_seconds,
  output_tokens, money_usd, coalesce(censored, false)::INT AS censored,
  coalesce(project, group_id, 'unknown') AS project,
  coalesce(session_id, record_id) AS session
FROM {} WHERE runs IS NOT NULL
ORDER BY at_s, record_id"""

_PER_RUN: tuple[tuple[str, str], ...] = (
    ("makespan", "makespan_s"),
    ("agent-seconds", "agent_seconds"),
    ("output tokens", "output_tokens"),
    ("money", "money_usd"),
)
"""What is compared, each divided by the runs of the wave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveSizeRow:
    """Waves of some size; medians are `None` where nothing is known.

    Attributes
    ----------
    agents : str
        Most runs alive at once, as `2` or `4 to 5`.
    waves, runs, failed, sessions, projects : int
    makespan_s, speed_up : float or None
        Medians; the speed-up is agent-seconds over makespan.
    agent_seconds, output_tokens, money_usd : float or None
        Medians for one run; tokens and money of waves all of whose runs left replies.
    measured : int
        Waves all of whose runs left replies.
    """

    agents: str
    waves: int
    runs: int
    failed: int
    sessions: int
    projects: int
    makespan_s: float | None
    speed_up: float | None
    agent_seconds: float | None
    output_tokens: float | None
    money_usd: float | None
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedWave:
    """What a run costs in waves of several, over single runs of the same project.

    Attributes
    ----------
    what : str
    ratio, low, high : float or None
        Geometric mean and its 95 % interval; `None` where too few waves find a match.
    waves, groups : int
        Waves that found a match, and the sessions or projects they lie in.
    over : str
        `sessions` or `projects`: what the interval is over.
    """

    what: str
    ratio: float | None
    low: float | None
    high: float | None
    waves: int
    groups: int
    over: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveSupport:
    """What the waves of a store say.

    Attributes
    ----------
    sizes : tuple of WaveSizeRow
    matched : tuple of MatchedWave
    limits : tuple of str
        What they do not say.
    """

    sizes: tuple[WaveSizeRow, ...]
    matched: tuple[MatchedWave, ...]
    limits: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return asdict(self)


def wave_support(dataset: Dataset, *, seed: int) -> WaveSupport | None:
    """Count waves by size, and compare them with single runs of their project.

    Parameters
    ----------
    dataset : Dataset
    seed : int
        Draws the resamples of the intervals.

    Returns
    -------
    WaveSupport or None
        `None` where no client recorded a wave.
    """
    with dataset.snapshot() as snapshot, connect() as connection:
        view = snapshot.attach(connection, "workflow")
        waves = connection.execute(_QUERY.format(view)).df()
    if waves.empty:
        return None
    texts = {"record_id", "project", "session"}
    waves = waves.astype({str(n): "float64" for n in waves.columns if n not in texts})
    every, waves = waves, waves[waves["censored"] == 0]
    rng = np.random.default_rng(seed)
    sizes = [_size_row(waves, low, high) for low, high in SIZES]
    matched = [_matched(waves, what, column, rng) for what, column in _PER_RUN]
    return WaveSupport(
        sizes=tuple(row for row in sizes if row.waves),
        matched=tuple(matched),
        limits=tuple(_limits(every, matched)),
    )


def _size_row(waves: "pd.DataFrame", low: int, high: int) -> WaveSizeRow:
    rows = waves[waves["agents"].between(low, high)]
    whole = rows[rows["runs_measured"] == rows["runs"]]
    name = f"{low}" if low == high else f"{low} to {high}"
    timed = rows[rows["makespan_s"] > 0]
    return WaveSizeRow(
        agents=name if high < SIZES[-1][1] else f"{low} or more",
        waves=len(rows),
        runs=int(rows["runs"].sum()),
        failed=int(rows["runs_failed"].sum()),
        sessions=int(rows["session"].nunique()),
        projects=int(rows["project"].nunique()),
        makespan_s=_median(rows["makespan_s"]),
        speed_up=_median(timed["agent_seconds"] / timed["makespan_s"]),
        agent_seconds=_median(rows["agent_seconds"] / rows["runs"]),
        output_tokens=_median(whole["output_tokens"] / whole["runs"]),
        money_usd=_median(whole["money_usd"] / whole["runs"]),
        measured=len(whole),
    )


def _median(values: "pd.Series[float]") -> float | None:
    known = values.dropna()
    return float(known.median()) if len(known) else None


def _matched(
    waves: "pd.DataFrame", what: str, column: str, rng: np.random.Generator
) -> MatchedWave:
    """Compare waves of two agents or more with the nearest single runs of the project."""
    usable = waves[waves[column] > 0]
    if column in ("output_tokens", "money_usd"):
        usable = usable[usable["runs_measured"] == usable["runs"]]
    usable = usable.assign(cost=np.log(usable[column] / usable["runs"]))
    several = usable[usable["agents"] >= 2]
    single = usable[usable["agents"] == 1]
    logs, sessions, projects = [], [], []
    for wave in several.itertuples():
        near = single[single["project"] == wave.project]
        if near.empty:
            continue
        order = (near["at_s"] - float(str(wave.at_s))).abs().sort_values().index
        level = float(near.loc[order[:MATCHES], "cost"].mean())
        logs.append(float(str(wave.cost)) - level)
        sessions.append(str(wave.session))
        projects.append(str(wave.project))
    over = "projects" if len(set(projects)) >= PROJECTS_FROM else "sessions"
    groups = projects if over == "projects" else sessions
    number = len(set(groups))
    shared: dict[str, Any] = {
        "what": what,
        "waves": len(logs),
        "groups": number,
        "over": over,
    }
    if number < LEAST_GROUPS:
        return MatchedWave(ratio=None, low=None, high=None, **shared)
    bound = group_bootstrap(logs, groups, rng=rng)
    return MatchedWave(
        ratio=math.exp(bound.estimate),
        low=math.exp(bound.low),
        high=math.exp(bound.high),
        **shared,
    )


def _limits(waves: "pd.DataFrame", matched: list[MatchedWave]) -> list[str]:
    runs = int(waves["runs"].sum())
    measured = int(waves["runs_measured"].fillna(0).sum())
    refused, unfinished = (
        int(waves[name].fillna(0).sum()) for name in ("runs_refused", "runs_unfinished")
    )
    said = [
        (
            "A team begins several agents where the work divides easily, so a wave of several is "
            "other work than a single run: the ratios describe what was chosen, not what another "
            "number would have cost."
        ),
        (
            f"Of {runs} runs {measured} left replies; tokens and money of the others are not "
            "known."
        ),
        (
            f"{refused} runs were refused, {unfinished} have no recorded end, and "
            f"{int(waves['censored'].sum())} waves held sleep: "
            "these have no makespan."
        ),
        (
            "Whether a wave did what a single agent would have done is not recorded: a run that "
            "ended well is counted as such, whatever it was asked."
        ),
    ]
    few = [each.what for each in matched if each.ratio is None]
    if few:
        said.append(
            f"Too few waves of several agents lie in a project with single runs to compare "
            f"{', '.join(few)} ({LEAST_GROUPS} sessions are needed)."
        )
    return said
