"""What is decided for the problems of one group that was held out.

Everything that is fitted, weighed or calibrated sees the training groups only; a held-out
problem is shown without its costs, and a policy with own runs is shown those it asked
for. Our decisions are those of the exported bundle.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from toolkit.experiments.evaluation import ConstantGrades
from toolkit.experiments.training import RelativePolicy, TrainedStack, train_bundle
from toolkit.models import (
    CONSTANT,
    DecisionTable,
    Stack,
    decision_weights,
    other_tables,
)
from toolkit.models.members import (
    RelativeConstant,
    RelativeQuadratic,
    RelativeTrees,
)
from toolkit.policies import Constraint, Floats, Problem
from toolkit.policies.adaptation import grid_middle, own_runs_only, spend
from toolkit.studies.benchmark.simple_ensemble import SimpleEnsemble

__all__ = [
    "BUDGETS",
    "CONSTRAINED",
    "GUARDED",
    "OURS",
    "UNRANKED",
    "BenchSettings",
    "GroupDecisions",
    "constant_choices",
    "decide_group",
    "few_shot",
]

OURS = "relative ensemble (exported)"
GUARDED = "guarded"
CONSTRAINED = "guarded, constrained"
BUDGETS = (1, 2, 3, 4)
UNRANKED = "recipe: without the ranking on other tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What a benchmark does.

    Attributes
    ----------
    seed : int
    quick : bool
        Three light members, at most 4 held-out groups of 8 problems each: a smoke test.
    created_at : datetime
        Written into the bundles; aware, UTC.
    constraints : tuple of Constraint
        On costs of the same file, which answers are also asked to keep.
    """

    seed: int
    quick: bool
    created_at: datetime
    constraints: tuple[Constraint, ...] = ()

    def ensemble(self, table: DecisionTable) -> Stack:
        """Build the ensemble that is graded: its ranking never saw tables of that origin.

        Parameters
        ----------
        table : DecisionTable
            Its name up to the first `_` is its origin.

        Returns
        -------
        Stack
            Not fitted.
        """
        ranking = other_tables(without=[table.name.partition("_")[0]])
        if not self.quick:
            return Stack(seed=self.seed, ranking=ranking)
        trees = RelativeTrees(
            everything=False, min_samples_leaf=4, trees=10, seed=self.seed
        )
        members = (
            ("trees", trees),
            ("quadratic", RelativeQuadratic()),
            (CONSTANT, RelativeConstant(seed=self.seed)),
        )
        return Stack(seed=self.seed, members=members, ranking=ranking)


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
    promised : list of bool
        Whether an action was said to keep all constraints; empty without any.
    """

    choices: Mapping[str, list[int]]
    measured: list[list[int]]
    low: list[list[float]]
    high: list[list[float]]
    confidence: list[float]
    weights: Mapping[str, float]
    promised: list[bool] = field(default_factory=list)


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
            ensemble=settings.ensemble(table),
            created_at=settings.created_at,
            constraints=settings.constraints,
        )
        policy = RelativePolicy(trained.free)
        return _decisions(others, held_out, trained, policy, settings)


def _decisions(
    others: DecisionTable,
    held_out: DecisionTable,
    trained: TrainedStack,
    policy: RelativePolicy,
    settings: BenchSettings,
) -> GroupDecisions:
    rules = list(held_out.rules)
    choices: dict[str, list[int]] = {
        "rule": rules,
        "grid middle": [_middle(held_out, p) for p in held_out.problems],
        "best constant": constant_choices(others, held_out),
        **_families(others, held_out, trained),
        "simple ensemble": SimpleEnsemble(seed=settings.seed, quick=settings.quick)
        .fit(others)
        .choices(held_out),
        OURS: [policy.adaptive.decide(problem).index for problem in held_out.problems],
        GUARDED: [policy.guarded.decide(p).index for p in held_out.problems],
    }
    promised: list[bool] = []
    if settings.constraints:
        served = trained.bundle.policy()
        bound = [served.decide(problem) for problem in held_out.problems]
        choices[CONSTRAINED] = [decision.index for decision in bound]
        promised = [
            decision.allowed is not None and bool(decision.allowed.any())
            for decision in bound
        ]
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
        promised=promised,
    )


class _Measured:
    """Hands out the cost of one action at a time."""

    def __init__(self, log_costs: Floats) -> None:
        self._log_costs = log_costs

    def __call__(self, index: int) -> float:
        return float(self._log_costs[index])


def few_shot(line: str, runs: int) -> str:
    """Name the line of a policy with that many own runs.

    Parameters
    ----------
    line : str
        Name of the policy.
    runs : int
        At least 1.

    Returns
    -------
    str
    """
    return f"{line}, {runs} own run{'s' if runs > 1 else ''}"


def _middle(table: DecisionTable, problem: Problem) -> int:
    return grid_middle(problem.actions[:, list(table.axes)])


def constant_choices(others: DecisionTable, held_out: DecisionTable) -> list[int]:
    """Decide with the single action that was best for the other groups."""
    # The held-out problems take no part in the choice: their costs stay unseen.
    unseen = tuple(np.zeros(len(costs)) for costs in held_out.log_costs)
    joint = replace(
        others,
        problems=others.problems + held_out.problems,
        log_costs=others.log_costs + unseen,
        groups=others.groups + held_out.groups,
        names=others.names + held_out.names,
        rules=others.rules + held_out.rules,
        weights=others.weights + held_out.weights,
        runs=(),
        outcomes={},
    )
    grades = ConstantGrades.of(joint)
    known = np.arange(len(joint.problems)) < len(others.problems)
    best = grades.best(known)
    return [int(index) for index in grades.choices[best, ~known]]


def _families(
    others: DecisionTable, held_out: DecisionTable, trained: TrainedStack
) -> dict[str, list[int]]:
    """Decide with each member alone, and with weights of this table alone."""
    fitted = trained.ensemble
    rows, known = held_out.rows(), others.rows()
    predicted = fitted.predict_members(rows.X)
    lines = dict(zip(fitted.names, predicted, strict=True))
    weights = decision_weights(fitted.held_out_members, known, fitted.names, {})
    lines[UNRANKED] = weights @ predicted
    return {
        name: [
            int(np.argmin(values[rows.problem == place]))
            for place in range(len(held_out.problems))
        ]
        for name, values in lines.items()
    }
