"""Says what agents in parallel brought: waves by size, speed-up, money (section 5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.review.facts import Columns
from toolkit.review.figure import Figure, ids_of, total

__all__ = ["WaveSize", "Waves", "waves"]

FOLLOWING_S = 60.0
"""Single runs that begin within this many seconds of the last one's end could have run
beside it (review, section 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveSize:
    """Waves with one number of agents at once.

    Attributes
    ----------
    agents : int
        Most runs alive at once.
    waves, runs : int
    makespan_s : float
        Median; NaN where no makespan is known.
    speed_up : float
        Median of agent-seconds over makespan; NaN where unknown.
    output_tokens_per_run : float
        Median; NaN where unknown.
    """

    agents: int
    waves: int
    runs: int
    makespan_s: float
    speed_up: float
    output_tokens_per_run: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """What agents brought.

    Attributes
    ----------
    waves, runs, failed, refused, unfinished : Figure
        Waves; agent runs, and those that did not succeed, by what became of them.
    parallel : Figure
        Waves with two agents or more at once.
    speed_up : Figure
        Median of agent-seconds over makespan of those.
    saved : Figure
        Agent-seconds less makespan of those, added: what running beside each other
        saved, if each run took as long alone.
    missed : Figure
        Upper bound of what more agents would have saved: single runs that followed one
        another within a minute, all but the longest of each chain.
    sizes : tuple of WaveSize
        By number of agents.
    """

    waves: Figure
    runs: Figure
    failed: Figure
    refused: Figure
    unfinished: Figure
    parallel: Figure
    speed_up: Figure
    saved: Figure
    missed: Figure
    sizes: tuple[WaveSize, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in order."""
        return (
            self.waves,
            self.runs,
            self.failed,
            self.refused,
            self.unfinished,
            self.parallel,
            self.speed_up,
            self.saved,
            self.missed,
        )


def waves(columns: Columns) -> Waves:
    """Count waves, and what their agents brought.

    Parameters
    ----------
    columns : mapping of str to ndarray
        As `Facts.waves`.

    Returns
    -------
    Waves
    """
    records = columns["record_id"]
    every = np.ones(len(records), dtype=np.bool_)
    parallel = columns["agents"] >= 2
    makespan, work = columns["makespan_s"], columns["agent_seconds"]
    timed = parallel & (makespan > 0) & np.isfinite(work) & ~columns["censored"]
    saved = np.where(timed, np.maximum(work - makespan, 0), np.nan)
    ratio = np.full(len(records), np.nan)
    ratio[timed] = (work / np.where(makespan > 0, makespan, np.nan))[timed]

    def added(name: str, unit: str, values: NDArray[Any], how: str) -> Figure:
        return total(f"agents.{name}", unit, values, records, every, how=how)

    return Waves(
        waves=added(
            "waves", "waves", np.ones(len(records)), "sets of overlapping runs"
        ),
        runs=added(
            "runs", "runs", columns["runs"], "agent runs, whatever became of them"
        ),
        failed=added("failed", "runs", columns["runs_failed"], "runs that failed"),
        refused=added("refused", "runs", columns["runs_refused"], "runs not allowed"),
        unfinished=added(
            "unfinished",
            "runs",
            columns["runs_unfinished"],
            "runs without a recorded end",
        ),
        parallel=total(
            "agents.parallel",
            "waves",
            np.ones(len(records)),
            records,
            parallel,
            how="waves with two agents or more at once",
        ),
        speed_up=Figure(
            name="agents.speed_up",
            value=float(np.median(ratio[timed])) if timed.any() else float("nan"),
            unit="ratio",
            unknown=int(np.sum(parallel & ~timed)),
            records=ids_of(records, timed),
            how="median of agent-seconds over makespan of the parallel waves",
        ),
        saved=total(
            "agents.saved",
            "s",
            saved,
            records,
            parallel,
            how="agent-seconds less makespan of the parallel waves",
        ),
        missed=_missed(columns),
        sizes=_sizes(columns, ratio),
    )


def _sizes(columns: Columns, ratio: NDArray[np.float64]) -> tuple[WaveSize, ...]:
    made = []
    per_run = columns["output_tokens"] / columns["runs"]
    for agents in sorted(set(columns["agents"].astype(int))):
        rows = columns["agents"] == agents
        made.append(
            WaveSize(
                agents=agents,
                waves=int(np.sum(rows)),
                runs=int(np.nansum(columns["runs"][rows])),
                makespan_s=_median(columns["makespan_s"][rows]),
                speed_up=_median(ratio[rows]),
                output_tokens_per_run=_median(per_run[rows]),
            )
        )
    return tuple(made)


def _median(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values.astype(np.float64))]
    return float(np.median(known)) if len(known) else float("nan")


def _missed(columns: Columns) -> Figure:
    """Add what chains of single runs would have saved side by side."""
    single = (columns["agents"] == 1) & np.isfinite(columns["makespan_s"])
    independent = ~(np.nan_to_num(columns["dependencies"]) > 0)
    rows = np.flatnonzero(single & independent & ~columns["censored"])
    saved, ids = 0.0, []
    chain: list[int] = []
    for row in [*rows[np.argsort(columns["session"][rows].astype(str), kind="stable")]]:
        if chain and not _follows(columns, chain[-1], row):
            saved += _chain_saving(columns, chain)
            ids += chain if len(chain) > 1 else []
            chain = []
        chain.append(int(row))
    saved += _chain_saving(columns, chain)
    ids += chain if len(chain) > 1 else []
    return Figure(
        name="agents.missed",
        value=saved,
        unit="s",
        records=tuple(str(columns["record_id"][row]) for row in ids),
        how="single runs of one session that followed within 60 s, all but the longest "
        "of each chain: an upper bound, since what one needed of another is not known",
    )


def _follows(columns: Columns, before: int, row: int) -> bool:
    end = columns["at_s"][before] + columns["makespan_s"][before]
    same = columns["session"][before] == columns["session"][row]
    return bool(same and 0 <= columns["at_s"][row] - end <= FOLLOWING_S)


def _chain_saving(columns: Columns, chain: list[int]) -> float:
    if len(chain) < 2:
        return 0.0
    spans = columns["makespan_s"][chain]
    return float(np.sum(spans) - np.max(spans))
