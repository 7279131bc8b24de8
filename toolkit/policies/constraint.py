"""Constraints beside the cost: which actions may be taken, and which comes nearest.

A constraint bounds an outcome, such as the 95th percentile of a batch's duration, that a
decision must keep with a stated probability. Who knows the bounds says which actions are
permitted; every rung of the ladder then answers among those alone.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.policies.base import Decision, Floats, Problem, Reason, Value

__all__ = ["CONSTRAINED", "Constraint", "Permitted", "PermittedActions"]

BINDS, NOT_KEPT = "constraint_binds", "constraint_not_kept"
CONSTRAINED = frozenset({BINDS, NOT_KEPT})
"""Reasons of decisions that a constraint moved, or that no action keeps."""

LARGEST_LOG = 700.0
"""Beyond it an exponential has no 64-bit value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A bound on an outcome that a decision must keep with a probability.

    Attributes
    ----------
    name : str
        Of the outcome: `p95_s`, `failure_share`, `memory_bytes`, `tokens`.
    at_most : float
        Above 0, in the outcome's unit.
    probability : float
        With which the decision keeps it, 0.5 to 1.
    """

    name: str
    at_most: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Permitted:
    """Which actions of a problem keep every constraint.

    Attributes
    ----------
    allowed : array of bool, shape (n_actions,)
    excess : array of shape (n_constraints, n_actions)
        Log of the upper bound of each outcome over its limit, in deviations of what is
        known of it; the actions are compared by the largest.
    log_bound : array of shape (n_constraints, n_actions)
        Natural logarithm of the upper bounds; infinite where nothing is known.
    constraints : tuple of Constraint
    """

    allowed: NDArray[np.bool_]
    excess: Floats
    log_bound: Floats
    constraints: tuple[Constraint, ...]

    @property
    def nearest(self) -> int:
        """The action that comes nearest to keeping them; the first of equal ones."""
        return int(self.excess.max(axis=0).argmin())

    def bind(self, problem: Problem, index: int) -> int:
        """Move an answer to the permitted action nearest to it.

        Parameters
        ----------
        problem : Problem
        index : int
            Of the action that would have been taken.

        Returns
        -------
        int
            The same where it is permitted; the smaller of two that are as near; the one
            that comes nearest to keeping the constraints where none is permitted.
        """
        if not self.allowed.any():
            return self.nearest
        if self.allowed[index]:
            return index
        values = problem.actions
        points = np.log2(values) if (values > 0).all() else values
        gaps = np.square(points - points[index]).sum(axis=1).round(12)
        gaps[~self.allowed] = math.inf
        return int(np.lexsort((*points.T[::-1], gaps))[0])

    def reason(self, problem: Problem, passed_over: int) -> Reason:
        """Say which constraint an action was passed over for, or that none keeps it.

        Parameters
        ----------
        problem : Problem
        passed_over : int
            The action that would have been taken.

        Returns
        -------
        Reason
            `constraint_binds` with what the action's outcome is bounded by, or
            `constraint_not_kept` with that of the action that comes nearest.
        """
        kept = bool(self.allowed.any())
        shown = passed_over if kept else self.nearest
        worst = int(self.excess[:, shown].argmax())
        constraint, log_bound = self.constraints[worst], self.log_bound[worst, shown]
        facts: dict[str, Value] = {
            "constraint": constraint.name,
            "at_most": constraint.at_most,
            "probability": constraint.probability,
        }
        if log_bound < LARGEST_LOG:
            facts["bound"] = math.exp(log_bound)
        if kept:
            facts["passed_over"] = problem.labels[passed_over]
        return Reason(code=BINDS if kept else NOT_KEPT, facts=facts)

    def bound(self, problem: Problem, decision: Decision) -> Decision:
        """Bind a decision; what was said of the action it left is not said of the other.

        Parameters
        ----------
        problem : Problem
        decision : Decision

        Returns
        -------
        Decision
            With the actions that were permitted.
        """
        index = self.bind(problem, decision.index)
        if index == decision.index and self.allowed[index]:
            return replace(decision, allowed=self.allowed)
        return replace(
            decision,
            index=index,
            label=problem.labels[index],
            action=tuple(problem.actions[index].tolist()),
            confidence=None,
            reason=self.reason(problem, decision.index),
            allowed=self.allowed,
        )


class PermittedActions(Protocol):
    """Says which actions keep the constraints."""

    def permitted(self, problem: Problem) -> Permitted:
        """Bound every outcome of each action; pure.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        Permitted
        """
        ...
