"""The ladder of some groups, each rung with its evidence from groups left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import Fallback, RungSpec, rule_of
from toolkit.experiments.tables import Fold, LearningTable, MeasuredProblem
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.tuning import Tuned, rule_scores, suggest_rule, tune
from toolkit.metrics import group_bootstrap
from toolkit.policies import Evidence, Floats, Policy, groups_needed
from toolkit.policies.rules import named_rule

__all__ = ["RungTrainer", "evidence_of"]

LARGEST = 20.0
"""Largest action that is recommended (specification, section 1)."""
LEAST_NORMAL = 6
"""Groups that a bound needs where group means are assumed to be normal."""

Ints = NDArray[np.int64]


def evidence_of(
    differences: Floats,
    groups: Sequence[str],
    *,
    below: str,
    level: float,
    seed: int,
    assumes: str = "",
    observed: bool = False,
) -> Evidence:
    """Bound the mean difference of two policies from groups that neither learned from.

    Parameters
    ----------
    differences : array of shape (problems,)
        Log cost of the answer minus that of the rung below; 0 where they agree.
    groups : sequence of str
        Group of each problem.
    below : str
    level : float
        One-sided, 0.5 to 1.
    seed : int
        Of the bootstrap.
    assumes : str
        `normal` lets fewer groups bound the mean, by Student's t over group means.
    observed : bool
        Whether the actions were not assigned.

    Examples
    --------
    >>> evidence_of(np.zeros(1), ["a"], below="rule", level=0.95, seed=0).upper
    inf
    """
    labels = np.asarray(groups, dtype=object)
    differing = sorted({str(g) for g, d in zip(labels, differences, strict=True) if d})
    kept = np.isin(labels.astype(str), differing)
    needed = LEAST_NORMAL if assumes else groups_needed(level)
    if not differing:
        return Evidence.none(below=below, level=level, observed=observed)
    means = np.array([differences[labels == g].mean() for g in differing])
    upper = np.inf
    if len(differing) >= needed:
        upper = group_bootstrap(
            differences[kept],
            labels[kept],
            rng=np.random.default_rng(seed),
            level=2 * level - 1,
            method="jackknife" if assumes else "widest",
        ).high
    return Evidence(
        below=below,
        groups=len(differing),
        groups_needed=needed,
        difference=float(means.mean()),
        upper=float(upper),
        level=level,
        not_worse=float(np.mean(means <= 0)),
        assumes=assumes,
        observed=observed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Middle:
    """The rung between rule and model: tuned rule or constant, whichever fits better."""

    name: str
    rule: str
    constant: float
    parameters: dict[str, Any]
    tuned: Tuned | None

    @property
    def policy(self) -> Policy:
        return named_rule(
            self.rule,
            constant=self.constant,
            parameters=self.parameters,
            name=self.name,
        )


class RungTrainer:
    """Builds the rungs of some groups.

    Parameters
    ----------
    table : LearningTable
    problems : sequence of MeasuredProblem
        Of those groups.
    spec : ExperimentSpec
    folds : sequence of Fold
        Of those groups; each fold's rung learns from its training groups alone.
    observed : bool
        Whether the actions were not assigned.
    tune_rule : callable
        Tunes the rule on some problems, named by a suffix.
    """

    def __init__(
        self,
        table: LearningTable,
        problems: Sequence[MeasuredProblem],
        spec: ExperimentSpec,
        folds: Sequence[Fold],
        *,
        observed: bool,
        study: str,
        journal: Path,
    ) -> None:
        self._table = table
        self._problems = problems
        self._spec = spec
        self._folds = folds
        self._observed = observed
        self._study = study
        self._journal = journal

    def rungs(
        self, fallback: Fallback, learned: Callable[[MeasuredProblem, int], int]
    ) -> tuple[tuple[RungSpec, ...], Tuned | None]:
        """Build both rungs above the rule.

        Parameters
        ----------
        fallback : Fallback
            The rule.
        learned : callable
            From a problem and its position to the learned answer, found without the
            problem's group.

        Returns
        -------
        rungs : tuple of RungSpec
        tuned : Tuned or None
            The study of the tuned rule.
        """
        rule = self._costs(
            lambda problem, _: rule_of(fallback).decide(problem.problem).index
        )
        found: dict[str, Policy] = {}
        for number, fold in enumerate(self._folds):
            policy = self._middle(fold.train, f"inner {number}").policy
            found.update(dict.fromkeys(fold.test, policy))
        middle = self._costs(
            lambda problem, _: found[problem.group].decide(problem.problem).index
        )
        chosen = self._middle(sorted({p.group for p in self._problems}), "rule")
        first = RungSpec(
            name=chosen.name,
            rule=chosen.rule,
            constant=chosen.constant,
            parameters=chosen.parameters,
            evidence=self._evidence(middle - rule, "rule"),
        )
        standing = (middle, first.name) if first.evidence.shown else (rule, "rule")
        top = RungSpec(
            name="learned",
            rule="learned",
            evidence=self._evidence(self._costs(learned) - standing[0], standing[1]),
        )
        return (first, top), chosen.tuned

    def _evidence(self, differences: Floats, below: str) -> Evidence:
        guard = self._spec.guard
        return evidence_of(
            differences,
            [problem.group for problem in self._problems],
            below=below,
            level=guard.level,
            seed=self._spec.seed,
            assumes=guard.assumes,
            observed=self._observed,
        )

    def _costs(self, answer: Callable[[MeasuredProblem, int], int]) -> Floats:
        """Log cost of an answer to every problem."""
        return np.array(
            [p.log_cost[answer(p, place)] for place, p in enumerate(self._problems)]
        )

    def _middle(self, groups: Sequence[str], suffix: str) -> _Middle:
        """Fit both forms on some groups and keep the one that fits them better."""
        kept = set(groups)
        problems = [problem for problem in self._problems if problem.group in kept]
        value = best_constant(problems)
        tuned = tune(
            f"{self._study}/{suffix}",
            suggest=suggest_rule(self._spec.decision, _types(self._table)),
            scores=rule_scores(self._spec.decision, [problems], constant=value),
            trials=4 * self._spec.search.trials,
            seed=self._spec.seed,
            journal=self._journal,
        )
        constant = float(
            np.mean(
                [p.log_cost[_nearest(p, value)] - p.log_cost.min() for p in problems]
            )
        )
        if constant <= tuned.score:
            return _Middle(
                name="best constant",
                rule="constant",
                constant=value,
                parameters={},
                tuned=tuned,
            )
        return _Middle(
            name="tuned rule",
            rule=f"{self._spec.decision}_rule",
            constant=value,
            parameters=tuned.parameters,
            tuned=tuned,
        )


def best_constant(problems: Sequence[MeasuredProblem]) -> float:
    """Find the action that costs least over all problems; the nearest stands in."""
    tried = {float(a) for p in problems for a in p.problem.actions[:, 0]}
    offered = sorted(action for action in tried if action <= LARGEST)
    losses = [
        np.mean([p.log_cost[_nearest(p, action)] - p.log_cost.min() for p in problems])
        for action in offered
    ]
    return offered[int(np.argmin(losses))]


def _nearest(problem: MeasuredProblem, value: float) -> int:
    return named_rule("constant", constant=value).decide(problem.problem).index


def _types(table: LearningTable) -> list[str]:
    if table.decision != "batch_size":
        return []
    return sorted(set(table.frame["operation_type"].astype(str)))
