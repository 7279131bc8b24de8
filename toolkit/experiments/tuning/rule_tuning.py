"""The specification's rules with thresholds and multipliers tuned on the same data.

The tuned twin is a fairer baseline than the rule itself: what it gains comes from
fitting a handful of numbers, what a model gains beyond it comes from learning.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.models import DecisionTable
from toolkit.policies import Policy
from toolkit.policies.rules import OPTIMUMS, named_rule

if TYPE_CHECKING:
    from optuna import Trial

__all__ = [
    "cheapest_action",
    "mean_log_slowdown",
    "rule_scores",
    "suggest_rule",
]

LARGEST = 20.0
"""Largest action that is recommended (specification, section 1)."""


def suggest_rule(decision: str, types: Sequence[str]) -> "Any":
    """Make the search space of a rule: a function from a trial to parameters."""
    return _suggest_batch(types) if decision == "batch_size" else _suggest_agents


def cheapest_action(table: DecisionTable) -> float:
    """Find the action that costs least over all problems; the nearest stands in."""
    tried = {float(action) for p in table.problems for action in p.actions[:, 0]}
    offered = sorted(action for action in tried if action <= LARGEST)
    losses = [
        mean_log_slowdown(named_rule("constant", constant=action), table)
        for action in offered
    ]
    return offered[int(np.argmin(losses))]


def mean_log_slowdown(policy: Policy, table: DecisionTable) -> float:
    """Grade a policy on a table: mean log of chosen cost over best cost."""
    return float(
        np.mean(
            [
                costs[policy.decide(problem).index] - costs.min()
                for problem, costs in zip(table.problems, table.log_costs, strict=True)
            ]
        )
    )


def rule_scores(decision: str, table: DecisionTable, *, constant: float) -> Any:
    """Make the score of a rule's parameters on training problems."""

    def scores(parameters: dict[str, Any]) -> Iterator[float]:
        policy = named_rule(
            f"{decision}_rule", constant=constant, parameters=parameters
        )
        yield mean_log_slowdown(policy, table)

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
