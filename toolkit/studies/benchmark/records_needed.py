"""How many records it takes until a learned answer is better, with 95 % confidence.

A record is one row: one action of one problem that was tried. Whole problems of the
training groups are drawn, groups in turn, until so many records are reached; groups
with nothing drawn teach nothing. The decisions of every held-out group are then compared
with the rule's and with the best constant's, paired over groups. The constant is the
one that *all* other groups' records would name: the strongest there is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.experiments.evaluation import (
    ConstantGrades,
    log_slowdowns,
)
from toolkit.metrics import paired_group_bootstrap
from toolkit.models import DecisionTable, Stack
from toolkit.policies import Floats

__all__ = ["RECORDS", "SampleEfficiency", "sample_efficiency"]

RECORDS = (24, 48, 96, 192, 384)
FOLDS = 8
LEAST_GROUPS = 3
"""Groups that a draw must touch: one is left out inside, two remain."""
CLAIM_GROUPS = 6
"""With fewer groups nothing is claimed, however large the gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEfficiency:
    """What a table's records buy.

    Attributes
    ----------
    table, cost : str
    groups : int
    slowdowns : mapping of records to float
        Geometric-mean slowdown on unseen groups.
    better_than_rule, better_than_constant : int or None
        Least number of records from which on the interval lies below 0; `None` is *not
        reached*.
    """

    table: str
    cost: str
    groups: int
    slowdowns: dict[int, float]
    better_than_rule: int | None
    better_than_constant: int | None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "table": self.table,
            "cost": self.cost,
            "groups": self.groups,
            "slowdowns": {str(n): round(v, 4) for n, v in self.slowdowns.items()},
            "better_than_rule": self.better_than_rule or "not reached",
            "better_than_constant": self.better_than_constant or "not reached",
        }


def sample_efficiency(
    table: DecisionTable,
    ensemble: Stack,
    *,
    seed: int,
    progress: Callable[[str], None],
    records: Sequence[int] = RECORDS,
) -> SampleEfficiency:
    """Grade an ensemble that has seen so many records, for each number of records.

    Parameters
    ----------
    table : DecisionTable
    ensemble : Stack
        Fitted once for each number of records.
    seed : int
        Of the folds and of the order in which groups become known.
    progress : callable
        Takes a line for people.
    records : sequence of int
        How many problems each ensemble has seen.

    Returns
    -------
    SampleEfficiency
    """
    rng = np.random.default_rng(seed)
    folds = np.array_split(
        rng.permutation(np.array(table.group_names)),
        min(FOLDS, len(table.group_names)),
    )
    opponents = _opponents(table, folds)
    slowdowns: dict[int, float] = {}
    shown: dict[str, list[int]] = {name: [] for name in opponents}
    graded: list[int] = []
    for count in records:
        mine = _regrets(table, folds, ensemble, count, rng)
        if mine is None:
            continue
        graded.append(count)
        slowdowns[count] = float(np.exp(mine.mean()))
        for name, other in opponents.items():
            bounds = paired_group_bootstrap(mine, other, table.groups, rng=rng)
            if bounds.high < 0 and bounds.groups >= CLAIM_GROUPS:
                shown[name].append(count)
        progress(f"{table.title}: {count} records graded")
    return SampleEfficiency(
        table=table.name,
        cost=table.cost,
        groups=len(table.group_names),
        slowdowns=slowdowns,
        better_than_rule=_from_then_on(graded, shown["rule"]),
        better_than_constant=_from_then_on(graded, shown["constant"]),
    )


def _from_then_on(graded: Sequence[int], shown: Sequence[int]) -> int | None:
    """Find the least number from which on every larger one was shown better too."""
    reached = None
    for count in reversed(graded):
        if count not in shown:
            break
        reached = count
    return reached


def _opponents(table: DecisionTable, folds: Sequence[Any]) -> dict[str, Floats]:
    rules = log_slowdowns(table, list(table.rules))
    grades = ConstantGrades.of(table)
    constant = np.zeros(len(table.problems))
    for fold in folds:
        out = np.isin(table.groups, fold)
        constant[out] = grades.regrets[grades.best(~out), out]
    return {"rule": rules, "constant": constant}


def _regrets(
    table: DecisionTable,
    folds: Sequence[Any],
    ensemble: Stack,
    count: int,
    rng: np.random.Generator,
) -> Floats | None:
    """Grade every problem by a model that saw `count` records of other folds."""
    regrets = np.zeros(len(table.problems))
    for fold in folds:
        out = np.flatnonzero(np.isin(table.groups, fold))
        drawn = _drawn(table, set(fold.tolist()), count, rng)
        if drawn is None:
            return None
        fitted = ensemble.fit(drawn)
        held_out = table.of_problems(out.tolist())
        rows = held_out.rows()
        predicted = fitted.predict(rows.X)
        chosen = [
            int(np.argmin(predicted[rows.problem == place]))
            for place in range(len(out))
        ]
        regrets[out] = log_slowdowns(held_out, chosen)
    return regrets


def _drawn(
    table: DecisionTable, without: set[str], count: int, rng: np.random.Generator
) -> DecisionTable | None:
    """Draw whole problems, groups in turn, until `count` records; `None` if too few."""
    queues = [
        rng.permutation([i for i, g in enumerate(table.groups) if g == group]).tolist()
        for group in rng.permutation(table.group_names).tolist()
        if group not in without
    ]
    taken: list[int] = []
    total = 0
    while total < count and any(queues):
        for queue in queues:
            if queue and total < count:
                taken.append(int(queue.pop()))
                total += len(table.log_costs[taken[-1]])
    groups = {table.groups[place] for place in taken}
    if total < count or len(groups) < LEAST_GROUPS:
        return None
    return table.of_problems(sorted(taken))
