"""Decision tables from records: a measured store, and an observed history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Ints
from toolkit.bundle import FeatureSchema
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables.feature_rows import (
    ACTIONS,
    origin_of,
    schema_of,
)
from toolkit.experiments.tables.outcomes import (
    outcome_names,
    outcome_values,
    outcomes_of,
)
from toolkit.experiments.tables.single_rows import single_costs
from toolkit.models import DecisionTable, cell_log_cost
from toolkit.policies import Floats, Policy, Problem, Value
from toolkit.policies.rules import (
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NO_RULE_SIZE", "decision_rule", "recorded_table"]

NO_RULE_SIZE = 4.0
"""What the batch rule answers for an operation type that the specification leaves out."""
COSTS = {
    "batch_size": "seconds per operation that succeeds",
    "agent_count": "seconds",
}
CELLS = ("session_id", "operation_type", "model")
"""Within what an observed history compares: work of one kind, session and model, and of
one category of every declared column."""
LEAST_CHANCE_APART = 1e-4
"""Chances are logged with six digits; what differs by less is one chance."""


def decision_rule(decision: str) -> Policy:
    """Build the specification's rule for a decision."""
    if decision == "batch_size":
        return BatchSizeRulePolicy(BatchSizeRule(), constant=NO_RULE_SIZE)
    return AgentCountRulePolicy(AgentCountRule())


def recorded_table(
    rows: "pd.DataFrame",
    *,
    decision: str,
    context: Sequence[str] = (),
    rule: Policy | None = None,
) -> DecisionTable:
    """Build the table of a store's records.

    Where contexts were measured with several actions each, a problem is a context. Else
    the actions were chosen by agents: a problem is the work of one session, type and
    model, and the table teaches and proves nothing.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    decision : str
        `batch_size` or `agent_count`.
    context : sequence of str
        Context columns that may be read; all of them unless given.
    rule : Policy, optional
        The specification's rule unless given.

    Returns
    -------
    DecisionTable
        `observed` where the actions were chosen by agents.

    Raises
    ------
    NotEnoughDataError
        Where no two actions can be compared.
    UsageError
        `context` names what is no context column.
    """
    schema = schema_of(rows, decision=decision, context=context)
    action = ACTIONS[decision]
    measured = bool(rows.groupby("context_id")[action].nunique().gt(1).any())
    words = [c.name for c in schema.context if c.kind == "category"]
    together = [c for c in dict.fromkeys([*CELLS, *words]) if c in rows.columns]
    keys = ["context_id"] if measured else together
    measures = outcome_names(rows, decision=decision) if measured else ()
    cells = [
        _cell(_name(name), part, schema, decision, measures)
        for name, part in _comparable(rows, keys, action).groupby(keys, dropna=False)
    ]
    if not cells:
        raise NotEnoughDataError(
            f"a table of {decision.replace('_', ' ')}",
            got=0,
            needed=2,
            unit="groups with two actions each",
        )
    by = rule or decision_rule(decision)
    return DecisionTable(
        name=decision,
        cost=COSTS[decision],
        unit="s",
        schema=schema,
        problems=tuple(cell.problem for cell in cells),
        log_costs=tuple(
            np.array([cell_log_cost(runs) for runs in cell.runs]) for cell in cells
        ),
        groups=tuple(cell.group for cell in cells),
        names=tuple(cell.name for cell in cells),
        rules=tuple(by.decide(cell.problem).index for cell in cells),
        weights=tuple(
            np.array([float(len(runs)) for runs in cell.runs]) for cell in cells
        ),
        axes=(0,),
        runs=tuple(cell.runs for cell in cells),
        repeats=tuple(cell.repeats for cell in cells),
        observed=not measured,
        served=tuple(cell.served for cell in cells),
        latest=tuple(cell.latest for cell in cells),
        outcomes={
            name: tuple(cell.outcomes[name] for cell in cells) for name in measures
        },
        origin=origin_of(rows, schema, decision=decision),
        singles=None
        if measured or decision != "batch_size"
        else single_costs(rows, schema, action=action, context=context),
    )


def _comparable(rows: "pd.DataFrame", keys: list[str], action: str) -> "pd.DataFrame":
    """Keep the rows of cells in which at least two actions achieved something.

    In a history that agents chose those are few, and the others need not be looked at
    one by one.
    """
    known = rows[rows[keys[0]].notna()]
    cells = known.groupby(keys, dropna=False).ngroup()
    achieved = known["achieved"].groupby([cells, known[action]]).transform("sum")
    actions = known[action].where(achieved > 0)
    return known[actions.groupby(cells).transform("nunique") > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One problem with its runs."""

    name: str
    group: str
    problem: Problem
    runs: tuple[Floats, ...]
    repeats: tuple[Ints, ...]
    served: tuple[str, int] | None
    latest: datetime
    outcomes: dict[str, Floats]


def _cell(
    name: str,
    part: "pd.DataFrame",
    schema: FeatureSchema,
    decision: str,
    measures: Sequence[str],
) -> _Cell:
    """Make one problem of the rows of a cell: of the actions that achieved something."""
    action = ACTIONS[decision]
    tried = part[action].to_numpy(dtype=np.float64)
    found = part[["spent", "achieved"]].to_numpy(dtype=np.float64)
    repeat = _repeats(part)
    measured = outcome_values(part, measures, decision=decision)
    actions: list[float] = []
    runs: list[Floats] = []
    repeats: list[Ints] = []
    outcomes: list[dict[str, float]] = []
    for value in np.unique(tried[~np.isnan(tried)]):
        same = tried == value
        if found[same, 1].sum() > 0:
            actions.append(float(value))
            runs.append(found[same])
            repeats.append(repeat[same])
            of_action = {name: each[same] for name, each in measured.items()}
            outcomes.append(outcomes_of(of_action, decision=decision))
    problem = Problem(
        context={c.name: _typical(part, c.name) for c in schema.context},
        action_columns=(action,),
        actions=np.array(actions)[:, None],
    )
    return _Cell(
        name=name,
        group=str(part["group"].iloc[0]),
        problem=problem,
        runs=tuple(runs),
        repeats=tuple(repeats),
        served=_served(part, action, np.array(actions)),
        latest=part["at"].max().to_pydatetime(),
        outcomes={
            name: np.array([found[name] for found in outcomes]) for name in measures
        },
    )


def _repeats(part: "pd.DataFrame") -> Ints:
    """Count the sessions of a cell from 0, each a repeat, in the order of their names."""
    sessions = [str(session) for session in part["session_id"]]
    order = sorted(set(sessions), key=_turn)
    places = {session: place for place, session in enumerate(order)}
    return np.array([places[session] for session in sessions], dtype=np.int64)


def _turn(session: str) -> tuple[int, str]:
    """Order of a repeat: the number at its end."""
    number = session.rpartition("-")[2]
    return (int(number) if number.isdigit() else 0, session)


def _served(
    part: "pd.DataFrame", action: str, actions: Floats
) -> tuple[str, int] | None:
    """Read from the logged chances what the policy in force took when not exploring.

    That action has the largest chance; explored ones share a smaller one.
    """
    if not {"policy_version", "propensity"} <= set(part.columns):
        return None
    drawn = part[part["propensity"].notna() & part["policy_version"].notna()]
    if drawn.empty:
        return None
    versions = sorted(set(drawn["policy_version"].astype(str)))
    if len(versions) != 1:
        return None
    chances = drawn["propensity"].to_numpy(dtype=np.float64)
    if chances.max() - chances.min() < LEAST_CHANCE_APART:
        return None
    taken = float(drawn[action].iloc[int(chances.argmax())])
    places = np.flatnonzero(actions == taken)
    return (versions[0], int(places[0])) if len(places) else None


def _typical(part: "pd.DataFrame", name: str) -> Value:
    """Read what a column usually holds: the median of numbers, the first category."""
    values = part[name].dropna()
    if values.empty:
        return None
    if values.dtype == object or str(values.dtype) in ("str", "string", "category"):
        return str(values.iloc[0])
    return float(values.median())


def _name(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return "/".join(str(part) for part in parts if part is not None and part == part)
