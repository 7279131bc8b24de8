"""The specification's numbers as a policy on any decision table."""

from dataclasses import dataclass

import numpy as np

from toolkit.policies import Decision, Problem, Reason
from toolkit.policies.adaptation import grid_middle
from toolkit.policies.rules.agent_count_rule import AgentCountRule
from toolkit.policies.rules.rule_policy import nearest_point, number_of

__all__ = ["RULE_BATCH", "RULE_WORKERS", "WORKERS", "TableNumbers", "TableRule"]

RULE_BATCH, RULE_WORKERS = 10.0, 6.0
"""The specification's optimum of a batch (section 1) and of agents (section 3)."""
WORKERS = "a_n"
"""The action column that is a number of workers, in every table."""
BATCHES = ("a_b", "a_lb")
TASKS, PARALLELISM = "x_N", "x_par"
MOST_DOUBLINGS = 64.0
"""More tasks, or more parallelism, change no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNumbers:
    """What the rule takes where it has no formula."""

    batch: float = RULE_BATCH
    workers: float = RULE_WORKERS


class TableRule:
    """Take the offered action nearest, in ratio, to the specification's number.

    Workers follow the agent formula where the number of tasks is known, with
    `1 - 1 / average parallelism` as their parallelizable share where that is known too,
    else they are 6; batches are 10. A problem that offers neither gets the middle of
    what is on offer, since the specification has no rule for it.

    Parameters
    ----------
    numbers : TableNumbers, optional
    agents : AgentCountRule, optional

    Examples
    --------
    >>> TableRule().decide(Problem.of("a_n", [1.0, 2.0, 3.0])).index
    2
    """

    name = "rule"

    def __init__(
        self,
        *,
        numbers: TableNumbers | None = None,
        agents: AgentCountRule | None = None,
    ) -> None:
        self.numbers = numbers or TableNumbers()
        self.agents = agents or AgentCountRule()

    def decide(self, problem: Problem) -> Decision:
        """Take an action."""
        index = self._nearest(problem)
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(map(float, problem.actions[index])),
            baseline=problem.labels[index],
            reason=Reason(code="rule"),
            policy=self.name,
            version="specification",
        )

    def _nearest(self, problem: Problem) -> int:
        names = problem.action_columns
        targets: list[tuple[int, float]] = []
        if WORKERS in names:
            targets.append((names.index(WORKERS), self._workers(problem)))
        batch = next((name for name in BATCHES if name in names), None)
        if batch is not None:
            targets.append((names.index(batch), self.numbers.batch))
        if not targets:
            return grid_middle(problem.actions)
        columns = [column for column, _ in targets]
        numbers = np.log2([number for _, number in targets])
        return nearest_point(problem.actions[:, columns], numbers)

    def _workers(self, problem: Problem) -> float:
        tasks = _doublings(problem, TASKS)
        if tasks is None:
            return self.numbers.workers
        parallelism = _doublings(problem, PARALLELISM)
        share = None if parallelism is None else 1 - 2.0**-parallelism
        answer = self.agents.recommend(components=2.0**tasks, parallelizable=share)
        return float(answer.recommended)


def _doublings(problem: Problem, column: str) -> float | None:
    value = number_of(problem.context.get(column))
    return None if value is None else min(max(value, -MOST_DOUBLINGS), MOST_DOUBLINGS)
