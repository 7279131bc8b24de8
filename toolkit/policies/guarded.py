"""The policy that lets a learned answer through only where it is shown to be better."""

import math
from dataclasses import replace

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.policies.base import (
    CostCurve,
    CostModel,
    Decision,
    Floats,
    Policy,
    Problem,
    Reason,
)

__all__ = ["Gain", "Guarded"]


class Gain:
    """How a learned action's cost compares with the rule's, with its uncertainty.

    The difference of two predicted log costs in one context has its own distribution:
    errors that the two actions share cancel. `residual_quantiles` are those of
    *(observed - predicted) difference* between two actions of one unseen group, from
    cross-fitting, standardised by nothing: they are in log cost.

    Parameters
    ----------
    probabilities : array of shape (n,)
        Ascending, in 0..1.
    residual_quantiles : array of shape (n,)
        Quantiles of the residual difference at those probabilities.

    Examples
    --------
    >>> gain = Gain(np.array([0.05, 0.5, 0.95]), np.array([-0.2, 0.0, 0.2]))
    >>> round(gain.upper(-0.5, level=0.95), 3)
    -0.3
    >>> gain.probability_not_worse(-0.5) >= 0.95
    True
    """

    def __init__(self, probabilities: Floats, residual_quantiles: Floats) -> None:
        self.probabilities = probabilities
        self.residual_quantiles = residual_quantiles

    def upper(self, difference: float, *, level: float) -> float:
        """Bound learned - rule from above, in log cost, at a one-sided level."""
        return difference + float(
            np.interp(level, self.probabilities, self.residual_quantiles)
        )

    def probability_not_worse(self, difference: float) -> float:
        """Probability, 0 to 1, that learned - rule is at most zero."""
        if difference == 0:
            return 1.0
        return float(
            np.interp(
                -difference,
                self.residual_quantiles,
                self.probabilities,
                left=float(self.probabilities[0]),
                right=float(self.probabilities[-1]),
            )
        )


class Guarded:
    """Answer with the learned action where it is shown to be better, else the rule's.

    Parameters
    ----------
    model : CostModel
        Expects the cost of each action.
    learned : Policy
        Chooses the learned action from the same model; where it has not enough data,
        the rule answers.
    rule : Policy
        What answers otherwise.
    gain : Gain
        Uncertainty of a difference between two actions.
    level : float
        One-sided level of the bound that must lie below zero, 0.5 to 1.
    """

    name = "guarded"

    def __init__(
        self,
        *,
        model: CostModel,
        learned: Policy,
        rule: Policy,
        gain: Gain,
        level: float = 0.95,
        version: str = "0",
    ) -> None:
        self.model = model
        self.learned = learned
        self.rule = rule
        self.gain = gain
        self.level = level
        self.version = version

    def decide(self, problem: Problem) -> Decision:
        """Take the learned action if the guard lets it through, else the rule's."""
        fallback = self.rule.decide(problem)
        try:
            learned = self.learned.decide(problem)
        except NotEnoughDataError as error:
            facts = {"support": float(error.got), "needed": float(error.needed)}
            return replace(
                fallback,
                baseline=fallback.label,
                reason=Reason(code="out_of_support", facts=facts),
            )
        curve = learned.curve or self.model.predict(problem)
        difference = float(
            curve.log_cost[learned.index] - curve.log_cost[fallback.index]
        )
        upper = self.gain.upper(difference, level=self.level)
        facts = {
            "saves": 1 - math.exp(difference),
            "saves_at_least": 1 - math.exp(upper),
            "support": learned.support,
        }
        if learned.index == fallback.index:
            reason = Reason(code="rule_and_model_agree", facts=facts)
            return self._answer(learned, curve, fallback, reason, difference)
        if upper < 0:
            reason = Reason(code="learned_better", facts=facts)
            return self._answer(learned, curve, fallback, reason, difference)
        reason = Reason(code="not_shown_better", facts=facts)
        return self._answer(fallback, curve, fallback, reason, 0.0)

    def _answer(
        self,
        chosen: Decision,
        curve: CostCurve,
        fallback: Decision,
        reason: Reason,
        difference: float,
    ) -> Decision:
        costs: tuple[float | None, ...] = (None, None, None)
        if not curve.relative:
            costs = tuple(
                math.exp(values[chosen.index])
                for values in (curve.log_cost, curve.log_low, curve.log_high)
            )
        return Decision(
            index=chosen.index,
            label=chosen.label,
            action=chosen.action,
            expected_cost=costs[0],
            cost_low=costs[1],
            cost_high=costs[2],
            confidence=self.gain.probability_not_worse(difference),
            support=float(curve.support[chosen.index]),
            baseline=fallback.label,
            reason=reason,
            policy=self.name if chosen is not fallback else fallback.policy,
            version=self.version,
            propensity=chosen.propensity,
            curve=curve,
        )
