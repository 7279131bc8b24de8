"""What a decision is: a problem, the costs a model expects, the action a policy takes.

A *problem* is one decision to take: a context that is known beforehand and the actions
on offer. A *cost model* expects a cost of each action. A *policy* takes one. The same
three serve a batch size, an agent count, and any decision table with named columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.errors import UsageError

__all__ = [
    "CostCurve",
    "CostModel",
    "Decision",
    "Floats",
    "Policy",
    "Problem",
    "Reason",
    "Value",
]

Value = float | str | None
"""A context value: a number, a category, or not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One decision to take.

    Parameters
    ----------
    context : mapping of str to float, str or None
        What is known before deciding, by column name; `None` is not known.
    action_columns : tuple of str
        Names of the numbers an action consists of.
    actions : array of shape (n_actions, n_action_columns)
        The actions on offer, one a row.
    labels : tuple of str
        What each action is called; its numbers joined by `/` unless given.

    Raises
    ------
    UsageError
        Without an action, or where shapes disagree.

    Examples
    --------
    >>> problem = Problem.of(
    ...     "size", [1, 2, 4], operation_type="fileOperations", load=0.3
    ... )
    >>> problem.labels
    ('1', '2', '4')
    """

    context: Mapping[str, Value]
    action_columns: tuple[str, ...]
    actions: Floats
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and name the actions."""
        shape = self.actions.shape
        if len(shape) != 2 or shape[0] == 0 or shape[1] != len(self.action_columns):
            raise UsageError(
                f"actions must have shape (n >= 1, {len(self.action_columns)}), "
                f"one column for each of {self.action_columns}; got {shape}"
            )
        if not self.labels:
            names = tuple("/".join(f"{v:g}" for v in row) for row in self.actions)
            object.__setattr__(self, "labels", names)
        if len(self.labels) != shape[0]:
            raise UsageError(f"{shape[0]} actions, but {len(self.labels)} labels")

    @classmethod
    def of(cls, column: str, actions: Sequence[float], **context: Value) -> "Problem":
        """Build a problem whose actions are single numbers.

        Parameters
        ----------
        column : str
            Name of the action column, such as `size`.
        actions : sequence of float, shape (n_actions,)
            What is on offer; at least one.
        **context : float, str or None
            What is known of the situation, by column; `None` is not known.

        Returns
        -------
        Problem
            Of one action column.
        """
        values = np.asarray(actions, dtype=np.float64).reshape(-1, 1)
        return cls(
            context=MappingProxyType(dict(context)),
            action_columns=(column,),
            actions=values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCurve:
    """The cost a model expects of each action of one problem.

    Attributes
    ----------
    log_cost : array of shape (n_actions,)
        Expected natural logarithm of the cost.
    log_low, log_high : array of shape (n_actions,)
        Bounds of the interval at the model's stated level.
    support : array of shape (n_actions,)
        How many past rows stand behind each action, 0 where none does.
    relative : bool
        True where costs compare within the problem only (their unit is unknown).
    """

    log_cost: Floats
    log_low: Floats
    log_high: Floats
    support: Floats
    relative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an action was taken, as data; rendered to a sentence where it is shown.

    Attributes
    ----------
    code : str
        One word, stable across versions: `learned_better`, `rule`, `out_of_support`,
        `not_shown_better`, `constraint_binds`, `no_model`, `explored`, ...
    facts : mapping
        The numbers behind it.
    """

    code: str
    facts: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        """Render the reason for people."""
        text = TEXTS.get(self.code, self.code.replace("_", " "))
        shown = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.facts.items()
        )
        return f"{text} ({shown})" if shown else text


TEXTS: Mapping[str, str] = {
    "constraint_binds": "an action was passed over for a constraint",
    "constraint_not_kept": "no action is shown to keep the constraint, this one comes "
    "nearest",
    "no_rule_constant": "the rule has no size for this type, a constant stands in",
}
"""Sentences of codes that do not read as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The action a policy took, and what it knew.

    Attributes
    ----------
    index : int
        Row of the problem's actions.
    label : str
        Name of the action.
    action : tuple of float
        The action's numbers.
    expected_cost, cost_low, cost_high : float or None
        In the cost's own unit; `None` where the policy does not predict one.
    confidence : float or None
        Probability, 0 to 1, that the action costs no more than the rule's; `None` where
        it is the rule's.
    support : float
        Past rows behind the action.
    baseline : str or None
        What the rule would have taken.
    reason : Reason
    policy, version : str
    propensity : float
        Probability, above 0 and up to 1, with which this action was taken here.
    rung : str
        Rung of the ladder that answered: `rule`, `tuned rule`, `best constant`,
        `learned`; empty where there is no ladder.
    curve : CostCurve or None
        What the policy's model expected of each action.
    allowed : array of bool, shape (n_actions,), or None
        Which actions keep the constraints; `None` where there are none.
    """

    index: int
    label: str
    action: tuple[float, ...]
    reason: Reason
    policy: str
    version: str
    expected_cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    confidence: float | None = None
    support: float = 0.0
    baseline: str | None = None
    propensity: float = 1.0
    rung: str = ""
    curve: CostCurve | None = field(default=None, repr=False, compare=False)
    allowed: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)


@runtime_checkable
class CostModel(Protocol):
    """Expects a cost of each action of a problem."""

    def predict(self, problem: Problem) -> CostCurve:
        """Return the expected cost of each action; pure.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        CostCurve
            One value an action, in the problem's order.
        """
        ...


@runtime_checkable
class Policy(Protocol):
    """Takes one action of a problem."""

    @property
    def name(self) -> str:
        """What results and records call this policy."""
        ...

    def decide(self, problem: Problem) -> Decision:
        """Take an action.

        Parameters
        ----------
        problem : Problem
            With at least one action.

        Returns
        -------
        Decision
            One of the problem's actions; never another.
        """
        ...
