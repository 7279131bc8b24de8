"""Whether a benchmark's intervals and confidences hold on groups that were not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics import expected_calibration_error
from toolkit.studies.benchmark.decisions import OURS
from toolkit.studies.benchmark.grading import TableGrades

__all__ = ["calibration_figures", "group_shares"]

WIDENINGS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0)
"""Multiples of the intervals' half widths in the trade-off curve."""
LARGE = 6
"""Groups from which on a table's coverage and calibration are separate figures."""
ROW_TARGET = 0.15
"""Calibration error that a single table is to stay within."""
REPEATS = 2000
"""Times that a perfect forecaster is asked."""


def calibration_figures(results: Sequence[TableGrades]) -> dict[str, Any]:
    """Compute calibration, coverage over groups and what wider intervals would buy.

    Parameters
    ----------
    results : sequence of TableGrades
        Of one seed.
    """
    stated = np.concatenate([grades.confidence for grades in results])
    came_true = np.concatenate([_no_worse_than_rule(grades) for grades in results])
    half = stated >= np.median(stated)
    shares = group_shares(results, 1.0)
    return {
        "expected_calibration_error": expected_calibration_error(stated, came_true),
        "confident_half_no_worse_than_rule": float(came_true[half].mean()),
        "coverage_over_groups": float(shares.mean()),
        "share_of_groups_under_80": float((shares < 0.8).mean()),
        "half_width_factor": float(
            np.exp(np.mean(np.concatenate([g.half_width for g in results])))
        ),
        "half_width_factor_at_our_choice": float(
            np.exp(np.mean(np.concatenate([g.half_width_chosen for g in results])))
        ),
        "groups": len(shares),
        "rows": [_row_calibration(g) for g in results if len(set(g.groups)) >= LARGE],
        "trade_off": [_widened(results, by) for by in WIDENINGS],
    }


def _no_worse_than_rule(grades: TableGrades) -> NDArray[np.bool_]:
    ours, rule = np.asarray(grades.regrets[OURS]), np.asarray(grades.regrets["rule"])
    return np.asarray(ours <= rule + 1e-9)


def _row_calibration(grades: TableGrades) -> dict[str, Any]:
    """Compute one table's calibration error, and that of a perfect forecaster there.

    Problems of a group come true together, more or less. One by one gives the least
    error that luck alone makes, all of a group together the most.
    """
    stated = np.asarray(grades.confidence)
    names, group = np.unique(grades.groups, return_inverse=True)
    return {
        "table": grades.name,
        "cost": grades.cost,
        "groups": len(names),
        "problems": len(stated),
        "expected_calibration_error": expected_calibration_error(
            stated, _no_worse_than_rule(grades)
        ),
        "of_a_perfect_forecaster": {
            "one_by_one": _perfect(stated, np.arange(len(stated)), grades.seed),
            "groups_together": _perfect(stated, group, grades.seed),
        },
    }


def _perfect(
    stated: NDArray[np.float64], alike: NDArray[np.intp], seed: int
) -> dict[str, float]:
    """Ask a forecaster whose stated probabilities are right; `alike` share their luck."""
    rng = np.random.default_rng(seed)
    luck = rng.random((REPEATS, int(alike.max()) + 1))
    errors = np.array(
        [expected_calibration_error(stated, row[alike] < stated) for row in luck]
    )
    return {
        "mean": float(errors.mean()),
        "at_most_in_95_percent": float(np.quantile(errors, 0.95)),
        "share_above_target": float((errors > ROW_TARGET).mean()),
    }


def group_shares(results: Sequence[TableGrades], by: float) -> NDArray[np.float64]:
    """Share of actions inside intervals widened by a factor, groups of tables apart.

    Problems of a group weigh alike, whatever their number of actions.
    """
    shares = []
    for grades in results:
        inside = np.array([np.mean(np.asarray(row) <= by) for row in grades.reach])
        groups = np.asarray(grades.groups)
        shares += [inside[groups == g].mean() for g in sorted(set(grades.groups))]
    return np.array(shares)


def _widened(results: Sequence[TableGrades], by: float) -> dict[str, float | None]:
    """Report one point of the trade-off between width and groups that are missed."""
    shares = group_shares(results, by)
    widths = np.concatenate([grades.half_width for grades in results])
    large = [g for g in results if len(set(g.groups)) >= LARGE]
    return {
        "widened_by": by,
        "coverage_over_groups": float(shares.mean()),
        "share_of_groups_under_80": float((shares < 0.8).mean()),
        "half_width_factor": float(np.exp(np.mean(widths) * by)),
        "least_table": min(
            (float(group_shares([g], by).mean()) for g in large), default=None
        ),
    }
