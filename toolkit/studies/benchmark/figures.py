"""Figures of a benchmark: every line with its interval, wins and losses alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.metrics import (
    geometric_mean_slowdown,
    group_bootstrap,
    paired_group_bootstrap,
    share_within,
)
from toolkit.studies.benchmark.calibration import (
    calibration_figures,
    group_shares,
)
from toolkit.studies.benchmark.constraints import constraint_figures
from toolkit.studies.benchmark.decisions import BUDGETS, OURS, few_shot
from toolkit.studies.benchmark.grading import TableGrades
from toolkit.studies.benchmark.promises import broken_promises

__all__ = ["Comparison", "LineFigures", "compare_lines", "line_figures", "report"]

TIE = 0.02
"""Differences of log cost below this are the noise between replicates."""
LEAST_GROUPS = 6
"""A claim for one table needs as many groups."""
OPPONENTS = (
    "rule",
    "grid middle",
    "best constant",
    "best constant in hindsight",
    "simple ensemble",
    "random",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """One line of one table.

    Attributes
    ----------
    slowdown : float
        Geometric mean of chosen over best cost.
    low, high : float
        95 % interval of it over groups.
    within_5, within_10, normalised : float
        Share of problems within 5 and 10 % of the best; mean place between best and
        worst.
    """

    slowdown: float
    low: float
    high: float
    within_5: float
    within_10: float
    normalised: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Our line against another.

    Attributes
    ----------
    against : str
    ratio : float
        Our mean cost over theirs, geometric; below 1 is cheaper.
    low, high : float
        95 % interval, paired over groups.
    groups : int
    verdict : str
        `win`, `loss`, `tie`, or `not shown` where the interval holds 1 or there are
        fewer than six groups.
    """

    against: str
    ratio: float
    low: float
    high: float
    groups: int
    verdict: str


def line_figures(
    grades: TableGrades, line: str, rng: np.random.Generator
) -> LineFigures:
    """Compute one line's figures."""
    regrets = np.asarray(_regrets(grades, line))
    bounds = group_bootstrap(regrets, grades.groups, rng=rng)
    ratios = np.exp(regrets)
    normalised = grades.normalised.get(line)
    return LineFigures(
        slowdown=geometric_mean_slowdown(ratios),
        low=float(np.exp(max(bounds.low, 0.0))),
        high=float(np.exp(bounds.high)),
        within_5=share_within(ratios, 0.05),
        within_10=share_within(ratios, 0.10),
        normalised=float(np.mean(normalised)) if normalised else float("nan"),
    )


def compare_lines(
    tables: Sequence[TableGrades],
    ours: str,
    against: str,
    rng: np.random.Generator,
) -> Comparison:
    """Compare two lines on one table, or pooled over several with groups kept apart."""
    mine = np.concatenate([_regrets(grades, ours) for grades in tables])
    other = np.concatenate([_regrets(grades, against) for grades in tables])
    groups = [f"{g.name}|{group}" for g in tables for group in g.groups]
    bounds = paired_group_bootstrap(mine, other, groups, rng=rng)
    return Comparison(
        against=against,
        ratio=float(np.exp(bounds.estimate)),
        low=float(np.exp(bounds.low)),
        high=float(np.exp(bounds.high)),
        groups=bounds.groups,
        verdict=_verdict(bounds.estimate, bounds.excludes_zero, bounds.groups),
    )


def _verdict(difference: float, excludes_zero: bool, groups: int) -> str:  # noqa: FBT001 - a fact about an interval, not an option
    if abs(difference) < TIE:
        return "tie"
    if groups < LEAST_GROUPS or not excludes_zero:
        return "not shown"
    return "win" if difference < 0 else "loss"


def _regrets(grades: TableGrades, line: str) -> list[float]:
    return grades.regrets[line]


def report(results: Sequence[TableGrades], *, seed: int) -> dict[str, Any]:
    """Collect every figure of a benchmark as JSON types.

    Parameters
    ----------
    results : sequence of TableGrades
        Any tables and seeds.
    seed : int
        Whose grades are reported in full, and that of the bootstrap; the other seeds
        say how much is a seed's doing.

    Returns
    -------
    dict
    """
    rng = np.random.default_rng(seed)
    first = [grades for grades in results if grades.seed == seed]
    rows = [_table_report(grades, rng) for grades in first]
    return {
        "tables": rows,
        "pooled": {
            "comparisons": [
                _plain(compare_lines(first, OURS, line, rng))
                for line in (*OPPONENTS, few_shot("own runs only", 3))
                if all(line in grades.regrets for grades in first)
            ],
            "few_shot_comparisons": [
                _plain(
                    compare_lines(
                        first, few_shot(OURS, k), few_shot("own runs only", k), rng
                    )
                )
                for k in BUDGETS
            ],
            "mean_log_slowdown": _pooled_slowdowns(first),
            "share_within_10": _pooled_shares(first),
        },
        "calibration": calibration_figures(first),
        "broken_promises": [broken.to_json() for broken in broken_promises(first)],
        "three_own_runs": _three_own_runs(first),
        "by_seed": _by_seed(results),
    }


def _table_report(grades: TableGrades, rng: np.random.Generator) -> dict[str, Any]:
    lines = list(grades.regrets)
    opponents = [line for line in OPPONENTS if line in grades.regrets]
    covered = np.asarray(grades.covered)
    groups = np.asarray(grades.groups)
    return {
        "table": grades.name,
        "cost": grades.cost,
        "seed": grades.seed,
        "problems": len(grades.groups),
        "groups": len(set(grades.groups)),
        "lines": {line: _plain(line_figures(grades, line, rng)) for line in lines},
        "comparisons": [
            _plain(compare_lines([grades], OURS, line, rng)) for line in opponents
        ],
        "coverage": float(
            np.mean([covered[groups == group].mean() for group in set(grades.groups)])
        ),
        "half_width_factor": float(np.exp(np.mean(grades.half_width))),
        "weights": _mean_weights(grades),
        "constraints": constraint_figures(grades, rng),
    }


def _slowdown(grades: TableGrades, line: str) -> float:
    return round(float(np.exp(np.mean(grades.regrets[line]))), 4)


def _by_seed(results: Sequence[TableGrades]) -> list[dict[str, Any]]:
    """Give the main figures of each seed: how much is the seed's doing."""
    found = []
    for seed in sorted({grades.seed for grades in results}):
        mine = [grades for grades in results if grades.seed == seed]
        shares = group_shares(mine, 1.0)
        means = _pooled_slowdowns(mine)
        found.append(
            {
                "seed": seed,
                "rows": len(mine),
                "slowdown": means[OURS],
                "slowdown_by_row": {
                    f"{g.name}, {g.cost}": _slowdown(g, OURS) for g in mine
                },
                "slowdown_after_three_runs": means[few_shot(OURS, 3)],
                "share_within_10": _pooled_shares(mine)["of problems"],
                "coverage_over_groups": float(shares.mean()),
                "share_of_groups_under_80": float((shares < 0.8).mean()),
            }
        )
    return found


def _three_own_runs(results: Sequence[TableGrades]) -> list[dict[str, Any]]:
    """Hold history and three runs against either alone, row by row."""
    found = []
    for grades in results:
        ours, history, alone = (
            _slowdown(grades, line)
            for line in (few_shot(OURS, 3), OURS, few_shot("own runs only", 3))
        )
        found.append(
            {
                "table": grades.name,
                "cost": grades.cost,
                "history_and_runs": ours,
                "history_alone": history,
                "runs_alone": alone,
                "at_least_as_good": bool(ours <= min(history, alone) + 1e-9),
                "within_a_tie": bool(np.log(ours / min(history, alone)) < TIE),
            }
        )
    return found


def _mean_weights(grades: TableGrades) -> dict[str, float]:
    rows = list(grades.weights.values())
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _pooled_slowdowns(results: Sequence[TableGrades]) -> dict[str, float]:
    """Average log slowdowns over rows, as a slowdown."""
    shared = set.intersection(*(set(grades.regrets) for grades in results))
    return {
        line: float(np.exp(np.mean([np.mean(g.regrets[line]) for g in results])))
        for line in sorted(shared)
    }


def _pooled_shares(results: Sequence[TableGrades]) -> dict[str, float]:
    ours = [np.exp(grades.regrets[OURS]) for grades in results]
    return {
        "of problems": share_within(np.concatenate(ours), 0.10),
        "mean of rows": float(np.mean([share_within(row, 0.10) for row in ours])),
    }


def _plain(value: LineFigures | Comparison) -> dict[str, Any]:
    return {name: _rounded(getattr(value, name)) for name in value.__dataclass_fields__}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    # A few groups may bound nothing: JSON has no infinity, and absence says it.
    return round(value, 4) if np.isfinite(value) else None
