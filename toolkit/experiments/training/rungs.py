"""The ladder of some groups, each rung with its evidence from groups left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import Fallback, RungSpec, rule_of
from toolkit.experiments.tables.split import Fold
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.tuning import RuleStudy
from toolkit.experiments.tuning.rule_tuning import mean_log_slowdown
from toolkit.experiments.tuning.search import Tuned
from toolkit.metrics import group_bootstrap
from toolkit.models import DecisionTable
from toolkit.policies import Evidence, Floats, Policy, groups_needed
from toolkit.policies.rules import named_rule

__all__ = ["RungTrainer", "evidence_of"]

TRIALS_EACH = 4
"""Trials of a study for each that a specification asks for."""
LEAST_NORMAL = 6
"""Groups that a bound needs where group means are assumed to be normal."""


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
    """Builds the rungs of a table.

    Parameters
    ----------
    table : DecisionTable
        Training groups only.
    spec : ExperimentSpec
    folds : sequence of Fold
        Of its groups; each fold's rung learns from its training groups alone.
    study : str
        Prefix of the studies' names; it must identify the data.
    studies : path or str
        Where studies are kept, as `studies_place` gives it.
    bind : callable, optional
        From a problem's position and an action to the one that the constraints leave.
    """

    def __init__(
        self,
        table: DecisionTable,
        spec: ExperimentSpec,
        folds: Sequence[Fold],
        *,
        study: str,
        studies: str | Path,
        bind: Callable[[int, int], int] = lambda _, action: action,
    ) -> None:
        self._bind = bind
        self._table = table
        self._spec = spec
        self._folds = folds
        self._study = study
        self._studies = studies

    def studies(self) -> list[RuleStudy]:
        """List the studies that the rungs rest on: one a fold, and one of all groups."""
        parts = [
            self._rule_study(self._table.of_groups(fold.train), f"inner {number}")
            for number, fold in enumerate(self._folds)
        ]
        return [*parts, self._rule_study(self._table, "rule")]

    def rungs(
        self, fallback: Fallback, learned: Callable[[int], int]
    ) -> tuple[tuple[RungSpec, ...], Tuned | None]:
        """Build both rungs above the rule.

        Parameters
        ----------
        fallback : Fallback
            The rule.
        learned : callable
            From a problem's position to the learned answer, found without the problem's
            group.

        Returns
        -------
        rungs : tuple of RungSpec
        tuned : Tuned or None
            The study of the tuned rule.
        """
        table = self._table
        rule = self._costs(
            lambda place: rule_of(fallback).decide(table.problems[place]).index
        )
        found: dict[str, Policy] = {}
        for number, fold in enumerate(self._folds):
            policy = self._middle(table.of_groups(fold.train), f"inner {number}").policy
            found.update(dict.fromkeys(fold.test, policy))
        middle = self._costs(
            lambda place: found[table.groups[place]].decide(table.problems[place]).index
        )
        chosen = self._middle(table, "rule")
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
            self._table.groups,
            below=below,
            level=guard.level,
            seed=self._spec.seed,
            assumes=guard.assumes,
            observed=self._table.observed,
        )

    def _costs(self, answer: Callable[[int], int]) -> Floats:
        """Log cost of an answer to every problem."""
        return np.array(
            [
                costs[self._bind(place, answer(place))]
                for place, costs in enumerate(self._table.log_costs)
            ]
        )

    def _rule_study(self, table: DecisionTable, suffix: str) -> RuleStudy:
        return RuleStudy(
            prefix=f"{self._study}/{suffix}",
            decision=self._spec.decision,
            table=table,
            types=tuple(_types(self._table)),
            trials=TRIALS_EACH * self._spec.search.trials,
            seed=self._spec.seed,
        )

    def _middle(self, table: DecisionTable, suffix: str) -> _Middle:
        """Fit both forms on some groups and keep the one that fits them better."""
        study = self._rule_study(table, suffix)
        value, tuned = study.constant, study.tune(self._studies)
        constant = mean_log_slowdown(named_rule("constant", constant=value), table)
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


def _types(table: DecisionTable) -> list[str]:
    """List the operation types of a table; none where it is not about them."""
    kinds = {problem.context.get("operation_type") for problem in table.problems}
    return sorted(str(kind) for kind in kinds if kind is not None)
