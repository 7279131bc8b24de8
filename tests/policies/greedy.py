"""A policy for rungs of ladders: the cheapest supported action of a model."""

import math

from toolkit.policies import Decision, Problem, Reason, cheapest_supported
from toolkit.policies.base import CostModel

__all__ = ["Greedy"]


class Greedy:
    """Takes the action with the least expected cost among those history supports."""

    name, version = "greedy", "0"

    def __init__(self, model: CostModel) -> None:
        self.model = model

    def decide(self, problem: Problem) -> Decision:
        """Take the cheapest supported action; ties go to the first on offer."""
        curve = self.model.predict(problem)
        index, supported = cheapest_supported(curve, 5.0)
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(problem.actions[index].tolist()),
            expected_cost=float(math.exp(curve.log_cost[index])),
            cost_low=float(math.exp(curve.log_low[index])),
            cost_high=float(math.exp(curve.log_high[index])),
            support=float(curve.support[index]),
            reason=Reason(
                code="least_expected_cost",
                facts={"supported_actions": float(supported)},
            ),
            policy=self.name,
            version=self.version,
            curve=curve,
        )
