"""Nested evaluation: groups that judge take no part in tuning, fitting or choosing.

For each outer fold the stack and the ladder are learned on the other groups. Only then do
the held-out groups' problems get a decision from every policy; each is graded by the
measured cost of the action it took, on repeats that did not name the best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import CONSTRAINTS, ladder_of, rule_of
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation.constraints import FREE, ConstrainedAnswer
from toolkit.experiments.tables import deal_folds
from toolkit.experiments.tables.split import Fold
from toolkit.experiments.training import ExperimentSpec, learn
from toolkit.experiments.training.learner import Learner, studies_behind
from toolkit.experiments.tuning import RuleStudy
from toolkit.models import DecisionTable, RelativeMember
from toolkit.policies import Decision, Ladder, Policy, Rung
from toolkit.policies.rules import RuleOfThumbPolicy, named_rule

__all__ = ["Evaluation", "evaluate_held_out", "evaluation_studies"]

Report = Callable[[float, float, str], None]


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """Log slowdowns of every policy on every held-out problem.

    Attributes
    ----------
    names, groups : list of str
        Held-out problems and their groups, in the order of the scores.
    scores : dict of str to list of float
        Log of chosen cost over best cost, by policy; the best was named by other
        repeats than those that grade, where there are halves.
    inside : list of float
        Share of each problem's actions whose cost lay in its interval.
    interior : list of bool
        Whether each problem's best action lies strictly inside the offered range.
    floors : list of float
        Noise floor of each problem in log cost, where there are halves of repeats.
    ladders : list of dict
        Rungs of each outer fold with their evidence.
    rungs : list of str
        Rung that answered each problem.
    constrained : list of ConstrainedAnswer
        Outcomes of each problem's answers, where there are constraints.
    """

    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    inside: list[float] = field(default_factory=list)
    interior: list[bool] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    ladders: list[list[dict[str, Any]]] = field(default_factory=list)
    rungs: list[str] = field(default_factory=list)
    constrained: list[ConstrainedAnswer] = field(default_factory=list)

    def add(self, policy: str, score: float) -> None:
        """Record one policy's score on the problem added last.

        Parameters
        ----------
        policy : str
        score : float
            Log slowdown on the problem, at least 0.
        """
        self.scores.setdefault(policy, []).append(score)


def evaluate_held_out(
    table: DecisionTable,
    spec: ExperimentSpec,
    *,
    fingerprint: str,
    studies: str | Path,
    report: Report,
    members: Sequence[tuple[str, RelativeMember]] = (),
) -> Evaluation:
    """Evaluate every policy on groups left out.

    Parameters
    ----------
    table : DecisionTable
    spec : ExperimentSpec
    fingerprint : str
        Identifies the data in the names of studies.
    studies : path or str
        Where studies are kept.
    report : callable
        Called with what is done of what, and what is going on.
    members : sequence of (str, RelativeMember)
        Members of the stack beside those of the specification.

    Returns
    -------
    Evaluation
        One score for each policy and problem, each by a learner that had not seen its
        group.

    Raises
    ------
    NotEnoughDataError
        Without measured problems, or with too few groups of them.
    """
    evaluation = Evaluation()
    folds = _outer_folds(table, spec)
    for number, fold in enumerate(folds):

        def on_progress(
            done: float, total: float, what: str, number: int = number
        ) -> None:
            report(number + done / total, len(folds), what)

        learner = learn(
            table.of_groups(fold.train),
            spec,
            study=_study_of(fingerprint, spec, number),
            studies=studies,
            report=on_progress,
            members=members,
        )
        ladder = learner.policy
        evaluation.ladders.append([r.to_json() for r in learner.manifest.ladder])
        policies = _policies(learner, ladder, spec)
        held_out = table.of_groups(fold.test)
        for place in range(len(held_out.problems)):
            decisions = _judge(evaluation, held_out, place, policies, ladder)
            if spec.constraints:
                evaluation.constrained.append(
                    ConstrainedAnswer.of(held_out, place, decisions, spec.asked)
                )
    return evaluation


def evaluation_studies(
    table: DecisionTable, spec: ExperimentSpec, *, fingerprint: str
) -> list[RuleStudy]:
    """List the studies that `evaluate_held_out` tunes, without tuning them.

    Parameters
    ----------
    table, spec, fingerprint
        As of `evaluate_held_out`.

    Raises
    ------
    NotEnoughDataError
        With too few groups.
    """
    return [
        study
        for number, fold in enumerate(_outer_folds(table, spec))
        for study in studies_behind(
            table.of_groups(fold.train),
            spec,
            study=_study_of(fingerprint, spec, number),
        )
    ]


def _outer_folds(table: DecisionTable, spec: ExperimentSpec) -> list[Fold]:
    groups = table.group_names
    needed = max(4, spec.split.outer_folds)
    if len(groups) < needed:
        raise NotEnoughDataError(
            "a comparison by regret", got=len(groups), needed=needed, unit="groups"
        )
    return deal_folds(groups, folds=spec.split.outer_folds, seed=spec.seed)


def _study_of(fingerprint: str, spec: ExperimentSpec, fold: int) -> str:
    return f"{fingerprint}/{spec.name}/fold {fold}"


def _judge(
    evaluation: Evaluation,
    table: DecisionTable,
    place: int,
    policies: dict[str, Policy],
    ladder: Ladder,
) -> dict[str, Decision]:
    problem, cost = table.problems[place], table.log_costs[place]
    best = int(np.argmin(cost))
    slowdowns, floor = table.log_slowdowns(place), table.noise_floor(place)
    evaluation.names.append(table.names[place])
    evaluation.groups.append(table.groups[place])
    evaluation.interior.append(0 < best < len(cost) - 1)
    if floor is not None:
        evaluation.floors.append(floor)
    evaluation.add("oracle", 0.0)
    evaluation.add("random", float(slowdowns.mean()))
    decisions = {name: policy.decide(problem) for name, policy in policies.items()}
    for name, decision in decisions.items():
        evaluation.add(name, float(slowdowns[decision.index]))
        if name == "guarded":
            evaluation.rungs.append(decision.rung)
    curve = None if ladder.model is None else ladder.model.predict(problem)
    if curve is not None:
        held = (curve.log_low <= cost) & (cost <= curve.log_high)
        evaluation.inside.append(float(held.mean()))
    return decisions


def _policies(
    learner: Learner, ladder: Ladder, spec: ExperimentSpec
) -> dict[str, Policy]:
    """List what is compared: rungs each alone, the ladder, rules of thumb."""
    fallback = learner.manifest.fallback
    thumbs = (
        RuleOfThumbPolicy.of_batch_sizes()
        if spec.decision == "batch_size"
        else RuleOfThumbPolicy.of_agent_counts()
    )
    policies: dict[str, Policy] = {
        "rule": rule_of(fallback),
        "best constant": named_rule(
            "constant", constant=fallback.constant, name="best constant"
        ),
        **{policy.name: policy for policy in thumbs},
        "guarded": ladder,
    }
    if "rule" in learner.tuned:
        policies["tuned rule"] = named_rule(
            fallback.rule,
            constant=fallback.constant,
            parameters=learner.tuned["rule"].parameters,
            name="tuned rule",
        )
    policies["learned"] = ladder.rungs[-1].policy
    if spec.constraints:
        policies[FREE] = Ladder(rule=ladder.rule, rungs=_free_rungs(learner))
    return policies


def _free_rungs(learner: Learner) -> tuple[Rung, ...]:
    """Rungs that no constraint binds, with the evidence of those that one does."""
    extra = {n: v for n, v in learner.manifest.extra.items() if n != CONSTRAINTS}
    free = replace(learner.manifest, extra=extra)
    return ladder_of(free, learner.log_cost).rungs
