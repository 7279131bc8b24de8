"""The specification's rules with thresholds and multipliers tuned on the same data.

The tuned twin is a fairer baseline than the rule itself: what it gains comes from
fitting a handful of numbers, what a model gains beyond it comes from learning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.tables import MeasuredProblem
from toolkit.policies import Policy
from toolkit.policies.rules import (
    OPTIMUMS,
    AgentCountConstants,
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeOptimum,
    BatchSizeRule,
    BatchSizeRulePolicy,
    BatchSizeThresholds,
)

if TYPE_CHECKING:
    from optuna import Trial

__all__ = [
    "mean_log_slowdown",
    "rule_policy",
    "rule_scores",
    "suggest_rule",
    "tuned_rule_policy",
]


def rule_policy(decision: str, *, constant: float) -> Policy:
    """Make the specification's rule, verbatim."""
    if decision == "batch_size":
        return BatchSizeRulePolicy(BatchSizeRule(), constant=constant)
    return AgentCountRulePolicy(AgentCountRule())


def suggest_rule(decision: str, types: Sequence[str]) -> "Any":
    """Make the search space of a rule: a function from a trial to parameters."""
    return _suggest_batch(types) if decision == "batch_size" else _suggest_agents


def tuned_rule_policy(
    decision: str, parameters: dict[str, Any], *, constant: float
) -> Policy:
    """Make the rule with tuned numbers."""
    if decision == "batch_size":
        numbers = dict(parameters)
        optimums = {
            kind: BatchSizeOptimum(
                minimum=min(known.minimum, size),
                optimal=size,
                maximum=max(known.maximum, size),
            )
            for kind, known in OPTIMUMS.items()
            if (size := numbers.pop(f"optimal_{kind}", known.optimal))
        }
        numbers = {k: v for k, v in numbers.items() if not k.startswith("optimal_")}
        rule = BatchSizeRule(
            optimums=optimums, thresholds=replace(BatchSizeThresholds(), **numbers)
        )
        return BatchSizeRulePolicy(rule, constant=constant, name="tuned rule")
    constants = replace(AgentCountConstants(), **parameters)
    return AgentCountRulePolicy(AgentCountRule(constants=constants), name="tuned rule")


def mean_log_slowdown(policy: Policy, problems: Sequence[MeasuredProblem]) -> float:
    """Grade a policy on measured problems: mean log of chosen cost over best cost."""
    return float(
        np.mean(
            [
                p.log_cost[policy.decide(p.problem).index] - p.log_cost.min()
                for p in problems
            ]
        )
    )


def rule_scores(
    decision: str,
    folds: Sequence[Sequence[MeasuredProblem]],
    *,
    constant: float,
) -> Any:
    """Make the scores of a rule's parameters: one a fold of training problems."""

    def scores(parameters: dict[str, Any]) -> Iterator[float]:
        policy = tuned_rule_policy(decision, parameters, constant=constant)
        for problems in folds:
            if problems:
                yield mean_log_slowdown(policy, problems)

    return scores


def _suggest_batch(types: Sequence[str]) -> Any:
    known = [kind for kind in types if kind in OPTIMUMS]

    def suggest(trial: "Trial") -> dict[str, Any]:
        sizes = {
            f"optimal_{kind}": trial.suggest_int(f"optimal_{kind}", 1, 24)
            for kind in known
        }
        return {
            **sizes,
            "high_load": trial.suggest_float("high_load", 0.5, 1.0),
            "low_load": trial.suggest_float("low_load", 0.0, 0.5),
            "shrink": trial.suggest_float("shrink", 0.3, 1.0),
            "grow": trial.suggest_float("grow", 1.0, 2.0),
        }

    return suggest


def _suggest_agents(trial: "Trial") -> dict[str, Any]:
    return {
        "fewest": trial.suggest_int("fewest", 1, 6),
        "most": trial.suggest_int("most", 2, 16),
        "overhead_weight": trial.suggest_float("overhead_weight", 0.0, 20.0),
    }
