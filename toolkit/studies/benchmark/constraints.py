"""How often constraints were kept in a benchmark, and what they cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.metrics import clustered_wilson, paired_group_bootstrap
from toolkit.studies.benchmark.decisions import CONSTRAINED, GUARDED
from toolkit.studies.benchmark.grading import TableGrades

__all__ = ["constraint_figures"]


def constraint_figures(
    grades: TableGrades, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Grade the constraints of one table.

    Parameters
    ----------
    grades : TableGrades
    rng : numpy.random.Generator

    Returns
    -------
    list of dict
        JSON types, one for each constraint: what was asked; `promised`, the share of
        problems with an action that was said to keep all of them; among those, `kept`
        with its 95 % interval over groups, `kept_by_rule` and `kept_free`, `None` where
        nothing was promised; `cost`, the constrained answers' over the free ones' in all
        problems, with its interval.
    """
    if not grades.asked:
        return []
    cost = paired_group_bootstrap(
        np.asarray(grades.regrets[CONSTRAINED]),
        np.asarray(grades.regrets[GUARDED]),
        grades.groups,
        rng=rng,
    )
    found = []
    for asked in grades.asked:
        kept = {
            line: _share(grades, by_problem)
            for line, by_problem in grades.kept[asked["name"]].items()
        }
        found.append(
            {
                **asked,
                "promised": round(float(np.mean(grades.promised)), 4),
                "kept": kept[CONSTRAINED][0],
                "kept_low": kept[CONSTRAINED][1],
                "kept_high": kept[CONSTRAINED][2],
                "kept_by_rule": kept["rule"][0],
                "kept_free": kept[GUARDED][0],
                "cost": round(float(np.exp(cost.estimate)), 4),
                "cost_low": _bounded(cost.low),
                "cost_high": _bounded(cost.high),
            }
        )
    return found


def _bounded(log_ratio: float) -> float | None:
    return round(float(np.exp(log_ratio)), 4) if np.isfinite(log_ratio) else None


def _share(
    grades: TableGrades, by_problem: Sequence[bool | None]
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Share of the promised problems in which it was kept, with its interval."""
    counts: dict[str, list[int]] = {}
    for group, promised, kept in zip(
        grades.groups, grades.promised, by_problem, strict=True
    ):
        if promised and kept is not None:
            count = counts.setdefault(group, [0, 0])
            count[0] += kept
            count[1] += 1
    if not counts:
        return None, None, None
    share = clustered_wilson([(kept, total) for kept, total in counts.values()])
    return round(share.estimate, 4), round(share.low, 4), round(share.high, 4)
