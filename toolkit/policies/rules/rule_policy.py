"""Rules as policies: each answers with the offered action nearest to its number."""

import math
from collections.abc import Callable

import numpy as np

from toolkit.policies import Decision, Floats, Problem, Reason, Value
from toolkit.policies.rules.agent_count_rule import AgentCountRule
from toolkit.policies.rules.batch_size_rule import BatchSizeRule, system_load
from toolkit.policies.rules.rules_of_thumb import (
    agents_by_tier,
    agents_from_tasks,
    half_the_cores,
    tool_call_cap,
)

__all__ = [
    "AgentCountRulePolicy",
    "BatchSizeRulePolicy",
    "ConstantPolicy",
    "RuleOfThumbPolicy",
    "nearest_action",
    "nearest_point",
    "number_of",
]

DECIMALS = 12
"""Gaps that agree to so many decimals are equal: log2(20 / 10) and log2(10 / 5)."""


def nearest_action(problem: Problem, target: float) -> int:
    """Find the offered action nearest, in ratio, to a number; the smaller of two.

    A size of 5 is as far from 10 as one of 20 is. Where something is not above 0 there is
    no ratio, and the difference decides.

    Examples
    --------
    >>> nearest_action(Problem.of("size", [1, 4, 8, 12]), 10)
    3
    >>> nearest_action(Problem.of("size", [5, 20]), 10)
    0
    """
    values = problem.actions[:, :1]
    if target > 0 and (values > 0).all():
        return nearest_point(np.log2(values), np.log2([target]))
    return nearest_point(values, np.array([target]))


def nearest_point(points: Floats, target: Floats) -> int:
    """Find the point nearest to a target; the one of smaller numbers of two as near.

    Parameters
    ----------
    points : array of shape (n, columns)
        Logarithms, where nearness is to mean a ratio.
    target : array of shape (columns,)

    Examples
    --------
    >>> nearest_point(np.array([[3.0], [1.0], [5.0]]), np.array([2.0]))
    1
    """
    gaps = np.square(points - target).sum(axis=1).round(DECIMALS)
    return int(np.lexsort((*points.T[::-1], gaps))[0])


class ConstantPolicy:
    """Always the same number.

    Parameters
    ----------
    value : float
    name : str
    """

    def __init__(self, value: float, *, name: str = "constant") -> None:
        self.value = value
        self.name = name

    def decide(self, problem: Problem) -> Decision:
        """Take the offered action nearest to the number."""
        reason = Reason(code="constant", facts={"value": self.value})
        return _decision(problem, self.value, reason, self.name)


class BatchSizeRulePolicy:
    """The specification's batch-size rule; the best constant where it has no rule.

    Parameters
    ----------
    rule : BatchSizeRule
    constant : float
        Size for operation types that the rule does not know.
    """

    def __init__(
        self, rule: BatchSizeRule, *, constant: float, name: str = "rule"
    ) -> None:
        self.rule = rule
        self.constant = constant
        self.name = name

    def decide(self, problem: Problem) -> Decision:
        """Apply the rule to what the context knows of load and complexity."""
        context = problem.context
        given = context.get("operation_type")
        operation_type = given if isinstance(given, str) else ""
        if operation_type not in self.rule.optimums:
            facts: dict[str, Value] = {
                "operation_type": operation_type or "not given",
                "constant": self.constant,
            }
            reason = Reason(code="no_rule_constant", facts=facts)
            return _decision(problem, self.constant, reason, self.name)
        answer = self.rule.recommend(
            operation_type=operation_type,
            system_load=_load(problem, unknown=self.rule.thresholds.unknown_load),
            coordination_complexity=number_of(context.get("coordination_complexity"))
            or 0.0,
        )
        return _decision(problem, answer.batch_size, answer.reason, self.name)


class AgentCountRulePolicy:
    """The specification's agent-count rule.

    Parameters
    ----------
    rule : AgentCountRule
    """

    def __init__(self, rule: AgentCountRule, *, name: str = "rule") -> None:
        self.rule = rule
        self.name = name

    def decide(self, problem: Problem) -> Decision:
        """Apply the formula to the task's complexity."""
        answer = self.rule.recommend(
            components=number_of(problem.context.get("components")),
            dependencies=number_of(problem.context.get("dependencies")),
            parallelizable=number_of(problem.context.get("parallelizable")),
            coordination_needs=number_of(problem.context.get("coordination_needs")),
        )
        return _decision(problem, answer.recommended, answer.reason, self.name)


class RuleOfThumbPolicy:
    """A number computed from one value of the context.

    Parameters
    ----------
    column : str or None
        What the number depends on; `None` for nothing.
    number : callable
        From that value to an action.
    default : float
        Answer where the value is not known.
    """

    def __init__(
        self,
        *,
        name: str,
        column: str | None,
        number: Callable[[float], float],
        default: float,
    ) -> None:
        self.name = name
        self.column = column
        self.number = number
        self.default = default

    def decide(self, problem: Problem) -> Decision:
        """Compute the number and take the nearest offered action."""
        known = None if self.column is None else problem.context.get(self.column)
        value = number_of(known)
        target = self.default if value is None else float(self.number(value))
        reason = Reason(code="rule_of_thumb", facts={"value": target})
        return _decision(problem, target, reason, self.name)

    @classmethod
    def of_batch_sizes(cls) -> "list[RuleOfThumbPolicy]":
        """List the rules of thumb for batch sizes.

        Returns
        -------
        list of RuleOfThumbPolicy
        """
        cap = tool_call_cap()
        return [cls(name="cap of 10", column=None, number=float, default=cap)]

    @classmethod
    def of_agent_counts(cls) -> "list[RuleOfThumbPolicy]":
        """List the rules of thumb for agent counts.

        Returns
        -------
        list of RuleOfThumbPolicy
        """
        return [
            cls(
                name="half the cores",
                column="cpu_cores",
                number=lambda cores: half_the_cores(int(cores)),
                default=1,
            ),
            cls(
                name="tasks / 1.5",
                column="components",
                number=agents_from_tasks,
                default=2,
            ),
            cls(
                name="3-4/5-7/8-12",
                column="components",
                number=agents_by_tier,
                default=4,
            ),
        ]


def _load(problem: Problem, *, unknown: float) -> float:
    known = {
        name: number_of(problem.context.get(f"load_{name}"))
        for name in ("cpu", "memory", "io")
    }
    if all(value is None for value in known.values()):
        return unknown
    return system_load(**known)


def number_of(value: Value) -> float | None:
    """Read a value of a context as a finite number; any other is not known.

    Examples
    --------
    >>> number_of(3), number_of("3"), number_of(float("nan"))
    (3.0, None, None)
    """
    if value is None or isinstance(value, str) or not math.isfinite(value):
        return None
    return float(value)


def _decision(problem: Problem, target: float, reason: Reason, name: str) -> Decision:
    index = nearest_action(problem, target)
    return Decision(
        index=index,
        label=problem.labels[index],
        action=tuple(map(float, problem.actions[index])),
        baseline=problem.labels[index],
        reason=reason,
        policy=name,
        version="specification",
    )
