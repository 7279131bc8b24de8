"""What every learned policy is held against: rules, constants, chance, the oracle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.models import DecisionTable
from toolkit.policies import Floats

__all__ = ["ConstantGrades", "log_slowdowns"]


def log_slowdowns(table: DecisionTable, chosen: list[int]) -> Floats:
    """Compute log(cost of the choice / best cost) of each problem.

    Parameters
    ----------
    table : DecisionTable
    chosen : list of int
        Index of the action taken in each problem.

    Returns
    -------
    array of shape (problems,)
        At least 0.
    """
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
        """Grade all actions of a table.

        Parameters
        ----------
        table : DecisionTable

        Returns
        -------
        ConstantGrades
            A row for each action label of the table.
        """
        axes = list(table.axes)
        points: dict[str, list[Floats]] = {}
        placed = zip(table.problems, table.log_actions, strict=True)
        for problem, actions in placed:
            for label, action in zip(problem.labels, actions, strict=True):
                points.setdefault(label, []).append(action[axes])
        constants = np.array([np.mean(rows, axis=0) for rows in points.values()])
        spread = constants.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        choices = np.stack(
            [_nearest(constants, a[:, axes], spread) for a in table.log_actions], 1
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
        """Find the constant of least mean log slowdown over some problems (a mask).

        Parameters
        ----------
        problems : array of bool, shape (problems,)

        Returns
        -------
        int
            Its row.
        """
        return int(self.regrets[:, problems].mean(axis=1).argmin())


def _nearest(constants: Floats, actions: Floats, spread: Floats) -> Floats:
    gap = (constants[:, None] - actions[None]) / spread
    return np.asarray((gap**2).sum(axis=-1).argmin(axis=1))
