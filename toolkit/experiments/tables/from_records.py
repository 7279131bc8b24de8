"""Decision tables from feature tables: a measured store, and an observed history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables.feature_rows import (
    UNGROUPED,
    LearningTable,
    learning_table,
    typical,
)
from toolkit.models import DecisionTable, cell_log_cost, pooled_noise
from toolkit.policies import Floats, Policy, Problem
from toolkit.policies.rules import (
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["decision_rule", "measured_table", "observed_table", "run_noise"]

NO_RULE_SIZE = 4.0
"""What the batch rule answers for an operation type that the specification leaves out."""
COSTS = {
    "batch_size": "seconds per operation that succeeds",
    "agent_count": "seconds",
}


def decision_rule(decision: str) -> Policy:
    """Build the specification's rule for a decision."""
    if decision == "batch_size":
        return BatchSizeRulePolicy(BatchSizeRule(), constant=NO_RULE_SIZE)
    return AgentCountRulePolicy(AgentCountRule())


def measured_table(
    frame: "pd.DataFrame",
    *,
    decision: str,
    price_exponent: float = 0.0,
    context: Sequence[str] = (),
    rule: Policy | None = None,
) -> DecisionTable:
    """Build a table from records whose actions were assigned: a cell is a context.

    Parameters
    ----------
    frame : DataFrame
        From `features.batch_table` or `features.workflow_table`.
    decision : str
        `batch_size` or `agent_count`.
    price_exponent : float
        Money weight of a workflow's cost, 0 to 1.
    context : sequence of str
        Context columns that may be read; all of them unless given.
    rule : Policy, optional
        The specification's rule unless given.

    Raises
    ------
    NotEnoughDataError
        Where no context has several actions, or rows are too few.
    """
    learned = learning_table(
        frame, decision=decision, price_exponent=price_exponent, context=context
    )
    return _table(learned, ["context_id"], rule or decision_rule(decision))


def observed_table(
    frame: "pd.DataFrame",
    *,
    decision: str,
    price_exponent: float = 0.0,
    context: Sequence[str] = (),
    rule: Policy | None = None,
) -> DecisionTable:
    """Build a table from a history: actions compared within one session, type and model.

    These actions were not assigned, so the table teaches and proves nothing.

    Parameters
    ----------
    frame, decision, price_exponent, context, rule
        As of `measured_table`.

    Raises
    ------
    NotEnoughDataError
        Where no session has several actions, or rows are too few.
    """
    learned = learning_table(
        frame, decision=decision, price_exponent=price_exponent, context=context
    )
    cells = ["session_id", "operation_type", "model"]
    keys = [name for name in cells if name in learned.frame.columns]
    return _table(learned, keys, rule or decision_rule(decision), observed=True)


def run_noise(learned: LearningTable, groups: Sequence[str]) -> float | None:
    """Variance of the log cost of a single run, from repeats in one context and session.

    Parameters
    ----------
    learned : LearningTable
    groups : sequence of str
        Whose rows; `None` is returned where they repeat nothing.
    """
    rows = learned.rows_of(groups)
    runs = _runs(learned)
    part = learned.frame.iloc[rows].assign(_row=rows)
    names = ["context_id", "session_id", "operation_type", learned.action]
    keys = [name for name in names if name in part.columns]
    cells = part.groupby(keys, sort=True, dropna=False)["_row"]
    return pooled_noise(runs[same.to_numpy()] for _, same in cells)


def _table(
    learned: LearningTable, keys: list[str], rule: Policy, *, observed: bool = False
) -> DecisionTable:
    frame = learned.frame.assign(_row=np.arange(len(learned.frame)))
    known = frame[frame[keys[0]].notna()]
    runs = _runs(learned)
    cells = [
        (name, *cell)
        for name, part in known.groupby(keys, sort=True, dropna=False)
        if (cell := _cell(learned, part, runs)) is not None
    ]
    if not cells:
        raise NotEnoughDataError(
            f"a table of {learned.decision.replace('_', ' ')}",
            got=0,
            needed=1,
            unit="contexts in which several actions were tried",
        )
    problems = tuple(cell[2] for cell in cells)
    return DecisionTable(
        name=learned.decision,
        cost=COSTS[learned.decision],
        unit="s",
        schema=learned.schema,
        problems=problems,
        log_costs=tuple(
            np.array([cell_log_cost(each) for each in cell[3]]) for cell in cells
        ),
        groups=tuple(cell[1] for cell in cells),
        names=tuple(_name(cell[0]) for cell in cells),
        rules=tuple(rule.decide(problem).index for problem in problems),
        weights=tuple(
            np.array([float(len(each)) for each in cell[3]]) for cell in cells
        ),
        axes=(0,),
        runs=tuple(cell[3] for cell in cells),
        observed=observed,
    )


def _runs(learned: LearningTable) -> Floats:
    """List what each row spent and achieved, per attempted operation."""
    if learned.y.ndim == 1:
        spent = np.exp(learned.y)
        return np.column_stack([spent, np.ones(len(spent))])
    return learned.y


def _cell(
    learned: LearningTable, part: "pd.DataFrame", runs: Floats
) -> tuple[str, Problem, tuple[Floats, ...]] | None:
    """Make one problem of the rows of a cell: (group, problem, runs by action)."""
    actions: list[float] = []
    tried: list[Floats] = []
    for action, same in part.groupby(learned.action, sort=True):
        found = runs[same["_row"].to_numpy()]
        if found[:, 1].sum() > 0:
            actions.append(float(str(action)))
            tried.append(found)
    if len(actions) < 2:
        return None
    problem = Problem(
        context={c.name: typical(part, c.name) for c in learned.schema.context},
        action_columns=(learned.action,),
        actions=np.array(actions)[:, None],
    )
    first = part.iloc[0]
    group = next(
        (
            str(first[name])
            for name in ("group_id", "session_id")
            if _known(first, name)
        ),
        UNGROUPED,
    )
    return group, problem, tuple(tried)


def _known(row: Any, name: str) -> bool:
    return name in row.index and row[name] is not None and row[name] == row[name]


def _name(key: Any) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
