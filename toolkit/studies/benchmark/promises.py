"""What a learned answer promises on every single table, and where it was not kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.studies.benchmark.decisions import OURS, few_shot
from toolkit.studies.benchmark.grading import TableGrades

__all__ = ["Broken", "broken_promises"]

SLACK = 0.02
"""Share by which an answer may be worse: the noise between replicates."""
RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A promise that was not kept on one table.

    Attributes
    ----------
    table, cost : str
    promise : str
    slowdown, against : float
        Ours, and that of the better opponent.
    """

    table: str
    cost: str
    promise: str
    slowdown: float
    against: float

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "table": self.table,
            "cost": self.cost,
            "promise": self.promise,
            "slowdown": round(self.slowdown, 4),
            "against": round(self.against, 4),
        }


def broken_promises(results: Sequence[TableGrades]) -> list[Broken]:
    """List where ours is worse than the better of rule and constant, or runs alone.

    Parameters
    ----------
    results : sequence of TableGrades
        Of one seed.
    """
    alone = few_shot("own runs only", RUNS)
    promises = (
        ("no worse than rule and constant", OURS, ("rule", "best constant")),
        (f"no worse than {RUNS} own runs alone", few_shot(OURS, RUNS), (alone,)),
    )
    found = []
    for grades in results:
        for promise, ours, others in promises:
            slowdown = _slowdown(grades, ours)
            against = min(_slowdown(grades, line) for line in others)
            if slowdown > against * (1 + SLACK):
                found.append(
                    Broken(
                        table=grades.name,
                        cost=grades.cost,
                        promise=promise,
                        slowdown=slowdown,
                        against=against,
                    )
                )
    return found


def _slowdown(grades: TableGrades, line: str) -> float:
    return float(np.exp(np.mean(grades.regrets[line])))
