"""What governs the simulated costs, with the best actions in closed form.

The formulas are in the room's docstring.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from toolkit.errors import UsageError

__all__ = ["BATCH_TRUTHS", "WORKFLOW_TRUTHS", "BatchTruth", "WorkflowTruth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTruth:
    """What governs the cost of the batches of one operation type.

    Parameters
    ----------
    turn_s, operation_s, pair_s : float
        `T`, `c` and `k` above, at load 0; seconds, above 0.
    failure_rate : float
        `f`, 0 to below 1.

    Examples
    --------
    >>> BatchTruth(
    ...     turn_s=6.0, operation_s=1.0, pair_s=0.01, failure_rate=0.1
    ... ).best_size()
    10
    """

    turn_s: float
    operation_s: float
    pair_s: float
    failure_rate: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min(self.turn_s, self.operation_s, self.pair_s) <= 0:
            raise UsageError(
                f"`turn_s`, `operation_s`, `pair_s` must be above 0: {self}"
            )
        if not 0 <= self.failure_rate < 1:
            raise UsageError(f"`failure_rate` is 0 to below 1, got {self.failure_rate}")

    def cost_s(self, size: int, load: float = 0.0) -> float:
        """Compute the expected seconds per successful operation of this size."""
        strain = 1 + load
        growth = (self.pair_s + self.failure_rate * self.operation_s / 2) * strain
        cycle_s = self.turn_s / size + self.operation_s * strain + growth * (size - 1)
        return cycle_s / (1 - self.failure_rate)

    def best_size(self, load: float = 0.0) -> int:
        """Size with the least expected cost, at least 1."""
        growth = self.pair_s + self.failure_rate * self.operation_s / 2
        ideal = math.sqrt(self.turn_s / (growth * (1 + load)))
        return _best_whole(ideal, lambda size: self.cost_s(size, load))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTruth:
    """What governs the makespan of a workflow.

    Parameters
    ----------
    work_s : float
        `M`, the makespan of one agent; seconds, above 0.
    contention : float
        `s`, share that cannot run at once, 0 to below 1.
    crosstalk : float
        `q`, cost of every pair that must agree, above 0.

    Examples
    --------
    >>> truth = WorkflowTruth(work_s=600.0, contention=0.1, crosstalk=0.025)
    >>> truth.best_agents(), truth.best_agents(money=0.5)
    (6, 3)
    """

    work_s: float
    contention: float
    crosstalk: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.work_s <= 0 or self.crosstalk <= 0 or not 0 <= self.contention < 1:
            raise UsageError(
                f"`work_s` and `crosstalk` must be above 0, `contention` 0 to 1: {self}"
            )

    def makespan_s(self, agents: int) -> float:
        """Compute the expected seconds from start to end with that many agents."""
        pairs = self.crosstalk * agents * (agents - 1)
        return self.work_s * (1 + self.contention * (agents - 1) + pairs) / agents

    def cost(self, agents: int, money: float = 0.0) -> float:
        """`makespan^(1-money) * agent_seconds^money`."""
        return float(self.makespan_s(agents) * agents**money)

    def best_agents(self, money: float = 0.0) -> int:
        """Agent count with the least cost, at least 1.

        Parameters
        ----------
        money : float
            Weight of agent-seconds, 0 (time only) to 1 (money only).
        """
        square = (1 + money) * self.crosstalk
        linear = money * (self.contention - self.crosstalk)
        constant = (1 - money) * (1 - self.contention)
        root = math.sqrt(linear**2 + 4 * square * constant)
        return _best_whole(
            (root - linear) / (2 * square), lambda n: self.cost(n, money)
        )


BATCH_TRUTHS: Mapping[str, BatchTruth] = {
    "fileOperations": BatchTruth(
        turn_s=4.0, operation_s=0.5, pair_s=0.02, failure_rate=0.06
    ),
    "taskSpawning": BatchTruth(
        turn_s=12.0, operation_s=4.0, pair_s=0.3, failure_rate=0.1
    ),
    "todoWrite": BatchTruth(
        turn_s=3.0, operation_s=0.1, pair_s=0.01, failure_rate=0.02
    ),
}
"""Best sizes 8 to 10, 4, and 12 to 15, depending on the load."""

WORKFLOW_TRUTHS: Mapping[str, WorkflowTruth] = {
    "chatty": WorkflowTruth(work_s=900.0, contention=0.2, crosstalk=0.05),
    "even": WorkflowTruth(work_s=1800.0, contention=0.08, crosstalk=0.02),
    "wide": WorkflowTruth(work_s=3600.0, contention=0.02, crosstalk=0.008),
}


def _best_whole(ideal: float, cost: Callable[[int], float]) -> int:
    """Of the two whole numbers around an ideal, take the cheaper one, at least 1."""
    low = max(1, math.floor(ideal))
    return min((low, low + 1), key=cost)
