"""What every learned policy is held against: rules, constants, chance, the oracle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.experiments.tables import WORKERS, DecisionTable
from toolkit.policies import Decision, Floats, Problem, Reason
from toolkit.policies.adaptation import grid_middle
from toolkit.policies.rules import AgentCountRule, nearest_point

__all__ = ["ConstantGrades", "RulePolicy", "log_slowdowns", "rule_action"]

RULE_BATCH, RULE_WORKERS = 10.0, 6.0
"""The specification's optimum of a batch (section 1) and of agents (section 3)."""
BATCHES = ("a_b", "a_lb")
TASKS, PARALLELISM = "x_N", "x_par"


def rule_action(problem: Problem) -> int:
    """Find the offered action nearest, in ratio, to the specification's number.

    Workers follow the agent formula where the number of tasks is known, with
    `1 - 1 / average parallelism` as their parallelizable share where that is known too,
    else they are 6; batches are 10. A problem that offers neither gets the middle of
    what is on offer, since the specification has no rule for it.

    Examples
    --------
    >>> rule_action(Problem.of("a_n", [1.0, 2.0, 3.0]))
    2
    """
    names = problem.action_columns
    targets: list[tuple[int, float]] = []
    if WORKERS in names:
        targets.append((names.index(WORKERS), _workers(problem)))
    batch = next((name for name in BATCHES if name in names), None)
    if batch is not None:
        targets.append((names.index(batch), RULE_BATCH))
    if not targets:
        return grid_middle(problem.actions)
    columns = [column for column, _ in targets]
    numbers = np.log2([number for _, number in targets])
    return nearest_point(problem.actions[:, columns], numbers)


class RulePolicy:
    """The rule as a policy: what the guard falls back to."""

    name = "rule"

    def decide(self, problem: Problem) -> Decision:
        """Take the action of `rule_action`."""
        index = rule_action(problem)
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(map(float, problem.actions[index])),
            baseline=problem.labels[index],
            reason=Reason(code="rule"),
            policy=self.name,
            version="specification",
        )


def _workers(problem: Problem) -> float:
    tasks = problem.context.get(TASKS)
    if not isinstance(tasks, float):
        return RULE_WORKERS
    parallelism = problem.context.get(PARALLELISM)
    share = 1 - 2.0**-parallelism if isinstance(parallelism, float) else None
    answer = AgentCountRule().recommend(components=2.0**tasks, parallelizable=share)
    return float(answer.recommended)


def log_slowdowns(table: DecisionTable, chosen: list[int]) -> Floats:
    """Compute log(cost of the choice / best cost) of each problem."""
    return np.array(
        [
            costs[index] - costs.min()
            for costs, index in zip(table.log_costs, chosen, strict=True)
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantGrades:
    """How every single action, taken everywhere, would have done.

    A constant is a point in action space; where it is not on offer the nearest offered
    action stands in.

    Attributes
    ----------
    choices : array of shape (constants, problems)
        Index of the action that each constant takes.
    regrets : array of shape (constants, problems)
        Log slowdown of it.
    """

    choices: Floats
    regrets: Floats

    @classmethod
    def of(cls, table: DecisionTable) -> "ConstantGrades":
        """Grade all actions of a table."""
        axes = list(table.axes)
        points: dict[str, list[Floats]] = {}
        for problem in table.problems:
            for label, action in zip(problem.labels, problem.actions, strict=True):
                points.setdefault(label, []).append(action[axes])
        constants = np.array([np.mean(rows, axis=0) for rows in points.values()])
        spread = constants.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        choices = np.stack(
            [_nearest(constants, p.actions[:, axes], spread) for p in table.problems], 1
        )
        regrets = np.stack(
            [
                costs[choices[:, place]] - costs.min()
                for place, costs in enumerate(table.log_costs)
            ],
            axis=1,
        )
        return cls(choices=choices, regrets=regrets)

    def best(self, problems: NDArray[np.bool_]) -> int:
        """Find the constant of least mean log slowdown over some problems (a mask)."""
        return int(self.regrets[:, problems].mean(axis=1).argmin())


def _nearest(constants: Floats, actions: Floats, spread: Floats) -> Floats:
    gap = (constants[:, None] - actions[None]) / spread
    return np.asarray((gap**2).sum(axis=-1).argmin(axis=1))
