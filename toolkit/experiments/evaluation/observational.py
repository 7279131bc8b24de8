"""What a history without a design supports, and what it does not.

Agents batch more when the work is easy to batch, so the cost of a size that was chosen
is not the cost the same work would have had at another size. Without logged propensities
nothing here proves a gain; it says how much was tried, what it cost where it was tried,
and how well costs of unseen sessions are predicted.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.evaluation.wording import chosen_by
from toolkit.experiments.training.learner import Learner
from toolkit.metrics import (
    RatioOfTotals,
    cluster_bootstrap,
    group_totals,
)
from toolkit.models import centred
from toolkit.policies.rules import OPTIMUMS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PredictionSkill",
    "SizeSupport",
    "limits_of",
    "prediction_skill",
    "size_support",
]

LARGE = 3
"""From three operations on a batch is more than a pair issued together."""

FEWEST_ROWS = 30
FEWEST_GROUPS = 5
"""Below either, a size was hardly tried."""

FEWEST_NEAR = 5
"""Batches within a quarter of a size that the learned rung needs to consider it."""

FEWEST_SUCCESSFUL = 3
"""Groups with a success that an interval needs: a ratio must survive losing one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSupport:
    """How often a size was tried and what it cost where it was.

    Attributes
    ----------
    operation_type : str
    size : int
    batches, sessions : int
    cost_s, cost_low_s, cost_high_s : float or None
        Seconds per successful operation, ratio of totals, 95 % interval over sessions;
        the interval is `None` with fewer than three sessions that had a success.
    """

    operation_type: str
    size: int
    batches: int
    sessions: int
    cost_s: float | None
    cost_low_s: float | None
    cost_high_s: float | None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSkill:
    """How well the differences between sizes are predicted for unseen sessions.

    Attributes
    ----------
    rows, groups : int
    learned_error, constant_error : float
        Mean absolute error of log cost about the session's mean; the constant expects
        no difference.
    """

    rows: int
    groups: int
    learned_error: float
    constant_error: float

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


def size_support(records: "pd.DataFrame", *, seed: int) -> list[SizeSupport]:
    """Count every operation type and size, with its cost where it was tried.

    Parameters
    ----------
    records : DataFrame
        From `tables.teaching_rows`, of batches.
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of SizeSupport
        By operation type, then size.
    """
    rows = []
    for (operation_type, size), part in records.groupby(
        ["operation_type", "size"], sort=True
    ):
        y = part[["spent", "achieved"]].to_numpy(dtype=np.float64) * float(str(size))
        cost = _cost(y, part["group"].to_numpy(), seed)
        rows.append(
            SizeSupport(
                operation_type=str(operation_type),
                size=int(str(size)),
                batches=len(part),
                sessions=int(part["group"].nunique()),
                cost_s=cost[0],
                cost_low_s=cost[1],
                cost_high_s=cost[2],
            )
        )
    return rows


def prediction_skill(learner: Learner) -> PredictionSkill:
    """Compare learned differences between sizes with none, on sessions left out.

    Parameters
    ----------
    learner : Learner

    Returns
    -------
    PredictionSkill
        Mean absolute errors in log cost.
    """
    truth = centred(learner.rows.regret, learner.rows.problem)
    return PredictionSkill(
        rows=len(truth),
        groups=len(np.unique(learner.rows.group)),
        learned_error=float(np.abs(truth - learner.stack.held_out).mean()),
        constant_error=float(np.abs(truth).mean()),
    )


def limits_of(records: "pd.DataFrame", support: Sequence[SizeSupport]) -> list[str]:
    """Say in sentences what this history cannot answer.

    Parameters
    ----------
    records : DataFrame
        From `tables.teaching_rows`, of batches.
    support : sequence of SizeSupport
        From `size_support`, of the same records.

    Returns
    -------
    list of str
    """
    who = chosen_by(records["source"].astype(str))
    limits = [
        (
            f"The sizes were chosen by {who}, not assigned, and no propensities were "
            "logged: differences between sizes mix what batching does with the work that "
            f"{who} chose each size for."
        )
    ]
    for kind in sorted({row.operation_type for row in support}):
        rows = [row for row in support if row.operation_type == kind]
        batches = sum(row.batches for row in rows)
        large = sum(row.batches for row in rows if row.size >= LARGE)
        tried = [
            row.size
            for row in rows
            if row.batches >= FEWEST_ROWS and row.sessions >= FEWEST_GROUPS
        ]
        reach = f"up to {max(tried)} per batch" if tried else "at no size"
        thin = _largest_thin(rows)
        text = (
            f"`{kind}`: {batches} batches, {large} of them with {LARGE} operations or "
            f"more; supported well {reach} ({FEWEST_ROWS} batches in {FEWEST_GROUPS} "
            f"groups), thinly up to {thin} ({FEWEST_NEAR} within a quarter of the size)."
        )
        rule = OPTIMUMS.get(kind)
        if rule is not None and rule.optimal not in tried:
            text += (
                f" The rule's {rule.optimal} was hardly tried, so it cannot be judged."
            )
        limits.append(text)
    if records["load_cpu"].isna().all():
        limits.append(
            "No system load was recorded: the rule's load thresholds are idle."
        )
    return limits


def _largest_thin(rows: Sequence[SizeSupport]) -> int:
    """Largest tried size with a few batches near it; 1 where there is none."""
    return max(
        (
            row.size
            for row in rows
            if sum(r.batches for r in rows if abs(r.size - row.size) <= row.size / 4)
            >= FEWEST_NEAR
        ),
        default=1,
    )


def _cost(
    y: "np.ndarray[Any, np.dtype[np.float64]]",
    groups: "np.ndarray[Any, Any]",
    seed: int,
) -> tuple[float | None, float | None, float | None]:
    if not (y[:, 1] > 0).any():
        return None, None, None
    if len(set(groups[y[:, 1] > 0].tolist())) < FEWEST_SUCCESSFUL:
        return float(y[:, 0].sum() / y[:, 1].sum()), None, None
    totals, sizes = group_totals([y[:, 0], y[:, 1]], groups)
    interval = cluster_bootstrap(
        totals,
        RatioOfTotals(),
        rng=np.random.default_rng(seed),
        rows=int(sizes.sum()),
        method="jackknife" if len(totals) < FEWEST_GROUPS else "auto",
    )
    return interval.estimate, max(interval.low, 0.0), interval.high
