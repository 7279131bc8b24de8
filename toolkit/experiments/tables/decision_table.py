"""Reads decision tables: every action of every problem was tried, so the best is known."""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import Column, FeatureSchema
from toolkit.errors import InputDataError, UsageError
from toolkit.models import DecisionTable
from toolkit.policies import Floats, Problem, distinct_axes
from toolkit.policies.rules import TableRule

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DecisionTable", "read_decision_table", "read_decision_tables"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
KEYS = ("problem", "group", "action")


def read_decision_tables(source: Path) -> list[DecisionTable]:
    """Read every table of a folder, or one file, one entry for each cost.

    Parameters
    ----------
    source : path
        A CSV (gz or not) or Parquet file, or a folder of them, with columns `problem,
        group, action`, any `a_*`, any `x_*` and `cost_*`; other files are not read.

    Returns
    -------
    list of DecisionTable
        By file name, then cost; every cost of a file is an outcome of each, which may be
        constrained.

    Raises
    ------
    UsageError
        The folder is not there or holds no table.
    InputDataError
        A column is missing or a value is not what it must be.
    """
    if source.is_file():
        return _read(source)
    if not source.is_dir():
        raise UsageError(f"{source} is not a folder; give one with decision tables")
    paths = [p for p in sorted(source.iterdir()) if p.name.endswith(SUFFIXES)]
    if not paths:
        raise UsageError(f"{source} holds no {', '.join(SUFFIXES)} file")
    return [table for path in paths for table in _read(path)]


def read_decision_table(path: Path, cost: str) -> DecisionTable:
    """Read one cost of one file.

    Parameters
    ----------
    path : path
        CSV (gz or not) or Parquet.
    cost : str
        Without the `cost_` of its column.

    Returns
    -------
    DecisionTable

    Raises
    ------
    InputDataError
        The file or the cost is not there, or a value is not what it must be.
    """
    if not path.is_file():
        raise InputDataError("no such file", file=path)
    tables = {table.cost: table for table in _read(path)}
    if cost not in tables:
        raise InputDataError(
            "no such column", file=path, field=f"cost_{cost}", fix=f"has {list(tables)}"
        )
    return tables[cost]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Columns of one file."""

    actions: list[str]
    context: list[str]
    costs: list[str]

    @property
    def schema(self) -> FeatureSchema:
        return FeatureSchema(
            context=tuple(Column(name=name, unit="log2") for name in self.context),
            action=tuple(Column(name=name, unit="log2") for name in self.actions),
            action_is_log=True,
        )


def _read(path: Path) -> list[DecisionTable]:
    frame = _frame(path)
    names = [str(name) for name in frame.columns]
    columns = _Columns(
        actions=[name for name in names if name.startswith("a_")],
        context=[name for name in names if name.startswith("x_")],
        costs=[name for name in names if name.startswith("cost_")],
    )
    for name in KEYS:
        if name not in names:
            raise InputDataError("column is missing", file=path, field=name)
        if frame[name].isna().any():
            line = int(np.argmax(np.asarray(frame[name].isna()))) + 2
            raise InputDataError("is missing", file=path, line=line, field=name)
    if not columns.actions or not columns.costs:
        raise InputDataError(
            "a decision table needs columns a_* and cost_*", file=path, got=names
        )
    for name in (*columns.actions, *columns.context):
        _numbers(frame, name, path)
    return [_table(path, frame, columns, cost) for cost in columns.costs]


def _frame(path: Path) -> "DataFrame":
    import pandas as pd

    if path.exists() and not path.is_file():
        raise InputDataError("not a regular file", file=path)
    try:
        if path.name.endswith(".parquet"):
            return pd.read_parquet(path)
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputDataError(f"not a readable table: {error}", file=path) from error


def _numbers(frame: "DataFrame", name: str, path: Path) -> NDArray[np.float64]:
    """Read a column; what is missing is NaN, and missing in no action."""
    try:
        values = np.asarray(frame[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputDataError("not numbers", file=path, field=name) from error
    refused = np.isinf(values)
    if name.startswith("a_"):
        refused |= np.isnan(values)
    if refused.any():
        line = int(np.argmax(refused)) + 2
        raise InputDataError(
            "not finite", file=path, line=line, field=name, fix="remove the row"
        )
    return values


def _table(
    path: Path, frame: "DataFrame", columns: _Columns, cost: str
) -> DecisionTable:
    values = _numbers(frame, cost, path)
    if (values[~np.isnan(values)] <= 0).any():
        line = int(np.argmax(values <= 0)) + 2
        raise InputDataError(
            "a cost is not above 0", file=path, line=line, field=cost, fix="remove it"
        )
    known = frame[~np.isnan(values)]
    if known.empty:
        raise InputDataError("no cost is known", file=path, field=cost)
    parts = [
        _problem(str(name), part, columns, cost, path)
        for name, part in known.groupby("problem", sort=True)
    ]
    others = {
        name.removeprefix("cost_"): known[name].groupby(known["problem"], sort=True)
        for name in columns.costs
    }
    rule = TableRule()
    return DecisionTable(
        name=path.name.partition(".")[0],
        cost=cost.removeprefix("cost_"),
        schema=columns.schema,
        problems=tuple(part[0] for part in parts),
        log_costs=tuple(part[1] for part in parts),
        groups=tuple(part[2] for part in parts),
        names=tuple(part[3] for part in parts),
        rules=tuple(rule.decide(part[0]).index for part in parts),
        weights=tuple(np.ones(len(part[1])) for part in parts),
        axes=distinct_axes([part[0].actions for part in parts]),
        outcomes={
            name: tuple(
                np.asarray(values, dtype=np.float64) for _, values in by_problem
            )
            for name, by_problem in others.items()
        },
    )


def _problem(
    name: str, part: "DataFrame", columns: _Columns, cost: str, path: Path
) -> tuple[Problem, Floats, str, str]:
    groups = {str(group) for group in part["group"]}
    if len(groups) != 1:
        raise InputDataError(
            f"problem {name!r} lies in several groups", file=path, field="group"
        )
    first = part.iloc[0]
    known = {column: float(first[column]) for column in columns.context}
    problem = Problem(
        context=MappingProxyType(
            {column: None if np.isnan(v) else v for column, v in known.items()}
        ),
        action_columns=tuple(columns.actions),
        actions=np.asarray(part[columns.actions], dtype=np.float64),
        labels=tuple(str(label) for label in part["action"]),
    )
    costs = np.log(np.asarray(part[cost], dtype=np.float64))
    return problem, costs, groups.pop(), name
