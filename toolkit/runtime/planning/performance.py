"""What a plan is expected to take: cost, time and money, each with an interval.

A bundle predicts the log of ``cost = makespan^(1-w) * agent_seconds^w`` (definitions,
section 3). Agents are held for the whole run, ``agent_seconds = n * makespan``, so
``log makespan = log cost - w log n``, and the intervals shift with it.
"""

import math
from dataclasses import dataclass

from toolkit.runtime.planning.quantity import require_quantity

__all__ = ["Estimate", "ExpectedPerformance", "expected_performance"]

SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An expected value within its interval.

    Examples
    --------
    >>> Estimate(expected=4.0, low=2.0, high=8.0).scaled(0.5)
    Estimate(expected=2.0, low=1.0, high=4.0)
    """

    expected: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Estimate":
        """Multiply all three by a factor above 0.

        Parameters
        ----------
        factor : float

        Returns
        -------
        Estimate
        """
        return Estimate(
            expected=self.expected * factor,
            low=self.low * factor,
            high=self.high * factor,
        )

    def reciprocal(self, numerator: float) -> "Estimate":
        """Divide a number by the estimate; the bounds change places.

        Parameters
        ----------
        numerator : float
            Above 0.

        Returns
        -------
        Estimate
        """
        return Estimate(
            expected=numerator / self.expected,
            low=numerator / self.high,
            high=numerator / self.low,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPerformance:
    """What a number of agents is expected to need for the task.

    Attributes
    ----------
    agents : int
    cost : Estimate
        In the bundle's `cost_unit`.
    cost_unit : str
    makespan_s, agent_seconds : Estimate or None
        Seconds; `None` where the bundle does not state its price exponent.
    tasks_per_minute : Estimate or None
        Components completed a minute.
    price : Estimate or None
        Agent-seconds times their price; `None` without a price.
    level : float
        Nominal coverage of the intervals, 0 to 1.
    support : float
        Past workflows behind the number.
    """

    agents: int
    cost: Estimate
    cost_unit: str
    makespan_s: Estimate | None
    agent_seconds: Estimate | None
    tasks_per_minute: Estimate | None
    price: Estimate | None
    level: float
    support: float

    def scaled(self, factor: float) -> "ExpectedPerformance":
        """Correct every time by an observed factor; cost and rates follow.

        A run that takes `factor` times as long costs `factor` times as much, whatever
        the price exponent: ``(f m)^(1-w) (f a)^w = f m^(1-w) a^w``.

        Parameters
        ----------
        factor : float
            Above 0; 2 is twice as slow as predicted.

        Returns
        -------
        ExpectedPerformance
        """
        require_quantity("factor", factor, low=math.ulp(0.0))
        times = (self.makespan_s, self.agent_seconds, self.price)
        makespan_s, agent_seconds, price = (
            None if time is None else time.scaled(factor) for time in times
        )
        rate = self.tasks_per_minute
        return ExpectedPerformance(
            agents=self.agents,
            cost=self.cost.scaled(factor),
            cost_unit=self.cost_unit,
            makespan_s=makespan_s,
            agent_seconds=agent_seconds,
            tasks_per_minute=None if rate is None else rate.scaled(1 / factor),
            price=price,
            level=self.level,
            support=self.support,
        )


def expected_performance(
    *,
    agents: int,
    log_cost: tuple[float, float, float],
    cost_unit: str,
    price_exponent: float | None,
    components: float,
    price_per_agent_s: float | None,
    level: float,
    support: float,
) -> ExpectedPerformance:
    """Turn a predicted log cost into time and money.

    Parameters
    ----------
    agents : int
        1 or more.
    log_cost : (expected, low, high)
    price_exponent : float or None
        Money weight w of the cost, 0 to 1; `None` leaves time and money unknown.
    components : float
        Parts of the task; 0 leaves the rate unknown.
    price_per_agent_s : float or None

    Examples
    --------
    >>> log_cost = math.log(200.0)
    >>> plan = expected_performance(
    ...     agents=4,
    ...     log_cost=(log_cost, log_cost, log_cost),
    ...     cost_unit="",
    ...     price_exponent=0.5,
    ...     components=10,
    ...     price_per_agent_s=0.01,
    ...     level=0.9,
    ...     support=20,
    ... )
    >>> round(plan.makespan_s.expected), round(plan.agent_seconds.expected)
    (100, 400)
    """
    cost = _estimate(log_cost, 0.0)
    makespan_s = agent_seconds = rate = price = None
    if price_exponent is not None:
        makespan_s = _estimate(log_cost, -price_exponent * math.log(agents))
        agent_seconds = makespan_s.scaled(agents)
        if components > 0:
            rate = makespan_s.reciprocal(components * SECONDS_PER_MINUTE)
        if price_per_agent_s is not None:
            price = agent_seconds.scaled(price_per_agent_s)
    return ExpectedPerformance(
        agents=agents,
        cost=cost,
        cost_unit=cost_unit,
        makespan_s=makespan_s,
        agent_seconds=agent_seconds,
        tasks_per_minute=rate,
        price=price,
        level=level,
        support=support,
    )


def _estimate(logs: tuple[float, float, float], shift: float) -> Estimate:
    expected, low, high = (math.exp(value + shift) for value in logs)
    return Estimate(expected=expected, low=low, high=high)
