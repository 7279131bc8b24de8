"""The specification's rules with thresholds and multipliers tuned on the same data.

The tuned twin is a fairer baseline than the rule itself: what it gains comes from
fitting a handful of numbers, what a model gains beyond it comes from learning.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.tables import MeasuredProblem
from toolkit.policies import Policy
from toolkit.policies.rules import OPTIMUMS, named_rule

if TYPE_CHECKING:
    from optuna import Trial

__all__ = [
    "mean_log_slowdown",
    "rule_scores",
    "suggest_rule",
]


def suggest_rule(decision: str, types: Sequence[str]) -> "Any":
    """Make the search space of a rule: a function from a trial to parameters."""
    return _suggest_batch(types) if decision == "batch_size" else _suggest_agents


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
        policy = named_rule(
            f"{decision}_rule", constant=constant, parameters=parameters
        )
        for problems in folds:
            if problems:
                yield mean_log_slowdown(policy, problems)

    return scores


def _suggest_batch(types: Sequence[str]) -> Any:
    known = [kind for kind in types if kind in OPTIMUMS]

    def suggest(trial: "Trial") -> dict[str, Any]:
        sizes = {
            f"optimal_{kind}": trial.suggest_int(f"optimal_{kind}", 1, 20)
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
        "most": trial.suggest_int("most", 2, 12),
        "overhead_weight": trial.suggest_float("overhead_weight", 0.0, 20.0),
    }
