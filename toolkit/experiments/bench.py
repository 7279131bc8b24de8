"""Grades decisions on tables whose best action is known, one group held out at a time.

Everything that is fitted, weighed or calibrated sees the training groups only; a held-out
problem is shown without its costs, and a policy with own runs is shown those it asked
for. The decisions graded are those of the exported bundle.
"""

import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.experiments.bench_baselines import (
    ConstantGrades,
    log_slowdowns,
    rule_action,
)
from toolkit.experiments.decision_table import DecisionTable
from toolkit.experiments.relative_bundle import RelativePolicy, Trained, train_bundle
from toolkit.experiments.simple_ensemble import SimpleEnsemble
from toolkit.models import RelativeEnsemble
from toolkit.models.relative_quadratic import RelativeQuadratic
from toolkit.models.relative_trees import RelativeTrees
from toolkit.policies import Floats, Problem, grid_middle, own_runs_only, spend

__all__ = [
    "OURS",
    "BenchSettings",
    "GroupDecisions",
    "TableGrades",
    "decide_group",
    "grade_table",
    "graded",
]

OURS = "relative ensemble (exported)"
BUDGETS = (1, 2, 3, 4)
VERSION = 4
"""Changes when grades of an earlier version must not be resumed from."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What a benchmark does.

    Attributes
    ----------
    seed : int
    quick : bool
        Two light members, at most 3 held-out groups of 8 problems each: a smoke test.
    created_at : datetime
        Written into the bundles; aware, UTC.
    """

    seed: int
    quick: bool
    created_at: datetime

    def ensemble(self) -> RelativeEnsemble:
        """Build the ensemble that is graded."""
        if not self.quick:
            return RelativeEnsemble(seed=self.seed)
        trees = RelativeTrees(
            everything=False, min_samples_leaf=4, trees=10, seed=self.seed
        )
        members = (("trees", trees), ("quadratic", RelativeQuadratic()))
        return RelativeEnsemble(seed=self.seed, members=members)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDecisions:
    """What was decided for the problems of one held-out group.

    Attributes
    ----------
    choices : mapping of line to list of int
        Position of the action taken in each problem.
    measured : list of list of int
        Actions that own runs were spent on, by problem, in order.
    low, high : list of list of float
        Interval of each action's log cost relative to the mean of those on offer.
    confidence : list of float
        Stated probability that our choice costs no more than the rule's.
    weights : mapping of str to float
        Weight of each member.
    """

    choices: Mapping[str, list[int]]
    measured: list[list[int]]
    low: list[list[float]]
    high: list[list[float]]
    confidence: list[float]
    weights: Mapping[str, float]


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
    half_width : list of float
        Mean half width in log cost, by problem.
    weights : mapping of group to mapping
        Members' weights where that group was held out.
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
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def decide_group(
    table: DecisionTable, group: str, settings: BenchSettings
) -> GroupDecisions:
    """Train on the other groups, export, and decide every problem of one group."""
    others = table.of_groups(set(table.groups) - {group})
    held_out = table.of_groups([group])
    with tempfile.TemporaryDirectory() as folder:
        trained = train_bundle(
            others,
            Path(folder) / "bundle",
            ensemble=settings.ensemble(),
            created_at=settings.created_at,
        )
        policy = RelativePolicy(trained.bundle)
        return _decisions(others, held_out, trained, policy, settings)


def _decisions(
    others: DecisionTable,
    held_out: DecisionTable,
    trained: Trained,
    policy: RelativePolicy,
    settings: BenchSettings,
) -> GroupDecisions:
    rules = [rule_action(problem) for problem in held_out.problems]
    choices: dict[str, list[int]] = {
        "rule": rules,
        "grid middle": [_middle(held_out, p) for p in held_out.problems],
        "best constant": _constant(others, held_out),
        **_families(held_out, trained),
        "simple ensemble": SimpleEnsemble(seed=settings.seed, quick=settings.quick)
        .fit(others)
        .choices(held_out),
        OURS: [policy.adaptive.decide(problem).index for problem in held_out.problems],
    }
    measured: list[list[int]] = []
    for k in BUDGETS:
        choices[few_shot(OURS, k)] = []
        choices[few_shot("own runs only", k)] = []
    for problem, costs in zip(held_out.problems, held_out.log_costs, strict=True):
        belief = policy.adaptive.believe(problem)
        measure = _Measured(costs)
        ours = spend(belief, measure, BUDGETS)
        alone = own_runs_only(problem.actions[:, list(held_out.axes)], measure, BUDGETS)
        measured.append(list(belief.measured))
        for k, mine, own in zip(BUDGETS, ours, alone, strict=True):
            choices[few_shot(OURS, k)].append(mine)
            choices[few_shot("own runs only", k)].append(own)
    bounds = [policy.interval(problem) for problem in held_out.problems]
    return GroupDecisions(
        choices=choices,
        measured=measured,
        low=[low.tolist() for low, _ in bounds],
        high=[high.tolist() for _, high in bounds],
        confidence=[
            policy.probability_not_worse(problem, rule)
            for problem, rule in zip(held_out.problems, rules, strict=True)
        ],
        weights=dict(
            zip(trained.ensemble.names, trained.ensemble.weights, strict=True)
        ),
    )


class _Measured:
    """Hands out the cost of one action at a time."""

    def __init__(self, log_costs: Floats) -> None:
        self._log_costs = log_costs

    def __call__(self, index: int) -> float:
        return float(self._log_costs[index])


def few_shot(line: str, runs: int) -> str:
    """Name the line of a policy with that many own runs."""
    return f"{line}, {runs} own run{'s' if runs > 1 else ''}"


def _middle(table: DecisionTable, problem: Problem) -> int:
    return grid_middle(problem.actions[:, list(table.axes)])


def _constant(others: DecisionTable, held_out: DecisionTable) -> list[int]:
    joint = DecisionTable(
        name=others.name,
        cost=others.cost,
        problems=others.problems + held_out.problems,
        # The held-out problems take no part in the choice: their costs stay unseen.
        log_costs=others.log_costs
        + tuple(np.zeros(len(costs)) for costs in held_out.log_costs),
        groups=others.groups + held_out.groups,
        names=others.names + held_out.names,
        axes=others.axes,
    )
    grades = ConstantGrades.of(joint)
    known = np.arange(len(joint.problems)) < len(others.problems)
    best = grades.best(known)
    return [int(index) for index in grades.choices[best, ~known]]


def _families(held_out: DecisionTable, trained: Trained) -> dict[str, list[int]]:
    rows = held_out.rows()
    predicted = trained.ensemble.predict_members(rows.X)
    return {
        name: [
            int(np.argmin(values[rows.problem == place]))
            for place in range(len(held_out.problems))
        ]
        for name, values in zip(trained.ensemble.names, predicted, strict=True)
    }


def grade_table(
    table: DecisionTable, settings: BenchSettings, progress: Progress
) -> TableGrades:
    """Hold out every group of a table in turn and grade what was decided."""
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
        covered=[
            float(((a <= c - c.mean()) & (c - c.mean() <= b)).mean())
            for a, b, c in zip(low, high, ordered.log_costs, strict=True)
        ],
        half_width=[float((b - a).mean() / 2) for a, b in zip(low, high, strict=True)],
        weights={
            group: dict(part.weights)
            for group, part in zip(table.group_names, parts, strict=True)
        },
    )


def _normalised(table: DecisionTable, regrets: Floats) -> Floats:
    span = np.array([c.max() - c.min() for c in table.log_costs])
    reached = np.expm1(regrets) / np.where(span > 0, np.expm1(span), 1.0)
    return np.where(span > 0, reached, 0.0)


QUICK_GROUPS, QUICK_PROBLEMS = 4, 8


def _shortened(table: DecisionTable, settings: BenchSettings) -> DecisionTable:
    if not settings.quick:
        return table
    rng = np.random.default_rng(settings.seed)
    kept: list[int] = []
    for group in table.group_names[:QUICK_GROUPS]:
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

    Raises
    ------
    InputDataError
        A stored result cannot be read.
    """
    store.mkdir(parents=True, exist_ok=True)
    for table in tables:
        path = store / f"{_fingerprint(table, settings)}.json"
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
        value: dict[str, Any] = json.loads(path.read_text())
        return TableGrades(**value)
    except (OSError, ValueError, TypeError) as error:
        raise InputDataError(
            f"not grades of this benchmark: {error}", file=path, fix="remove the file"
        ) from error


def _fingerprint(table: DecisionTable, settings: BenchSettings) -> str:
    content = zlib.crc32(np.concatenate(table.log_costs).tobytes())
    for problem in table.problems:
        content = zlib.crc32(problem.actions.tobytes(), content)
        known = tuple(problem.context.items())
        content = zlib.crc32(repr(known).encode(), content)
    content = zlib.crc32(repr(table.groups).encode(), content)
    mode = "quick" if settings.quick else "full"
    return f"{table.name}-{table.cost}-{mode}-v{VERSION}-s{settings.seed}-{content:08x}"
