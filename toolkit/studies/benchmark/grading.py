"""Grades decisions on tables whose best action is known, one group held out at a time."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputDataError, NotEnoughDataError
from toolkit.experiments.evaluation import ConstantGrades, log_slowdowns
from toolkit.models import DecisionTable
from toolkit.policies import Constraint, Floats
from toolkit.records import read_given
from toolkit.studies.benchmark.decisions import (
    CONSTRAINED,
    GUARDED,
    OURS,
    BenchSettings,
    GroupDecisions,
    decide_group,
)

__all__ = ["TableGrades", "fingerprint", "grade_table", "graded"]

VERSION = 9
"""Changes when grades of an earlier version must not be resumed from."""
LEAST_GROUPS = 3
"""One group is held out; the rest must hold two, so that one more can be left out."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableGrades:
    """Per problem figures of every line of one table, cost and seed.

    Attributes
    ----------
    name, cost : str
    seed : int
    groups : list of str
        By problem.
    regrets : mapping of line to list of float
        Log slowdown against the best action, by problem.
    normalised : mapping of line to list of float
        Place between best (0) and worst (1), by problem.
    confidence : list of float
    covered : list of float
        Share of actions inside their interval, by problem.
    reach : list of list of float
        Of each problem's actions, distance from the interval's centre in half widths:
        at most 1 is inside.
    half_width : list of float
        Mean half width in log cost, by problem.
    half_width_chosen : list of float
        The same at the action we chose.
    weights : mapping of group to mapping
        Members' weights where that group was held out.
    asked : list of mapping
        Constraints: `name`, `at_most`, `probability`.
    promised : list of bool
        By problem, whether an action was said to keep them; empty without any.
    kept : mapping of constraint to mapping of line to list of bool or None
        By problem, whether the answer kept it; `None` is not known.
    """

    name: str
    cost: str
    seed: int
    groups: list[str]
    regrets: Mapping[str, list[float]]
    normalised: Mapping[str, list[float]]
    confidence: list[float]
    covered: list[float]
    half_width: list[float]
    reach: list[list[float]] = field(default_factory=list)
    half_width_chosen: list[float] = field(default_factory=list)
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    promised: list[bool] = field(default_factory=list)
    kept: Mapping[str, Mapping[str, list[bool | None]]] = field(default_factory=dict)


def grade_table(
    table: DecisionTable, settings: BenchSettings, progress: Progress
) -> TableGrades:
    """Hold out every group of a table in turn and grade what was decided."""
    found = len(table.group_names)
    if found < LEAST_GROUPS:
        raise NotEnoughDataError(
            f"a benchmark of {table.title}",
            got=found,
            needed=LEAST_GROUPS,
            unit="groups",
        )
    table = _shortened(table, settings)
    order: list[int] = []
    parts: list[GroupDecisions] = []
    for group in table.group_names:
        parts.append(decide_group(table, group, settings))
        order += [place for place, other in enumerate(table.groups) if other == group]
        progress(f"{table.title}: {group} decided")
    ordered = table.of_problems(order)
    choices = {
        line: [index for part in parts for index in part.choices[line]]
        for line in parts[0].choices
    }
    regrets = {line: log_slowdowns(ordered, taken) for line, taken in choices.items()}
    regrets["oracle"] = np.zeros(len(order))
    regrets["random"] = np.array([(c - c.min()).mean() for c in ordered.log_costs])
    hindsight = ConstantGrades.of(ordered)
    regrets["best constant in hindsight"] = hindsight.regrets[
        hindsight.best(np.ones(len(order), dtype=bool))
    ]
    low = [np.array(row) for part in parts for row in part.low]
    high = [np.array(row) for part in parts for row in part.high]
    reach = [
        np.abs(c - c.mean() - (a + b) / 2) / np.maximum((b - a) / 2, 1e-9)
        for a, b, c in zip(low, high, ordered.log_costs, strict=True)
    ]
    return TableGrades(
        name=table.name,
        cost=table.cost,
        seed=settings.seed,
        groups=list(ordered.groups),
        regrets={line: values.tolist() for line, values in regrets.items()},
        normalised={
            line: _normalised(ordered, values).tolist()
            for line, values in regrets.items()
        },
        confidence=[value for part in parts for value in part.confidence],
        covered=[float((row <= 1).mean()) for row in reach],
        half_width=[float((b - a).mean() / 2) for a, b in zip(low, high, strict=True)],
        reach=[row.round(4).tolist() for row in reach],
        half_width_chosen=[
            float(b[place] - a[place]) / 2
            for a, b, place in zip(low, high, choices[OURS], strict=True)
        ],
        weights={
            group: dict(part.weights)
            for group, part in zip(table.group_names, parts, strict=True)
        },
        asked=[asdict(each) for each in settings.constraints],
        promised=[each for part in parts for each in part.promised],
        kept={
            each.name: {
                line: _kept(ordered, each, choices[line])
                for line in (CONSTRAINED, GUARDED, "rule")
            }
            for each in settings.constraints
        },
    )


def _kept(
    table: DecisionTable, constraint: Constraint, choices: list[int]
) -> list[bool | None]:
    """Look up whether answers kept a constraint; `None` is not known."""
    found = [
        float(values[index])
        for values, index in zip(table.outcomes[constraint.name], choices, strict=True)
    ]
    return [None if np.isnan(x) else x <= constraint.at_most for x in found]


def _normalised(table: DecisionTable, regrets: Floats) -> Floats:
    span = np.array([c.max() - c.min() for c in table.log_costs])
    reached = np.expm1(regrets) / np.where(span > 0, np.expm1(span), 1.0)
    return np.where(span > 0, reached, 0.0)


QUICK_GROUPS, QUICK_PROBLEMS = 4, 8
CONSTRAINED_GROUPS = 12
"""Of fewer groups nothing can be promised."""


def _shortened(table: DecisionTable, settings: BenchSettings) -> DecisionTable:
    if not settings.quick:
        return table
    rng = np.random.default_rng(settings.seed)
    kept: list[int] = []
    most = CONSTRAINED_GROUPS if settings.constraints else QUICK_GROUPS
    for group in table.group_names[:most]:
        places = [i for i, other in enumerate(table.groups) if other == group]
        chosen = rng.permutation(places)[:QUICK_PROBLEMS]
        kept += sorted(int(place) for place in chosen)
    return table.of_problems(kept)


def graded(
    tables: list[DecisionTable],
    settings: BenchSettings,
    store: Path,
    progress: Progress,
) -> Iterator[TableGrades]:
    """Grade tables one by one; what an earlier run finished is read back.

    Parameters
    ----------
    tables : list of DecisionTable
    settings : BenchSettings
    store : path
        One JSON file for each table, cost, seed and content.
    progress : callable
        Takes a line for people.

    Yields
    ------
    TableGrades
        In the order of `tables`, each once it is on disk.

    Raises
    ------
    InputDataError
        A stored result cannot be read.
    """
    store.mkdir(parents=True, exist_ok=True)
    for table in tables:
        path = store / f"{fingerprint(table, settings)}.json"
        if path.exists():
            progress(f"{table.title}: read back from {path.name}")
            yield _stored(path)
            continue
        grades = grade_table(table, settings, progress)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(grades)))
        draft.replace(path)
        yield grades


def _stored(path: Path) -> TableGrades:
    try:
        value: dict[str, Any] = json.loads(read_given(path))
        return TableGrades(**value)
    except (OSError, ValueError, TypeError) as error:
        raise InputDataError(
            f"not grades of this benchmark: {error}", file=path, fix="remove the file"
        ) from error


def fingerprint(table: DecisionTable, settings: BenchSettings) -> str:
    """Name a table, its content and how it is graded, for a file to resume from.

    Parameters
    ----------
    table : DecisionTable
    settings : BenchSettings

    Returns
    -------
    str
        Fit for the name of a file.
    """
    content = zlib.crc32(np.concatenate(table.log_costs).tobytes())
    for problem in table.problems:
        content = zlib.crc32(problem.actions.tobytes(), content)
        known = tuple(problem.context.items())
        content = zlib.crc32(repr(known).encode(), content)
    content = zlib.crc32(repr(table.groups).encode(), content)
    mode = "quick" if settings.quick else "full"
    if settings.constraints:
        content = zlib.crc32(repr(settings.constraints).encode(), content)
        for values in table.outcomes.values():
            content = zlib.crc32(np.concatenate(values).tobytes(), content)
    return f"{table.name}-{table.cost}-{mode}-v{VERSION}-s{settings.seed}-{content:08x}"
