"""From a table to the manifest and the model of a bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.bundle import (
    ACTION_BOUNDS,
    CONSTRAINTS,
    Fallback,
    Float32s,
    Manifest,
    Support,
    ladder_of,
    rule_of,
)
from toolkit.errors import UsageError
from toolkit.experiments.tables import deal_folds
from toolkit.experiments.training.estimators import named_estimators
from toolkit.experiments.training.hinge_fit import HingeFit
from toolkit.experiments.training.level_fit import fit_level
from toolkit.experiments.training.outcome_fit import FittedOutcomes, fit_outcomes
from toolkit.experiments.training.rungs import RungTrainer
from toolkit.experiments.training.single_level import with_single_level
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.training.stack_manifest import stack_manifest
from toolkit.experiments.tuning import RuleStudy
from toolkit.experiments.tuning.rule_tuning import cheapest_action
from toolkit.experiments.tuning.search import Tuned
from toolkit.models import (
    DecisionTable,
    FittedStack,
    RelativeMember,
    RelativeRows,
    Stack,
    decision_weights,
    learn_stack_prior,
)
from toolkit.policies import Floats, Ladder

__all__ = ["FittedCosts", "Learner", "fit_costs", "learn", "studies_behind"]

Report = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A fitted stack with everything that its bundle will say.

    Attributes
    ----------
    table : DecisionTable
        What it learned from, with the rule that members and rungs were compared with.
    stack : FittedStack
    rows : RelativeRows
        The table's.
    manifest : Manifest
        Complete but for names, times, figures and files.
    tuned : dict of str to Tuned
        Every study.
    fit : HingeFit or None
        Of an observed history, the level of its single runs.
    """

    table: DecisionTable
    stack: FittedStack
    rows: RelativeRows
    manifest: Manifest
    tuned: dict[str, Tuned]
    fit: HingeFit | None = None

    @property
    def policy(self) -> Ladder:
        """The policy that the bundle will describe, on the fitted model itself."""
        return ladder_of(self.manifest, self.log_cost)

    def log_cost(self, features: Float32s) -> Floats:
        """Predict relative log costs of encoded rows.

        Parameters
        ----------
        features : array of float32, shape (n, width)
            As the manifest's schema encodes them.

        Returns
        -------
        array of shape (n,)
        """
        return self.stack.predict(features.astype(np.float64))


def learn(
    table: DecisionTable,
    spec: ExperimentSpec,
    *,
    study: str,
    studies: str | Path,
    report: Report,
    members: Sequence[tuple[str, RelativeMember]] = (),
) -> Learner:
    """Fit the stack on a table and find out which rungs it opens.

    Parameters
    ----------
    table : DecisionTable
        Training groups only; no other is looked at.
    spec : ExperimentSpec
    study : str
        Prefix of the studies' names; it must identify the data.
    studies : path or str
        Where studies are kept.
    report : callable
        Called with what is done of what, and what is going on.
    members : sequence of (str, RelativeMember)
        Beside those of the specification.

    Returns
    -------
    Learner
        The fitted stack, and each rung with the evidence for it.

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups in which several actions can be compared.
    """
    report(0, 2, f"{study.rsplit('/', maxsplit=1)[-1]}: stack")
    fitted = fit_costs(table, spec, members=members)
    table, stack, rows = fitted.table, fitted.stack, fitted.rows
    report(1, 2, f"{study.rsplit('/', maxsplit=1)[-1]}: ladder")
    limits = fit_outcomes(table, spec.asked) if spec.constraints else None
    trainer = _rung_trainer(table, spec, study=study, studies=studies, limits=limits)
    bounds = np.cumsum([0, *map(len, table.log_costs)])
    unseen = unselected(stack, rows, _ensemble(spec, members), observed=table.observed)

    def cheapest(place: int) -> int:
        costs = unseen[bounds[place] : bounds[place + 1]]
        return int(np.argmin(costs if limits is None else limits.among(place, costs)))

    rungs, tuned = trainer.rungs(fitted.manifest.fallback, cheapest)
    return Learner(
        table=table,
        stack=stack,
        rows=rows,
        manifest=replace(
            fitted.manifest,
            ladder=rungs,
            minimum_support=spec.guard.minimum_support,
            guard_level=spec.guard.level,
            extra={
                **fitted.manifest.extra,
                **({} if limits is None else {CONSTRAINTS: limits.bounds.to_json()}),
            },
        ),
        tuned={} if tuned is None else {"rule": tuned},
        fit=fitted.fit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCosts:
    """What expects costs, before any rung is opened.

    Attributes
    ----------
    table : DecisionTable
        With the rule that members are compared with.
    stack : FittedStack
    rows : RelativeRows
        The table's.
    manifest : Manifest
        With level, shape and intervals, and the actions on offer.
    fit : HingeFit or None
        Of an observed history, the level of its single runs.
    """

    table: DecisionTable
    stack: FittedStack
    rows: RelativeRows
    manifest: Manifest
    fit: HingeFit | None


def fit_costs(
    table: DecisionTable,
    spec: ExperimentSpec,
    *,
    members: Sequence[tuple[str, RelativeMember]] = (),
) -> FittedCosts:
    """Fit the stack, its calibration and the level of costs.

    Parameters
    ----------
    table : DecisionTable
        Training groups only.
    spec : ExperimentSpec
    members : sequence of (str, RelativeMember)
        Beside those of the specification.

    Returns
    -------
    FittedCosts

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups in which several actions can be compared.
    """
    fallback = Fallback(rule=f"{spec.decision}_rule", constant=cheapest_action(table))
    table = table.with_rule(rule_of(fallback))
    stack = _ensemble(spec, members).fit(table)
    rows = table.rows()
    prior = learn_stack_prior(table, rows, stack, spec.seed)
    manifest = stack_manifest(
        table,
        rows,
        stack,
        prior,
        name=spec.bundle.name,
        decision=spec.decision,
        fallback=fallback,
        level=spec.guard.interval,
        aim=spec.guard.interval,
        cost_level=fit_level(table),
    )
    manifest = replace(
        manifest, actions=_offered(table, spec.decision), support=support_of(table)
    )
    fit = None
    if table.singles is not None:
        fit, manifest = with_single_level(
            manifest,
            table.singles,
            stack,
            coverage=spec.guard.interval,
            seed=spec.seed,
        )
    return FittedCosts(table=table, stack=stack, rows=rows, manifest=manifest, fit=fit)


def studies_behind(
    table: DecisionTable, spec: ExperimentSpec, *, study: str
) -> list[RuleStudy]:
    """List the studies that `learn` tunes, without tuning them.

    Parameters
    ----------
    table, spec, study
        As of `learn`.

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups.
    """
    return _rung_trainer(table, spec, study=study, studies="").studies()


def _rung_trainer(
    table: DecisionTable,
    spec: ExperimentSpec,
    *,
    study: str,
    studies: str | Path,
    limits: FittedOutcomes | None = None,
) -> RungTrainer:
    folds = deal_folds(table.groups, folds=spec.split.inner_folds, seed=spec.seed + 1)
    bind = {} if limits is None else {"bind": limits.bind}
    return RungTrainer(table, spec, folds, study=study, studies=studies, **bind)


def unselected(
    stack: FittedStack, rows: RelativeRows, ensemble: Stack, *, observed: bool
) -> Floats:
    """Predict each group with weights that its own losses had no part in.

    Members had not seen the group; the weights of the stack had, and what is chosen on a
    group looks better there than it is.

    Returns
    -------
    array of shape (rows,)
    """
    predicted = np.empty(len(rows.X))
    for group in np.unique(rows.group):
        out = rows.group == group
        weights = decision_weights(
            stack.held_out_members[:, ~out],
            rows.take(~out),
            stack.names,
            ensemble.ranking,
            observed=observed,
        )
        predicted[out] = weights @ stack.held_out_members[:, out]
    return predicted


def _ensemble(
    spec: ExperimentSpec, members: Sequence[tuple[str, RelativeMember]]
) -> Stack:
    """Make the stack of the members that the specification names, and of the others."""
    kinds = dict(Stack(seed=spec.seed).kinds())
    for name in spec.search.members:
        if name not in kinds:
            raise UsageError.unknown("member of the stack", name, list(kinds))
    named = [(name, kinds[name]) for name in spec.search.members or kinds]
    return Stack(
        seed=spec.seed,
        members=(*named, *named_estimators(spec.search.estimators), *members),
    )


def support_of(table: DecisionTable) -> Support:
    """Count the runs behind each action, by type, and note the ranges of the context."""
    typed = any("operation_type" in problem.context for problem in table.problems)
    column = "operation_type" if typed else None
    counts: dict[str, dict[float, int]] = {}
    for problem, weights in zip(table.problems, table.weights, strict=True):
        row = counts.setdefault(str(problem.context[column]) if column else "", {})
        for action, weight in zip(problem.actions[:, 0], weights, strict=True):
            row[float(action)] = row.get(float(action), 0) + int(weight)
    ranges = {}
    for declared in table.schema.context:
        values = [problem.context[declared.name] for problem in table.problems]
        known = [float(value) for value in values if isinstance(value, int | float)]
        if declared.kind == "number" and known:
            ranges[declared.name] = (min(known), max(known))
    return Support(
        column=column,
        counts={key: tuple(sorted(row.items())) for key, row in counts.items()},
        ranges=ranges,
    )


def _offered(table: DecisionTable, decision: str) -> tuple[float, ...]:
    """List the actions of the history that may be recommended."""
    low, high = ACTION_BOUNDS[decision]
    tried = {float(action) for p in table.problems for action in p.actions[:, 0]}
    return tuple(sorted(action for action in tried if low <= action <= high))
