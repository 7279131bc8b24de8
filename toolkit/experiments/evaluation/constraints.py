"""How often constraints were kept on groups left out, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.evaluation.result import over_groups
from toolkit.metrics import clustered_wilson
from toolkit.models import DecisionTable
from toolkit.policies import Constraint, Decision

if TYPE_CHECKING:
    from toolkit.experiments.evaluation.nested import Evaluation

__all__ = ["FREE", "ConstrainedAnswer", "ConstraintRow", "constraint_rows"]

FREE = "guarded, free"
"""Name of the ladder without its constraints, among the policies that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstrainedAnswer:
    """What answers to a held-out problem turned out to be, beside their cost.

    Attributes
    ----------
    promised : bool
        Whether an action was said to keep the constraints.
    outcomes : mapping of str to mapping of str to float
        Measured outcome by constraint, then by policy; NaN where it is not known.
    """

    promised: bool
    outcomes: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(
        cls,
        table: DecisionTable,
        place: int,
        decisions: Mapping[str, Decision],
        constraints: Sequence[Constraint],
    ) -> "ConstrainedAnswer":
        """Look up what the decisions of some policies led to.

        Parameters
        ----------
        table : DecisionTable
        place : int
            Of the problem.
        decisions : mapping of str to Decision
            By policy; that of `guarded` says what was promised.
        constraints : sequence of Constraint
        """
        allowed = decisions["guarded"].allowed
        return cls(
            promised=allowed is not None and bool(allowed.any()),
            outcomes={
                each.name: {
                    policy: float(table.outcomes[each.name][place][decision.index])
                    for policy, decision in decisions.items()
                }
                for each in constraints
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintRow:
    """One constraint on groups left out.

    Attributes
    ----------
    constraint : str
    at_most, probability : float
        What was asked.
    contexts, groups : int
        In which an action was said to keep all constraints.
    promised : float
        Share of the held-out contexts that these are.
    kept, kept_low, kept_high : float or None
        Share of these in which the answer kept it, with its 95 % interval over groups;
        `None` where nothing was promised.
    kept_by_rule, kept_free : float or None
        The same of the rule alone and of the ladder without constraints, in the same
        contexts.
    cost, cost_low, cost_high : float
        Cost of the constrained ladder over that of the free one in all contexts, minus
        1, with its 95 % interval over groups; all constraints together.
    """

    constraint: str
    at_most: float
    probability: float
    contexts: int
    groups: int
    promised: float
    kept: float | None
    kept_low: float | None
    kept_high: float | None
    kept_by_rule: float | None
    kept_free: float | None
    cost: float
    cost_low: float
    cost_high: float

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        return asdict(self)


def constraint_rows(
    evaluation: "Evaluation", constraints: Sequence[Constraint], *, seed: int
) -> list[ConstraintRow]:
    """Grade every constraint.

    Parameters
    ----------
    evaluation : Evaluation
        Of a specification with these constraints.
    constraints : sequence of Constraint
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of ConstraintRow
    """
    scores = {name: np.array(evaluation.scores[name]) for name in ("guarded", FREE)}
    cost = over_groups(
        scores["guarded"] - scores[FREE], np.array(evaluation.groups), seed
    )
    rows = []
    for each in constraints:
        promised = [
            (group, answer.outcomes[each.name])
            for group, answer in zip(
                evaluation.groups, evaluation.constrained, strict=True
            )
            if answer.promised
        ]
        kept = _kept(promised, "guarded", each)
        by_rule, free = (_kept(promised, name, each) for name in ("rule", FREE))
        rows.append(
            ConstraintRow(
                constraint=each.name,
                at_most=each.at_most,
                probability=each.probability,
                contexts=len(promised),
                groups=len({group for group, _ in promised}),
                promised=len(promised) / len(evaluation.constrained),
                kept=kept[0],
                kept_low=kept[1],
                kept_high=kept[2],
                kept_by_rule=by_rule[0],
                kept_free=free[0],
                cost=float(np.expm1(cost.estimate)),
                cost_low=float(np.expm1(cost.low)),
                cost_high=float(np.expm1(cost.high)),
            )
        )
    return rows


def _kept(
    promised: Sequence[tuple[str, Mapping[str, float]]],
    policy: str,
    constraint: Constraint,
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Share of the contexts in which a policy kept a constraint, with its interval."""
    counts: dict[str, list[int]] = {}
    for group, outcomes in promised:
        if np.isfinite(found := outcomes[policy]):
            count = counts.setdefault(group, [0, 0])
            count[0] += found <= constraint.at_most
            count[1] += 1
    if not counts:
        return None, None, None
    share = clustered_wilson([(kept, total) for kept, total in counts.values()])
    return share.estimate, share.low, share.high
