"""Trains the relative-cost ensemble on some groups and exports it as a bundle.

Beside the graph the manifest carries the prior for own runs, the intervals, the curve of the
confidence and the ladder with its evidence; all of it from groups left out in turn
*inside* the training groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from toolkit.bundle import (
    CONSTRAINTS,
    SECTION,
    Bundle,
    Fallback,
    RungSpec,
    StackModel,
    StackSection,
)
from toolkit.experiments.training.learner import unselected
from toolkit.experiments.training.outcome_fit import check_constraints, fit_outcomes
from toolkit.experiments.training.rungs import evidence_of
from toolkit.experiments.training.stack_manifest import stack_manifest
from toolkit.export import write_bundle
from toolkit.models import (
    DecisionTable,
    FittedStack,
    Stack,
    learn_stack_prior,
)
from toolkit.policies import Constraint, Floats, Problem
from toolkit.policies.adaptation import (
    Adaptive,
    curve_covariance,
    curve_deviation,
    deviation_between,
)

__all__ = ["AIM", "RelativePolicy", "TrainedStack", "train_bundle"]

LEVEL = 0.9
GUARD_LEVEL = 0.95
AIM = 0.91
"""Coverage that is aimed at over groups: what the level asks for is 0.88 to 0.92, and
more of it leaves fewer groups far below."""
PROBES = 256
"""Rows compared at export: a benchmark writes a hundred bundles to grade them at once."""
VALID_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedStack:
    """A fitted ensemble and the bundle it was exported to."""

    ensemble: FittedStack
    bundle: Bundle

    @property
    def free(self) -> Bundle:
        """The bundle as it would answer without its constraints."""
        manifest = self.bundle.manifest
        kept = {
            name: each for name, each in manifest.extra.items() if name != CONSTRAINTS
        }
        return replace(self.bundle, manifest=replace(manifest, extra=kept))


class RelativePolicy:
    """The exported form: everything it needs comes from the bundle's files.

    Parameters
    ----------
    bundle : Bundle
        Written by `train_bundle`.
    """

    def __init__(self, bundle: Bundle) -> None:
        section = StackSection.from_json(bundle.manifest.extra[SECTION])
        self.prior = section.prior
        self.confidence = section.confidence
        self.intervals = section.intervals
        self.guarded = bundle.policy()
        self.model = StackModel(
            bundle.model.log_cost, bundle.manifest, rule=self.guarded.rule
        )
        self.adaptive = Adaptive(
            self.model, self.prior, name="relative", version=bundle.manifest.version
        )

    def interval(self, problem: Problem) -> tuple[Floats, Floats]:
        """Bound each action's log cost relative to the mean of those on offer.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        low, high : array of shape (n_actions,)
        """
        log_cost = self.model.predict(problem).log_cost
        deviation = curve_deviation(self.prior, self.prior.points(problem))
        return self.intervals.bounds(log_cost, deviation)

    def probability_not_worse(self, problem: Problem, rule: int) -> float:
        """Probability, 0 to 1, that the answer costs no more than the rule's.

        Parameters
        ----------
        problem : Problem
        rule : int
            Index of the rule's action.

        Returns
        -------
        float
        """
        log_cost = self.model.predict(problem).log_cost
        answer = int(np.argmin(log_cost))
        if answer == rule:
            return 1.0
        covariance = curve_covariance(self.prior, self.prior.points(problem))
        deviation = deviation_between(covariance, answer, rule)
        saving = float(log_cost[rule] - log_cost[answer])
        return self.confidence.probability(saving=saving, deviation=deviation)


def train_bundle(
    table: DecisionTable,
    directory: Path,
    *,
    ensemble: Stack,
    created_at: datetime,
    probes: int = PROBES,
    constraints: Sequence[Constraint] = (),
) -> TrainedStack:
    """Fit on every group of a table, calibrate across its groups, export and verify.

    Parameters
    ----------
    table : DecisionTable
        Training groups only.
    directory : path
        Where the bundle goes.
    ensemble : Stack
    created_at : datetime
        Aware, UTC.
    probes : int
        Rows on which graph and model are compared.
    constraints : sequence of Constraint
        Bounds on outcomes of the table that every answer of the bundle keeps.

    Returns
    -------
    TrainedStack
        The fitted ensemble, and the bundle as it was read back.

    Raises
    ------
    NotEnoughDataError
        Too few groups for the probability of a constraint.
    UsageError
        A constraint is on an outcome that the table does not know.
    """
    check_constraints(table, constraints)
    rows = table.rows()
    fitted = ensemble.fit(table)
    prior = learn_stack_prior(table, rows, fitted, ensemble.seed)
    manifest = replace(
        stack_manifest(
            table,
            rows,
            fitted,
            prior,
            name=f"{table.name}-{table.cost}",
            decision="table",
            fallback=Fallback(rule="table_rule", constant=0.0),
            level=LEVEL,
            aim=AIM,
        ),
        version="1",
        created_at=created_at,
        expires_at=created_at + VALID_FOR,
        guard_level=GUARD_LEVEL,
        cost_unit=f"{table.cost} relative to the problem",
        training={
            "problems": len(table.problems),
            "groups": len(table.group_names),
            "rows": len(rows.X),
        },
        metrics={"weights": dict(zip(fitted.names, fitted.weights, strict=True))},
        ladder=(
            _learned_rung(
                table, unselected(fitted, rows, ensemble, observed=table.observed)
            ),
        ),
    )
    if constraints:
        bounds = fit_outcomes(table, constraints).bounds
        extra = {**manifest.extra, CONSTRAINTS: bounds.to_json()}
        manifest = replace(manifest, extra=extra)
    bundle = write_bundle(
        directory,
        model=fitted,
        manifest=manifest,
        X=rows.X.astype(np.float32),
        seed=ensemble.seed,
        probes=probes,
        limits=["Costs compare between the actions of one problem only."],
    )
    return TrainedStack(ensemble=fitted, bundle=bundle)


def _learned_rung(table: DecisionTable, predicted: Floats) -> RungSpec:
    """Compare the held-out answers with the rule's, problem by problem."""
    bounds = np.cumsum([0, *map(len, table.log_costs)])
    answers = [
        int(np.argmin(predicted[bounds[place] : bounds[place + 1]]))
        for place in range(len(table.problems))
    ]
    differences = np.array(
        [
            costs[answer] - costs[rule]
            for costs, answer, rule in zip(
                table.log_costs, answers, table.rules, strict=True
            )
        ]
    )
    return RungSpec(
        name="learned",
        rule="learned",
        evidence=evidence_of(
            differences,
            table.groups,
            below="rule",
            level=GUARD_LEVEL,
            seed=0,
            observed=table.observed,
        ),
    )
