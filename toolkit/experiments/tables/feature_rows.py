"""A feature table made ready for learning: encoded rows, targets, groups, contexts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import Column, FeatureSchema, Float32s, Support
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.features import (
    BATCH_CONTEXT,
    WORKFLOW_CONTEXT,
    batch_schema,
    workflow_schema,
)
from toolkit.policies import Floats, Problem, Value

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEWEST_ROWS",
    "UNGROUPED",
    "LearningTable",
    "MeasuredProblem",
    "learning_table",
    "typical",
]

FEWEST_ROWS = 60
"""Rows below which nothing is fitted: three folds of a dozen columns each."""

FEWEST_GROUPS = 4
"""Groups below which nothing can be left out and still be learned from."""

UNGROUPED = "unknown"

LEAST_CHANCE_APART = 1e-4
"""Chances are logged with six digits; what differs by less is one chance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredProblem:
    """A context in which several actions were measured, so that the best is known.

    Attributes
    ----------
    name, group : str
    problem : Problem
        Its actions ascend.
    features : array of shape (n_actions, width)
    log_cost : array of shape (n_actions,)
        Measured.
    served : (str, int) or None
        Version of the policy that was in force, and the index of the action it took
        where it did not explore; `None` where no chance was logged that tells them.
    halves : (array, array) or None
        Log costs, each of shape (n_actions,), of the even and of the odd repeats;
        `None` where some action has no two repeats.
    """

    name: str
    group: str
    problem: Problem
    features: Float32s
    log_cost: Floats
    served: tuple[str, int] | None = None
    halves: tuple[Floats, Floats] | None = None

    def slowdown(self, index: int) -> float:
        """Log cost of an action over the best, graded on repeats that did not name it.

        The best action of one half of the repeats is the reference on the other half;
        the mean of both ways. Where there are no halves, the least of all costs is the
        reference, and noise counts as slowdown.
        """
        if self.halves is None:
            return float(self.log_cost[index] - self.log_cost.min())
        return float(
            np.mean(
                [
                    graded[index] - graded[int(np.argmin(chosen))]
                    for chosen, graded in (self.halves, self.halves[::-1])
                ]
            )
        )

    @property
    def noise_floor(self) -> float | None:
        """What the best action of one half loses on the other half, in log cost."""
        if self.halves is None:
            return None
        return float(
            np.mean(
                [
                    graded[int(np.argmin(chosen))] - graded.min()
                    for chosen, graded in (self.halves, self.halves[::-1])
                ]
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearningTable:
    """Rows that a model may learn from.

    Attributes
    ----------
    decision, action : str
        What is decided, and the column of the action.
    frame : DataFrame
    schema : FeatureSchema
    X : array of shape (n, width)
    y : array of shape (n, 2) or (n,)
        Seconds per attempted operation and share of success; or log cost.
    groups : array of str, shape (n,)
    problems : tuple of MeasuredProblem
        Empty where no context had several actions: an observational history.
    """

    decision: str
    action: str
    frame: "pd.DataFrame"
    schema: FeatureSchema
    X: Float32s
    y: Floats
    groups: NDArray[np.object_]
    problems: tuple[MeasuredProblem, ...]

    @property
    def log_cost(self) -> Floats:
        """Log cost of each row alone, shape (n,); NaN where nothing succeeded."""
        if self.y.ndim == 1:
            return self.y
        share = np.where(self.y[:, 1] > 0, self.y[:, 1], np.nan)
        return np.asarray(np.log(self.y[:, 0]) - np.log(share))

    @property
    def measured(self) -> bool:
        """Whether enough groups have problems with several measured actions."""
        return len({problem.group for problem in self.problems}) >= FEWEST_GROUPS

    def rows_of(self, groups: Sequence[str]) -> NDArray[np.intp]:
        """List the rows of some groups."""
        return np.flatnonzero(np.isin(self.groups, list(groups)))

    def problems_of(self, groups: Sequence[str]) -> list[MeasuredProblem]:
        """List the measured problems of some groups."""
        chosen = set(groups)
        return [problem for problem in self.problems if problem.group in chosen]

    def support(self, groups: Sequence[str] | None = None) -> Support:
        """Count the rows behind each action and note the ranges of the context.

        Parameters
        ----------
        groups : sequence of str, optional
            Whose rows; all unless given.
        """
        chosen = slice(None) if groups is None else self.rows_of(groups)
        frame = self.frame.iloc[chosen]
        column = "operation_type" if self.decision == "batch_size" else None
        keys = frame[column].astype(str) if column else [""] * len(frame)
        counts: dict[str, dict[float, int]] = {}
        for key, action in zip(keys, frame[self.action], strict=True):
            row = counts.setdefault(key, {})
            row[float(action)] = row.get(float(action), 0) + 1
        ranges = {}
        for declared in self.schema.context:
            if declared.kind == "number":
                known = frame[declared.name].dropna()
                if known.empty:
                    continue
                ranges[declared.name] = (float(known.min()), float(known.max()))
        return Support(
            column=column,
            counts={key: tuple(sorted(row.items())) for key, row in counts.items()},
            ranges=ranges,
        )

    def constant(self, groups: Sequence[str]) -> float:
        """Best single action in the measured problems of some groups.

        Where there are none, the median action of their rows stands in.
        """
        problems = self.problems_of(groups)
        if not problems:
            return float(self.frame[self.action].iloc[self.rows_of(groups)].median())
        excess: dict[float, list[float]] = {}
        for problem in problems:
            for action, cost in zip(
                problem.problem.actions[:, 0], problem.log_cost, strict=True
            ):
                excess.setdefault(float(action), []).append(
                    float(cost - problem.log_cost.min())
                )
        most = max(len(values) for values in excess.values())
        common = {a: v for a, v in excess.items() if len(v) >= most / 2}
        return min(common, key=lambda action: float(np.mean(common[action])))


def learning_table(
    frame: "pd.DataFrame",
    *,
    decision: str,
    price_exponent: float,
    context: Sequence[str] = (),
) -> LearningTable:
    """Keep the rows whose cost is known and encode them.

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

    Raises
    ------
    NotEnoughDataError
        With too few rows or groups.
    UsageError
        `context` names what is no context column.
    """
    declared: tuple[Column, ...]
    if decision == "batch_size":
        kept, y = _batch_targets(frame)
        action, declared = "size", BATCH_CONTEXT
    else:
        kept, y = _workflow_targets(frame, price_exponent)
        action, declared = "agents", WORKFLOW_CONTEXT
    names = [column.name for column in declared]
    for name in context:
        if name not in names:
            raise UsageError.unknown("context column", name, names)
    known = [n for n in context or names if kept[n].notna().any()]
    kept = kept.astype(dict.fromkeys(known, "float64"))
    schema = (
        batch_schema(list(kept["operation_type"].astype(str)), known=known)
        if decision == "batch_size"
        else workflow_schema(known=known)
    )
    groups = kept["group_id"].fillna(kept["session_id"]).fillna(UNGROUPED)
    _check_size(decision, kept, len(set(groups)))
    X = schema.encode_table({name: kept[name].to_numpy() for name in kept.columns})
    return LearningTable(
        decision=decision,
        action=action,
        frame=kept,
        schema=schema,
        X=X,
        y=y,
        groups=groups.astype(object).to_numpy(),
        problems=tuple(_problems(kept, y, schema, action)),
    )


def _check_size(decision: str, kept: "pd.DataFrame", groups: int) -> None:
    what = f"a model of {decision.replace('_', ' ')}"
    if len(kept) < FEWEST_ROWS:
        raise NotEnoughDataError(
            what, got=len(kept), needed=FEWEST_ROWS, unit="rows with a known cost"
        )
    if groups < FEWEST_GROUPS:
        raise NotEnoughDataError(
            what, got=groups, needed=FEWEST_GROUPS, unit="groups to leave out"
        )


def _batch_targets(frame: "pd.DataFrame") -> tuple["pd.DataFrame", Floats]:
    ended = frame["succeeded"] + frame["failed"] + frame["cancelled"]
    usable = (
        frame["cycle_s"].gt(0)
        & ended.gt(0)
        & ~frame["censored"].astype("boolean").fillna(value=False)
    )
    kept = frame[usable.fillna(value=False)].reset_index(drop=True)
    size = kept["size"].to_numpy(dtype=np.float64)
    share = (kept["succeeded"] / ended[usable].to_numpy()).to_numpy(dtype=np.float64)
    seconds = kept["cycle_s"].to_numpy(dtype=np.float64) / size
    return kept, np.column_stack([seconds, share])


def _workflow_targets(
    frame: "pd.DataFrame", price_exponent: float
) -> tuple["pd.DataFrame", Floats]:
    usable = frame["makespan_s"].gt(0) & frame["outcome"].ne("failed")
    if price_exponent > 0:
        usable &= frame["agent_seconds"].gt(0)
    kept = frame[usable.fillna(value=False)].reset_index(drop=True)
    time = np.log(kept["makespan_s"].to_numpy(dtype=np.float64))
    if price_exponent == 0:
        return kept, time
    money = np.log(kept["agent_seconds"].to_numpy(dtype=np.float64))
    return kept, (1 - price_exponent) * time + price_exponent * money


def _problems(
    kept: "pd.DataFrame", y: Floats, schema: FeatureSchema, action: str
) -> list[MeasuredProblem]:
    problems = []
    rows = kept[kept["context_id"].notna()]
    for name, part in rows.groupby("context_id", sort=True):
        actions = np.array(sorted(part[action].unique()), dtype=np.float64)
        if len(actions) < 2:
            continue
        log_cost = np.array(
            [_measured(y[part.index[part[action] == value]]) for value in actions]
        )
        if not np.isfinite(log_cost).all():
            continue
        context = {c.name: typical(part, c.name) for c in schema.context}
        group = part["group_id"].iloc[0] or part["session_id"].iloc[0] or UNGROUPED
        problem = Problem(
            context=context, action_columns=(action,), actions=actions[:, None]
        )
        problems.append(
            MeasuredProblem(
                name=str(name),
                group=str(group),
                problem=problem,
                features=schema.encode(problem),
                log_cost=log_cost,
                served=_served(part, action, actions),
                halves=_halves(part, y, action, actions),
            )
        )
    return problems


def _halves(
    part: "pd.DataFrame", y: Floats, action: str, actions: Floats
) -> tuple[Floats, Floats] | None:
    """Measure each action on the even and on the odd repeats (sessions) alone."""
    sessions = part["session_id"].map(str)
    order = {name: place for place, name in enumerate(sorted(set(sessions), key=_turn))}
    odd = sessions.map(order).to_numpy() % 2 == 1
    halves = []
    for half in (~odd, odd):
        same = part[half]
        costs = [same.index[same[action] == value] for value in actions]
        if any(len(rows) == 0 for rows in costs):
            return None
        halves.append(np.array([_measured(y[rows]) for rows in costs]))
    if not all(np.isfinite(half).all() for half in halves):
        return None
    return halves[0], halves[1]


def _turn(session: str) -> tuple[int, str]:
    """Order of a repeat: the number at its end."""
    number = str(session).rpartition("-")[2]
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
    versions = sorted(set(drawn["policy_version"].astype(str)))
    if len(versions) != 1:
        return None
    chances = drawn["propensity"].to_numpy(dtype=np.float64)
    if chances.max() - chances.min() < LEAST_CHANCE_APART:
        return None
    taken = float(drawn[action].iloc[int(chances.argmax())])
    return versions[0], int(np.searchsorted(actions, taken))


def _measured(y: Floats) -> float:
    """Log cost of repeated measurements of one action in one context."""
    if y.ndim == 1:
        return float(y.mean())
    total, succeeded = y.sum(axis=0)
    return float(np.log(total) - np.log(succeeded)) if succeeded > 0 else np.inf


def typical(part: "pd.DataFrame", name: str) -> Value:
    """Read what a column usually holds: the median of numbers, the first category."""
    values = part[name].dropna()
    if values.empty:
        return None
    if values.dtype == object or str(values.dtype) in ("str", "string", "category"):
        return str(values.iloc[0])
    return float(values.median())
