"""The specification's rules with thresholds and multipliers tuned on the same data.

The tuned twin is a fairer baseline than the rule itself: what it gains comes from
fitting a handful of numbers, what a model gains beyond it comes from learning.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.tuning.search import Tuned, tune
from toolkit.models import DecisionTable
from toolkit.policies import Policy
from toolkit.policies.rules import OPTIMUMS, named_rule

if TYPE_CHECKING:
    from optuna import Trial

__all__ = [
    "RuleStudy",
    "cheapest_action",
    "mean_log_slowdown",
    "rule_scores",
    "suggest_rule",
]

LARGEST = 20.0
"""Largest action that is recommended (specification, section 1)."""


@dataclass(frozen=True, kw_only=True)
class RuleStudy:
    """What it takes to tune the rule on one table; it can be handed to other processes.

    Attributes
    ----------
    prefix : str
        Begins the study's name; it must identify the records and the experiment.
    decision : str
        `batch_size` or `agent_count`.
    table : DecisionTable
        Training groups only.
    types : tuple of str
        Operation types whose optimum is tuned.
    trials, seed : int
    """

    prefix: str
    decision: str
    table: DecisionTable
    types: tuple[str, ...]
    trials: int
    seed: int

    @cached_property
    def name(self) -> str:
        """Name the study after all that its result depends on, but for the budget."""
        parts = [self.decision, *self.types, str(self.seed), *sorted(self.table.names)]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return f"{self.prefix} {digest[:8]}"

    @cached_property
    def constant(self) -> float:
        """Find the best constant of the table, which stands in where the rule is silent."""
        return cheapest_action(self.table)

    def suggest(self, trial: "Trial") -> object:
        """Suggest the rule's parameters in a trial."""
        return suggest_rule(self.decision, self.types)(trial)

    def scores(self, parameters: dict[str, Any]) -> Iterator[float]:
        """Score parameters on the table."""
        score = rule_scores(self.decision, self.table, constant=self.constant)
        found: Iterator[float] = score(parameters)
        return found

    def tune(self, studies: str | Path) -> Tuned:
        """Tune, or read what was tuned already.

        Parameters
        ----------
        studies : path or str
            Where studies are kept.
        """
        return tune(
            self.name,
            suggest=self.suggest,
            scores=self.scores,
            trials=self.trials,
            seed=self.seed,
            studies=studies,
        )


def suggest_rule(decision: str, types: Sequence[str]) -> "Any":
    """Make the search space of a rule: a function that suggests a trial's parameters.

    Parameters
    ----------
    decision : str
        `batch_size` or `agent_count`.
    types : sequence of str
        Operation types whose optimum is searched.

    Returns
    -------
    callable
    """
    return _suggest_batch(types) if decision == "batch_size" else _suggest_agents


def cheapest_action(table: DecisionTable) -> float:
    """Find the action that costs least over all problems; the nearest stands in.

    Parameters
    ----------
    table : DecisionTable

    Returns
    -------
    float
        At most `LARGEST`.
    """
    tried = {float(action) for p in table.problems for action in p.actions[:, 0]}
    offered = sorted(action for action in tried if action <= LARGEST)
    losses = [
        mean_log_slowdown(named_rule("constant", constant=action), table)
        for action in offered
    ]
    return offered[int(np.argmin(losses))]


def mean_log_slowdown(policy: Policy, table: DecisionTable) -> float:
    """Grade a policy on a table: mean log of chosen cost over best cost.

    Parameters
    ----------
    policy : Policy
    table : DecisionTable

    Returns
    -------
    float
        At least 0; 0 where every choice is the best.
    """
    return float(
        np.mean(
            [
                costs[policy.decide(problem).index] - costs.min()
                for problem, costs in zip(table.problems, table.log_costs, strict=True)
            ]
        )
    )


def rule_scores(decision: str, table: DecisionTable, *, constant: float) -> Any:
    """Make the score of a rule's parameters on training problems.

    Parameters
    ----------
    decision : str
        `batch_size` or `agent_count`.
    table : DecisionTable
        Training problems.
    constant : float
        Answer where the rule has none.

    Returns
    -------
    callable
        Takes parameters to an iterator of one score, as `tune` asks for.
    """

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
