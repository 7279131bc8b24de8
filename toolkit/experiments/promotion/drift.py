"""Whether the world that a champion learned from is still the world.

A column has drifted where its standardised difference between the two windows is large,
with enough rows on both sides, and surely so. Where the rows that differ come from other
versions of the harness than before, the harness changed; else the work did.

Advice moves sizes, and with them costs: that is what it is for, and no drift. So costs
are compared, one operation type after the other, with what the same size cost before,
and sizes are compared where no policy had a say.
"""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.policies import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Drift", "DriftedColumn", "drift_between"]

FEWEST_ROWS = 50
LARGE = 0.5
"""Cohen's d of a medium effect (Cohen 1988, Statistical Power Analysis, ch. 2)."""

SURELY = 0.2
"""The 95 % lower bound of |d| must exceed a small effect (ibid.)."""

FEWEST_OF_A_SIZE = 5
"""Earlier rows that say what a size usually costs."""

KEYS = ["operation_type", "size"]
COLUMNS = ("size", "load_cpu", "load_memory", "read_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedColumn:
    """A column whose values moved.

    Attributes
    ----------
    column : str
        Costs name their operation type too: `log_cost of shell`.
    effect : float
        Cohen's d, later minus earlier.
    low : float
        95 % lower bound of its size.
    """

    column: str
    effect: float
    low: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How two windows compare.

    Attributes
    ----------
    earlier, later : int
        Rows; with fewer than 50 on a side nothing is said.
    columns : tuple of DriftedColumn
    cause : str or None
        `harness` or `work`; `None` where nothing drifted.
    """

    earlier: int
    later: int
    columns: tuple[DriftedColumn, ...] = ()
    cause: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


def drift_between(
    frame: "pd.DataFrame", window_end: str | None, *, since: str | None = None
) -> Drift:
    """Compare the rows up to a moment with those after it.

    Parameters
    ----------
    frame : DataFrame
        A feature table with its targets.
    window_end : str or None
        ISO 8601; `None` where nothing was learned before.
    since : str, optional
        Begins the later window, where that is after the earlier one's end.
    """
    if window_end is None:
        return Drift(earlier=0, later=len(frame))
    import pandas as pd

    end = pd.Timestamp(window_end)
    begin = end if since is None else max(end, pd.Timestamp(since))
    earlier, later = frame[frame["at"] <= end], frame[frame["at"] > begin]
    compared = {
        **{c: (_known(earlier, c), _known(later, c)) for c in COLUMNS},
        **_excess_costs(earlier, later),
    }
    found = tuple(
        moved
        for column, (before, after) in compared.items()
        if (moved := _moved(column, before, after))
    )
    return Drift(
        earlier=len(earlier),
        later=len(later),
        columns=found,
        cause=_cause(earlier, later) if found else None,
    )


def _known(frame: "pd.DataFrame", column: str) -> Floats:
    if column not in frame.columns:
        return np.empty(0)
    if column == "size" and "propensity" in frame.columns:
        frame = frame[frame["propensity"].isna()]
    values = np.asarray(frame[column], dtype=np.float64)
    return values[np.isfinite(values)]


def _excess_costs(
    earlier: "pd.DataFrame", later: "pd.DataFrame"
) -> dict[str, tuple[Floats, Floats]]:
    """Log cost beyond the earlier mean of the same size, by operation type."""
    if not {"cycle_s", "succeeded", *KEYS} <= set(earlier.columns):
        return {}
    before, after = _costs(earlier), _costs(later)
    seen = before.groupby(KEYS)["log_cost"].agg(["mean", "size"])
    usual = seen[seen["size"] >= FEWEST_OF_A_SIZE]["mean"].rename("usual")
    both = [part.join(usual, on=KEYS, how="inner") for part in (before, after)]
    excess = [part.assign(excess=part["log_cost"] - part["usual"]) for part in both]
    return {
        f"log_cost of {kind}": (
            _of_type(excess[0], str(kind)),
            _of_type(excess[1], str(kind)),
        )
        for kind in sorted(before["operation_type"].unique())
    }


def _of_type(costs: "pd.DataFrame", kind: str) -> Floats:
    chosen = costs.loc[costs["operation_type"] == kind, "excess"]
    return np.asarray(chosen, dtype=np.float64)


def _costs(frame: "pd.DataFrame") -> "pd.DataFrame":
    known = frame[(frame["cycle_s"] > 0) & (frame["succeeded"] > 0)]
    cycle = np.asarray(known["cycle_s"], dtype=np.float64)
    cost = np.log(cycle / np.asarray(known["succeeded"], dtype=np.float64))
    return known[KEYS].assign(log_cost=cost)


def _moved(column: str, before: Floats, after: Floats) -> DriftedColumn | None:
    n, m = len(before), len(after)
    if min(n, m) < FEWEST_ROWS:
        return None
    spread = math.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
    if spread == 0:
        return None
    effect = float(after.mean() - before.mean()) / spread
    # Hedges & Olkin 1985, eq. 5.14: large-sample variance of d.
    error = math.sqrt((n + m) / (n * m) + effect**2 / (2 * (n + m)))
    low = abs(effect) - 1.96 * error
    if abs(effect) < LARGE or low < SURELY:
        return None
    return DriftedColumn(column=column, effect=effect, low=low)


def _cause(earlier: "pd.DataFrame", later: "pd.DataFrame") -> str:
    known = set(earlier["source_version"].dropna())
    versions = later["source_version"].dropna()
    if known and len(versions) and float((~versions.isin(known)).mean()) > 0.5:
        return "harness"
    return "work"
