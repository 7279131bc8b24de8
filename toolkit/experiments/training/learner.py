"""From the problems of some groups to the manifest and the model of a bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from toolkit.bundle import (
    ACTION_BOUNDS,
    SECTION,
    Column,
    Conformal,
    Fallback,
    FeatureSchema,
    Float32s,
    Manifest,
    StackSection,
    ladder_of,
    rule_of,
)
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.evaluation import (
    fit_confidence,
    fit_intervals,
    saving_errors,
)
from toolkit.experiments.tables import (
    LearningTable,
    MeasuredProblem,
    group_folds,
    observed_problems,
    run_noise,
)
from toolkit.experiments.training.level_fit import fit_level
from toolkit.experiments.training.rungs import RungTrainer, best_constant
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.tuning import Tuned
from toolkit.models import (
    FittedStack,
    RelativeLayout,
    RelativeRows,
    Stack,
    decision_weights,
    learn_measurement_prior,
)
from toolkit.policies import Floats, Ladder, Policy, Problem, with_offered_range
from toolkit.policies.adaptation import MeasurementPrior

__all__ = ["Learner", "learn"]

Report = Callable[[float, float, str], None]

PROBABILITIES = tuple(np.linspace(0.01, 0.99, 99).round(2).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A fitted stack with everything that its bundle will say.

    Attributes
    ----------
    stack : FittedStack
    rows : RelativeRows
        What it was fitted on.
    manifest : Manifest
        Complete but for names, times, figures and files.
    tuned : dict of str to Tuned
        Every study.
    """

    stack: FittedStack
    rows: RelativeRows
    manifest: Manifest
    tuned: dict[str, Tuned]

    @property
    def policy(self) -> Ladder:
        """The policy that the bundle will describe, on the fitted model itself."""
        return ladder_of(self.manifest, self.log_cost)

    def log_cost(self, features: Float32s) -> Floats:
        """Predict relative log costs of encoded rows."""
        return self.stack.predict(features.astype(np.float64))


def learn(
    table: LearningTable,
    groups: Sequence[str],
    spec: ExperimentSpec,
    *,
    study: str,
    journal: Path,
    report: Report,
) -> Learner:
    """Fit the stack on some groups and find out which rungs it opens.

    Parameters
    ----------
    table : LearningTable
    groups : sequence of str
        Whose problems teach; no others are looked at.
    spec : ExperimentSpec
    study : str
        Prefix of the studies' names; it must identify the data.
    journal : path
    report : callable
        Called with what is done of what, and what is going on.

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups in which several actions can be compared.
    """
    report(0, 2, f"{study.rsplit('/', maxsplit=1)[-1]}: stack")
    problems = table.problems_of(groups) or observed_problems(table, groups)
    observed = not table.problems_of(groups)
    if not problems:
        raise NotEnoughDataError(
            "a comparison of actions",
            got=0,
            needed=2,
            unit="groups with two actions each",
        )
    fallback = Fallback(rule=f"{spec.decision}_rule", constant=best_constant(problems))
    rows = stack_rows(problems, table, rule_of(fallback))
    ensemble = _ensemble(spec)
    stack = ensemble.fit_rows(rows)
    prior = learn_measurement_prior(
        rows, stack.held_out, (0,), spec.seed, noise=run_noise(table, groups) or 0.0
    )
    report(1, 2, f"{study.rsplit('/', maxsplit=1)[-1]}: ladder")
    trainer = RungTrainer(
        table,
        problems,
        spec,
        group_folds(
            [problem.group for problem in problems],
            folds=spec.split.inner_folds,
            seed=spec.seed + 1,
        ),
        observed=observed,
        study=study,
        journal=journal,
    )
    bounds = np.cumsum([0, *(len(problem.log_cost) for problem in problems)])
    unseen = unselected(stack, rows, ensemble)
    rungs, tuned = trainer.rungs(
        fallback,
        lambda _, place: int(np.argmin(unseen[bounds[place] : bounds[place + 1]])),
    )
    manifest = _manifest(table, groups, spec, problems, rows, stack, prior, fallback)
    return Learner(
        stack=stack,
        rows=rows,
        manifest=replace(manifest, ladder=rungs),
        tuned={} if tuned is None else {"rule": tuned},
    )


def unselected(stack: FittedStack, rows: RelativeRows, ensemble: Stack) -> Floats:
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
        )
        predicted[out] = weights @ stack.held_out_members[:, out]
    return predicted


def _ensemble(spec: ExperimentSpec) -> Stack:
    """Make the stack of the members that the specification names."""
    whole = Stack(seed=spec.seed)
    if not spec.search.members:
        return whole
    kinds = dict(whole.kinds())
    for name in spec.search.members:
        if name not in kinds:
            raise UsageError.unknown("member of the stack", name, list(kinds))
    return Stack(
        seed=spec.seed,
        members=tuple((name, kinds[name]) for name in spec.search.members),
    )


def stack_rows(
    problems: Sequence[MeasuredProblem], table: LearningTable, rule: Policy
) -> RelativeRows:
    """Encode problems as the stack reads them: context, binary logarithm, range."""
    context = table.schema.action_position
    names = {g: code for code, g in enumerate(sorted({p.group for p in problems}))}
    blocks = []
    for problem in problems:
        repeated = np.asarray(problem.features[:, :context], dtype=np.float64)
        blocks.append(np.hstack([repeated, _shown(problem.problem, rule).actions]))
    sizes = [len(block) for block in blocks]
    return RelativeRows.of(
        np.concatenate(blocks),
        np.concatenate([problem.log_cost for problem in problems]),
        np.repeat(np.arange(len(problems)), sizes),
        np.repeat([names[problem.group] for problem in problems], sizes),
        RelativeLayout(
            context=context, actions=1, axes=1, counts=table.decision == "agent_count"
        ),
    )


def _shown(problem: Problem, rule: Policy) -> Problem:
    """Show a problem's actions as the stack reads them."""
    index = rule.decide(problem).index
    return with_offered_range(problem, (0,), rule=index, sizes=True)


def _manifest(
    table: LearningTable,
    groups: Sequence[str],
    spec: ExperimentSpec,
    problems: Sequence[MeasuredProblem],
    rows: RelativeRows,
    stack: FittedStack,
    prior: MeasurementPrior,
    fallback: Fallback,
) -> Manifest:
    rule = rule_of(fallback)
    rules = [rule.decide(problem.problem).index for problem in problems]
    intervals = fit_intervals(rows, stack.held_out, prior, level=spec.guard.interval)
    level = fit_level(problems, table.schema, seed=spec.seed)
    errors = np.quantile(rows.regret - stack.held_out, (0.05, 0.95))
    section = StackSection(
        sizes=True,
        prior=prior,
        intervals=intervals,
        confidence=fit_confidence(rows, stack.held_out, prior, rules),
        level=level,
    )
    shown = _shown(problems[0].problem, rule).action_columns
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    return Manifest(
        name=spec.bundle.name,
        version="0",
        decision=spec.decision,
        created_at=moment,
        expires_at=moment + timedelta(days=spec.bundle.expires_days),
        feature_schema=FeatureSchema(
            context=table.schema.context,
            action=tuple(
                Column(name=name, unit="log2", about="binary logarithm")
                for name in shown
            ),
            action_is_log=True,
        ),
        actions=_offered(problems, spec.decision),
        support=table.support(groups),
        minimum_support=spec.guard.minimum_support,
        fallback=fallback,
        conformal=Conformal(
            level=spec.guard.interval,
            low=float(errors[0]),
            high=float(errors[1]),
            probabilities=PROBABILITIES,
            differences=_spread_of_errors(rows, stack, rules),
            groups=len({problem.group for problem in problems}),
        ),
        guard_level=spec.guard.level,
        adaptation_rate=0.1,
        adaptation_every=5,
        cost_unit="",
        training={},
        metrics={},
        files={},
        extra={SECTION: section.to_json()},
    )


def _offered(problems: Sequence[MeasuredProblem], decision: str) -> tuple[float, ...]:
    """List the actions of the history that may be recommended."""
    low, high = ACTION_BOUNDS[decision]
    tried = {float(action) for p in problems for action in p.problem.actions[:, 0]}
    return tuple(sorted(action for action in tried if low <= action <= high))


def _spread_of_errors(
    rows: RelativeRows, stack: FittedStack, rules: list[int]
) -> tuple[float, ...]:
    """Quantiles of how far predicted differences are off, about zero."""
    found = saving_errors(rows, stack.held_out, rules, PROBABILITIES)
    above = np.array(PROBABILITIES) >= 0.5
    return tuple(np.where(above, np.maximum(found, 0), np.minimum(found, 0)).tolist())
