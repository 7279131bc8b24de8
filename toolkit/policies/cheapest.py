"""The policy that takes the cheapest supported action."""

import math

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.policies.base import CostCurve, CostModel, Decision, Problem, Reason

__all__ = ["Greedy", "cheapest_supported"]


class Greedy:
    """Take the action with the least expected cost among those history supports.

    Parameters
    ----------
    model : CostModel
    minimum_support : float
        Past rows an action needs before it may be recommended.
    name, version : str
        What decisions are signed with.

    Raises
    ------
    NotEnoughDataError
        From `decide`, where no action has enough support.
    """

    def __init__(
        self,
        model: CostModel,
        *,
        minimum_support: float = 5.0,
        name: str = "greedy",
        version: str = "0",
    ) -> None:
        self.model = model
        self.minimum_support = minimum_support
        self.name = name
        self.version = version

    def decide(self, problem: Problem) -> Decision:
        """Take the cheapest supported action; ties go to the first on offer."""
        curve = self.model.predict(problem)
        index, supported = cheapest_supported(curve, self.minimum_support)
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(problem.actions[index].tolist()),
            expected_cost=_cost(curve.log_cost[index], relative=curve.relative),
            cost_low=_cost(curve.log_low[index], relative=curve.relative),
            cost_high=_cost(curve.log_high[index], relative=curve.relative),
            support=float(curve.support[index]),
            reason=Reason(
                code="least_expected_cost",
                facts={"supported_actions": float(supported)},
            ),
            policy=self.name,
            version=self.version,
            curve=curve,
        )


def cheapest_supported(curve: CostCurve, minimum_support: float) -> tuple[int, int]:
    """Find the cheapest action among those with enough past rows.

    Parameters
    ----------
    curve : CostCurve
    minimum_support : float

    Returns
    -------
    index, supported : int
        Of the action, the first of equals; and how many actions have the support.

    Raises
    ------
    NotEnoughDataError
        No action has it.
    """
    supported = curve.support >= minimum_support
    count = int(supported.sum())
    if not count:
        raise NotEnoughDataError(
            "a recommendation here",
            got=int(curve.support.max()),
            needed=math.ceil(minimum_support),
            unit="past rows near any action",
        )
    if count == len(supported):
        return int(curve.log_cost.argmin()), count
    return int(np.where(supported, curve.log_cost, np.inf).argmin()), count


def _cost(log_cost: float, *, relative: bool) -> float | None:
    return None if relative else float(math.exp(log_cost))
