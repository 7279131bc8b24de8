"""Nested evaluation: groups that judge take no part in tuning, fitting or choosing.

For each outer fold every family is tuned on inner folds of the training groups, the best
one is chosen there, and rules are tuned there too. Only then do the held-out groups'
problems get a decision from every policy; each is graded by the measured cost of the
action it took.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation.cost_model import (
    CrossFit,
    FittedCost,
    cross_fit,
    fit_on,
)
from toolkit.experiments.evaluation.families import family, make_model
from toolkit.experiments.tables import (
    Fold,
    LearningTable,
    MeasuredProblem,
    group_folds,
)
from toolkit.experiments.training import ExperimentSpec
from toolkit.experiments.tuning import (
    Tuned,
    rule_policy,
    rule_scores,
    suggest_rule,
    tune,
    tuned_rule_policy,
)
from toolkit.policies import Greedy, Guarded, Policy
from toolkit.policies.rules import ConstantPolicy, RuleOfThumbPolicy

__all__ = ["Evaluation", "Learner", "evaluate", "inner_folds", "learn"]

Report = Callable[[float, float, str], None]

MOST_LEFT_OUT = 30
"""Fits that measure a model's errors on unseen groups; up to 30 groups, one a fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A tuned family, fitted, with its errors on unseen groups.

    Attributes
    ----------
    family : str
    tuned : dict of str to Tuned
        Every family's study.
    model : estimator
    errors : CrossFit
    tuned_rule : Tuned or None
        `None` where the history has no measured problems to tune a rule on.
    """

    family: str
    tuned: dict[str, Tuned]
    model: Any
    errors: CrossFit
    tuned_rule: Tuned | None


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """Log slowdowns of every policy on every held-out problem.

    Attributes
    ----------
    names, groups : list of str
        Held-out problems and their groups, in the order of the scores.
    scores : dict of str to list of float
        Log of chosen cost over best cost, by policy.
    inside : list of float
        Share of each problem's actions whose cost lay in its interval.
    interior : list of bool
        Whether each problem's best action lies strictly inside the offered range.
    families : list of str
        Family chosen in each outer fold.
    learned_used : list of bool
        Whether the guard let the learned answer through.
    """

    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    inside: list[float] = field(default_factory=list)
    interior: list[bool] = field(default_factory=list)
    families: list[str] = field(default_factory=list)
    learned_used: list[bool] = field(default_factory=list)

    def add(self, policy: str, score: float) -> None:
        """Note one policy's score on the problem added last."""
        self.scores.setdefault(policy, []).append(score)


def inner_folds(groups: Sequence[str], spec: ExperimentSpec) -> list[Fold]:
    """Deal training groups to the inner folds."""
    return group_folds(groups, folds=spec.split.inner_folds, seed=spec.seed + 1)


def learn(
    table: LearningTable,
    groups: Sequence[str],
    spec: ExperimentSpec,
    *,
    study: str,
    journal: Path,
    report: Report,
) -> Learner:
    """Tune every family inside some groups, choose the best, fit it on all of them.

    Parameters
    ----------
    study : str
        Prefix of the studies' names; it must identify the data.
    """
    folds = inner_folds(groups, spec)
    tuned = {}
    for position, name in enumerate(spec.search.families):
        report(
            position,
            len(spec.search.families),
            f"{study.rsplit('/', maxsplit=1)[-1]} {name}",
        )
        tuned[name] = tune(
            f"{study}/{name}",
            suggest=family(name).suggest,
            scores=_family_scores(table, folds, name, spec),
            trials=spec.search.trials,
            seed=spec.seed,
            journal=journal,
        )
    errors = {
        name: _errors(table, groups, folds, name, found.parameters, spec)
        for name, found in tuned.items()
    }
    best = min(tuned, key=lambda name: _worth(errors[name], tuned[name], spec))
    return Learner(
        family=best,
        tuned=tuned,
        model=fit_on(table, groups, _model(table, best, tuned[best].parameters, spec)),
        errors=errors[best],
        tuned_rule=_tune_rule(table, groups, folds, spec, study=study, journal=journal),
    )


def _worth(errors: CrossFit, tuned: Tuned, spec: ExperimentSpec) -> tuple[float, float]:
    """Grade a family by what the guard makes of it, then by its own score."""
    loss = errors.guarded_loss(interval=spec.guard.interval, level=spec.guard.level)
    return round(loss, 3), tuned.score


def _errors(
    table: LearningTable,
    groups: Sequence[str],
    folds: Sequence[Fold],
    name: str,
    parameters: dict[str, Any],
    spec: ExperimentSpec,
) -> CrossFit:
    """Measure a tuned family's errors on groups left out.

    Where problems were measured, one group at a time: errors of models that saw nearly
    all that the final one sees.
    """
    each = group_folds(groups, folds=MOST_LEFT_OUT, seed=spec.seed)
    return cross_fit(
        table,
        each if table.measured else folds,
        lambda: _model(table, name, parameters, spec),
        lambda train: rule_policy(spec.decision, constant=table.constant(train)),
    )


def evaluate(
    table: LearningTable,
    spec: ExperimentSpec,
    *,
    fingerprint: str,
    journal: Path,
    report: Report,
) -> Evaluation:
    """Evaluate every policy on groups left out.

    Raises
    ------
    NotEnoughDataError
        Without measured problems, or with too few groups of them.
    """
    groups = sorted({problem.group for problem in table.problems})
    needed = max(4, spec.split.outer_folds)
    if len(groups) < needed:
        raise NotEnoughDataError(
            "a comparison by regret", got=len(groups), needed=needed, unit="groups"
        )
    evaluation = Evaluation()
    folds = group_folds(groups, folds=spec.split.outer_folds, seed=spec.seed)
    for number, fold in enumerate(folds):

        def told(done: float, total: float, what: str, number: int = number) -> None:
            report(number + done / total, len(folds), what)

        learner = learn(
            table,
            fold.train,
            spec,
            study=f"{fingerprint}/{spec.name}/fold {number}",
            journal=journal,
            report=told,
        )
        evaluation.families.append(learner.family)
        _judge(evaluation, table, fold, spec, learner)
    return evaluation


def _judge(
    evaluation: Evaluation,
    table: LearningTable,
    fold: Fold,
    spec: ExperimentSpec,
    learner: Learner,
) -> None:
    constant = table.constant(fold.train)
    rule = rule_policy(spec.decision, constant=constant)
    policies = _baselines(learner, spec, constant)
    models = {
        name: fit_on(table, fold.train, _model(table, name, tuned.parameters, spec))
        for name, tuned in learner.tuned.items()
        if name != learner.family
    }
    models[learner.family] = learner.model
    conformal = learner.errors.conformal(level=spec.guard.interval)
    support = table.support(fold.train)
    for name, model in sorted(models.items()):
        fitted = FittedCost(
            model, table.schema, support, low=conformal.low, high=conformal.high
        )
        policies[f"learned: {name}"] = _greedy(fitted, spec, name)
        if name == learner.family:
            policies["learned"] = _greedy(fitted, spec, "learned")
            policies["guarded"] = Guarded(
                model=fitted,
                learned=policies["learned"],
                rule=rule,
                gain=learner.errors.gain(level=spec.guard.interval),
                level=spec.guard.level,
            )
    chosen = FittedCost(
        learner.model, table.schema, support, low=conformal.low, high=conformal.high
    )
    for problem in table.problems_of(fold.test):
        _judge_problem(evaluation, problem, policies, chosen)


def _judge_problem(
    evaluation: Evaluation,
    problem: MeasuredProblem,
    policies: dict[str, Policy],
    chosen: FittedCost,
) -> None:
    cost = problem.log_cost
    best = int(np.argmin(cost))
    evaluation.names.append(problem.name)
    evaluation.groups.append(problem.group)
    evaluation.interior.append(0 < best < len(cost) - 1)
    evaluation.add("oracle", 0.0)
    evaluation.add("random", float(np.mean(cost) - cost[best]))
    for name, policy in policies.items():
        decision = policy.decide(problem.problem)
        evaluation.add(name, float(cost[decision.index] - cost[best]))
        if name == "guarded":
            evaluation.learned_used.append(decision.reason.code == "learned_better")
    curve = chosen.predict(problem.problem)
    held = (curve.log_low <= cost) & (cost <= curve.log_high)
    evaluation.inside.append(float(held.mean()))


def _baselines(
    learner: Learner, spec: ExperimentSpec, constant: float
) -> dict[str, Policy]:
    thumbs = (
        RuleOfThumbPolicy.of_batch_sizes()
        if spec.decision == "batch_size"
        else RuleOfThumbPolicy.of_agent_counts()
    )
    policies: dict[str, Policy] = {
        "rule": rule_policy(spec.decision, constant=constant),
        "best constant": ConstantPolicy(constant, name="best constant"),
        **{policy.name: policy for policy in thumbs},
    }
    if learner.tuned_rule is not None:
        policies["tuned rule"] = tuned_rule_policy(
            spec.decision, learner.tuned_rule.parameters, constant=constant
        )
    return policies


def _greedy(fitted: FittedCost, spec: ExperimentSpec, name: str) -> Policy:
    return Greedy(fitted, minimum_support=spec.guard.minimum_support, name=name)


def _model(
    table: LearningTable, name: str, parameters: dict[str, Any], spec: ExperimentSpec
) -> Any:
    return make_model(
        name,
        parameters,
        decision=spec.decision,
        seed=spec.seed,
        price_exponent=spec.price_exponent,
        measured=table.measured,
    )


def _family_scores(
    table: LearningTable, folds: Sequence[Fold], name: str, spec: ExperimentSpec
) -> Callable[[dict[str, Any]], Iterator[float]]:
    """Score parameters by the decisions they lead to, or by error where none is known."""

    def scores(parameters: dict[str, Any]) -> Iterator[float]:
        for fold in folds:
            model = fit_on(table, fold.train, _model(table, name, parameters, spec))
            problems = table.problems_of(fold.test)
            if problems:
                yield _decision_loss(model, problems)
            else:
                yield _prediction_loss(table, model, fold.test)

    return scores


def _decision_loss(model: Any, problems: Sequence[MeasuredProblem]) -> float:
    losses = []
    for problem in problems:
        predicted = model.predict(problem.features.astype(np.float64))
        index = int(np.argmin(predicted))
        losses.append(problem.log_cost[index] - problem.log_cost.min())
    return float(np.mean(losses))


def _prediction_loss(table: LearningTable, model: Any, groups: Sequence[str]) -> float:
    rows = table.rows_of(groups)
    errors = table.log_cost[rows] - model.predict(table.X[rows].astype(np.float64))
    return float(np.nanmean(np.square(errors)))


def _tune_rule(
    table: LearningTable,
    groups: Sequence[str],
    folds: Sequence[Fold],
    spec: ExperimentSpec,
    *,
    study: str,
    journal: Path,
) -> Tuned | None:
    problems = [table.problems_of(fold.test) for fold in folds]
    if not any(problems):
        return None
    constant = table.constant(groups)
    types = (
        sorted(set(table.frame["operation_type"].astype(str)))
        if spec.decision == "batch_size"
        else []
    )
    return tune(
        f"{study}/rule",
        suggest=suggest_rule(spec.decision, types),
        scores=rule_scores(spec.decision, problems, constant=constant),
        trials=4 * spec.search.trials,
        seed=spec.seed,
        journal=journal,
    )
