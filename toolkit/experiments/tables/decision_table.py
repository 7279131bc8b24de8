"""Decision tables: every action of every problem was tried, so the best one is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputDataError, NotEnoughDataError, UsageError
from toolkit.models import RelativeLayout, RelativeRows
from toolkit.policies import Floats, Problem, distinct_axes, offered_columns

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DecisionTable", "read_decision_tables"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
KEYS = ("problem", "group", "action")
WORKERS = "a_n"
"""The action column that is a number of workers, in every table."""
LEAST_GROUPS = 3
"""One group is held out; the rest must hold two, so that one more can be left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionTable:
    """One table and one of its costs.

    Attributes
    ----------
    name, cost : str
    problems : tuple of Problem
        What may be known before deciding: never a cost.
    log_costs : tuple of array of shape (n_actions,)
        Natural logarithm, by problem.
    groups : tuple of str
        Group of each problem.
    names : tuple of str
        What the table calls each problem.
    axes : tuple of int
        Action columns that differ by more than a constant within problems.
    """

    name: str
    cost: str
    problems: tuple[Problem, ...]
    log_costs: tuple[Floats, ...]
    groups: tuple[str, ...]
    names: tuple[str, ...]
    axes: tuple[int, ...]

    @property
    def title(self) -> str:
        """Table and cost, for reports."""
        return f"{self.name}, {self.cost}"

    @property
    def group_names(self) -> tuple[str, ...]:
        """Distinct groups, sorted."""
        return tuple(sorted(set(self.groups)))

    @property
    def layout(self) -> RelativeLayout:
        """Where the columns of an encoded row lie."""
        first = self.problems[0]
        return RelativeLayout(
            context=len(first.context),
            actions=len(first.action_columns),
            axes=len(self.axes),
            counts=any(first.action_columns[axis] == WORKERS for axis in self.axes),
        )

    def of_groups(self, groups: Iterable[str]) -> "DecisionTable":
        """Keep the problems of some groups."""
        kept = set(groups)
        places = [i for i, group in enumerate(self.groups) if group in kept]
        return self.of_problems(places)

    def of_problems(self, places: Iterable[int]) -> "DecisionTable":
        """Keep some problems, by position."""
        chosen = list(places)
        return DecisionTable(
            name=self.name,
            cost=self.cost,
            problems=tuple(self.problems[i] for i in chosen),
            log_costs=tuple(self.log_costs[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen),
            names=tuple(self.names[i] for i in chosen),
            axes=self.axes,
        )

    def with_log_costs(self, log_costs: Iterable[Floats]) -> "DecisionTable":
        """Replace the costs: what a leak test perturbs."""
        return DecisionTable(
            name=self.name,
            cost=self.cost,
            problems=self.problems,
            log_costs=tuple(log_costs),
            groups=self.groups,
            names=self.names,
            axes=self.axes,
        )

    def rows(self) -> RelativeRows:
        """Encode all actions of all problems as training rows."""
        labels = {group: code for code, group in enumerate(self.group_names)}
        sizes = [len(costs) for costs in self.log_costs]
        codes = np.array([labels[group] for group in self.groups], dtype=np.int64)
        return RelativeRows.of(
            np.concatenate([encoded(problem, self.axes) for problem in self.problems]),
            np.concatenate(self.log_costs),
            np.repeat(np.arange(len(sizes)), sizes),
            np.repeat(codes, sizes),
            self.layout,
        )


def encoded(problem: Problem, axes: tuple[int, ...]) -> Floats:
    """Encode the actions of a problem: context, actions, offered range."""
    context = [np.nan if v is None else float(v) for v in problem.context.values()]
    repeated = np.tile(np.array(context), (len(problem.actions), 1))
    return np.hstack(
        [repeated, problem.actions, offered_columns(problem.actions, axes)]
    )


def read_decision_tables(directory: Path) -> list[DecisionTable]:
    """Read every table of a folder, one entry for each cost.

    Parameters
    ----------
    directory : path
        Holds CSV (gz or not) or Parquet files with columns `problem, group, action`,
        any `a_*`, any `x_*` and `cost_*`; other files are not read.

    Raises
    ------
    UsageError
        The folder is not there or holds no table.
    InputDataError
        A column is missing or a value is not what it must be.
    NotEnoughDataError
        Fewer than three groups.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a folder; give one with decision tables")
    paths = [p for p in sorted(directory.iterdir()) if p.name.endswith(SUFFIXES)]
    if not paths:
        raise UsageError(f"{directory} holds no {', '.join(SUFFIXES)} file")
    return [table for path in paths for table in _read(path)]


def _read(path: Path) -> list[DecisionTable]:
    frame = _frame(path)
    columns = [str(name) for name in frame.columns]
    actions = [name for name in columns if name.startswith("a_")]
    context = [name for name in columns if name.startswith("x_")]
    costs = [name for name in columns if name.startswith("cost_")]
    for name in KEYS:
        if name not in columns:
            raise InputDataError("column is missing", file=path, field=name)
    if not actions or not costs:
        raise InputDataError(
            "a decision table needs columns a_* and cost_*", file=path, got=columns
        )
    for name in (*actions, *context):
        _numbers(frame, name, path)
    groups = frame["group"].nunique()
    if groups < LEAST_GROUPS:
        raise NotEnoughDataError(
            f"a benchmark of {path.name}",
            got=groups,
            needed=LEAST_GROUPS,
            unit="groups",
        )
    return [_table(path, frame, actions, context, cost) for cost in costs]


def _frame(path: Path) -> "DataFrame":
    import pandas as pd

    try:
        if path.name.endswith(".parquet"):
            return pd.read_parquet(path)
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputDataError(f"not a readable table: {error}", file=path) from error


def _numbers(frame: "DataFrame", name: str, path: Path) -> NDArray[np.float64]:
    try:
        values = np.asarray(frame[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputDataError("not numbers", file=path, field=name) from error
    if name.startswith("a_") and not np.isfinite(values).all():
        line = int(np.argmin(np.isfinite(values))) + 2
        raise InputDataError("not finite", file=path, line=line, field=name)
    return values


def _table(
    path: Path, frame: "DataFrame", actions: list[str], context: list[str], cost: str
) -> DecisionTable:
    values = _numbers(frame, cost, path)
    if (values[~np.isnan(values)] <= 0).any():
        line = int(np.argmax(values <= 0)) + 2
        raise InputDataError(
            "a cost is not above 0", file=path, line=line, field=cost, fix="remove it"
        )
    known = frame[~np.isnan(values)]
    parts = [
        _problem(str(name), part, actions, context, cost, path)
        for name, part in known.groupby("problem", sort=True)
    ]
    problems = tuple(part[0] for part in parts)
    return DecisionTable(
        name=path.name.partition(".")[0],
        cost=cost.removeprefix("cost_"),
        problems=problems,
        log_costs=tuple(part[1] for part in parts),
        groups=tuple(part[2] for part in parts),
        names=tuple(part[3] for part in parts),
        axes=distinct_axes([problem.actions for problem in problems]),
    )


def _problem(
    name: str,
    part: "DataFrame",
    actions: list[str],
    context: list[str],
    cost: str,
    path: Path,
) -> tuple[Problem, Floats, str, str]:
    groups = {str(group) for group in part["group"]}
    if len(groups) != 1:
        raise InputDataError(
            f"problem {name!r} lies in several groups", file=path, field="group"
        )
    first = part.iloc[0]
    known = {column: float(first[column]) for column in context}
    problem = Problem(
        context=MappingProxyType(
            {column: None if np.isnan(v) else v for column, v in known.items()}
        ),
        action_columns=tuple(actions),
        actions=np.asarray(part[actions], dtype=np.float64),
        labels=tuple(str(label) for label in part["action"]),
    )
    return (
        problem,
        np.log(np.asarray(part[cost], dtype=np.float64)),
        groups.pop(),
        name,
    )
