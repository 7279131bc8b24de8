"""Problems of a history in which agents chose the actions: one a group and type."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.experiments.tables.feature_rows import LearningTable, MeasuredProblem
from toolkit.policies import Problem

__all__ = ["observed_problems"]


def observed_problems(
    table: LearningTable, groups: Sequence[str]
) -> list[MeasuredProblem]:
    """Make problems of an observational history: one a group and operation type.

    The cost of a size is the ratio of that group's totals. The sizes were not assigned
    at random, so these problems serve to measure errors, never to prove a gain.
    """
    rows = table.rows_of(groups)
    part = table.frame.iloc[rows].assign(
        _row=rows, _group=table.groups[rows], _type=table.frame.get("operation_type")
    )
    keys = ["_group", "_type"] if table.decision == "batch_size" else ["_group"]
    problems = []
    for _, cell in part.groupby(keys, sort=True, dropna=False):
        actions, costs = [], []
        for action, same in cell.groupby(table.action, sort=True):
            cost = _cost_of(table, same["_row"].to_numpy())
            if np.isfinite(cost):
                actions.append(float(str(action)))
                costs.append(cost)
        if len(actions) >= 2:
            problems.append(_problem(table, cell, actions, costs))
    return problems


def _cost_of(table: LearningTable, rows: NDArray[np.intp]) -> float:
    y = table.y[rows]
    if y.ndim == 1:
        return float(y.mean())
    seconds, succeeded = y.sum(axis=0)
    return float(np.log(seconds) - np.log(succeeded)) if succeeded > 0 else np.inf


def _problem(
    table: LearningTable, cell: Any, actions: list[float], costs: list[float]
) -> MeasuredProblem:
    context: dict[str, float | str | None] = {}
    for column in table.schema.context:
        known = cell[column.name].dropna()
        if known.empty:
            context[column.name] = None
        elif column.kind == "category":
            context[column.name] = str(known.iloc[0])
        else:
            context[column.name] = float(known.median())
    problem = Problem(
        context=context,
        action_columns=(table.action,),
        actions=np.array(actions)[:, None],
    )
    return MeasuredProblem(
        name=str(cell["_group"].iloc[0]),
        group=str(cell["_group"].iloc[0]),
        problem=problem,
        features=table.schema.encode(problem),
        log_cost=np.array(costs),
    )
