"""Tables in which every action of a problem was tried, as arrays.

Padded to the largest number of actions, so that a thousand simulated logs of a table
are index operations.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats, Ints
from toolkit.experiments.tables.decision_table import read_decision_table
from toolkit.models import DecisionTable
from toolkit.policies.rules import WORKERS, TableRule

__all__ = ["FullFactorial", "padded_table"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FullFactorial:
    """One table and cost.

    Attributes
    ----------
    name : str
        Table and cost, for reports.
    log_costs : ndarray of shape (problems, actions)
        Natural logarithm; NaN where the problem does not offer the action.
    sizes : ndarray of shape (problems, actions)
        The number a rule chooses by, in log2.
    features : ndarray of shape (problems, actions, columns)
        Standardised; 0 where not offered. The first column is 1.
    groups : ndarray of shape (problems,)
    rule : ndarray of shape (problems,)
        Index of the action nearest to the specification's answer.
    """

    name: str
    log_costs: Floats
    sizes: Floats
    features: Floats
    groups: NDArray[Any]
    rule: Ints

    @property
    def offered(self) -> NDArray[np.bool_]:
        """Which actions each problem offers; shape (problems, actions)."""
        return ~np.isnan(self.log_costs)

    @property
    def largest_choice(self) -> int:
        """Actions of the problem that offers most."""
        return int(self.offered.sum(axis=1).max())

    @classmethod
    def of(cls, table: DecisionTable) -> "FullFactorial":
        """Lay a decision table out as arrays; a context that is missing is its mean.

        Parameters
        ----------
        table : DecisionTable

        Returns
        -------
        FullFactorial
        """
        counts = [len(costs) for costs in table.log_costs]
        rows = table.rows().X
        layout = table.layout
        context = rows[:, layout.x]
        known = np.isfinite(context)
        mean = np.where(known, context, 0.0).sum(axis=0) / np.maximum(known.sum(0), 1)
        columns = table.problems[0].action_columns
        by_workers = columns.index(WORKERS) if WORKERS in columns else table.axes[0]
        made = padded_table(
            name=f"{table.name} {table.cost}",
            codes=np.repeat(np.arange(len(counts)), counts),
            log_costs=np.concatenate(table.log_costs),
            actions=rows[:, layout.a],
            context=np.where(known, context, mean),
            groups=np.asarray(table.groups),
            targets=np.ones(len(counts)),
            by_workers=by_workers,
        )
        return replace(made, rule=np.asarray(table.rules, dtype=np.int64))

    @classmethod
    def read(cls, path: Path, *, cost: str) -> "FullFactorial":
        """Read one cost of a decision table.

        Parameters
        ----------
        path : path
            CSV (gz or not) or Parquet.
        cost : str
            Without the `cost_` of its column.

        Returns
        -------
        FullFactorial

        Raises
        ------
        InputDataError
            The file or the cost is not there, or a value is not what it must be.
        """
        return cls.of(read_decision_table(path, cost))

    @classmethod
    def synthetic(
        cls,
        rng: np.random.Generator,
        *,
        problems: int = 60,
        groups: int = 10,
        actions: int = 8,
        load: float = 1.0,
    ) -> "FullFactorial":
        """Make a table whose costs follow the Universal Scalability Law.

        Contention and coherence depend on the context and on the group, so that the best
        size differs by problem and no cost model of the toolkit is exactly right.

        Parameters
        ----------
        rng : numpy.random.Generator
        problems, groups, actions : int
        load : float
            Factor, above 0, on contention and coherence: with the same generator state,
            the same problems on a busier machine.

        Returns
        -------
        FullFactorial

        References
        ----------
        Gunther, *Guerrilla Capacity Planning* (2007), 4.

        Examples
        --------
        >>> table = FullFactorial.synthetic(np.random.default_rng(0))
        >>> table.log_costs.shape, table.largest_choice
        ((60, 8), 8)
        """
        labels = np.arange(problems) % groups
        context = rng.normal(size=(problems, 2))
        own = rng.normal(0, 0.4, size=(groups, 2))[labels]
        contention = load * 0.05 * np.exp(0.6 * context[:, 0] + own[:, 0])
        coherence = load * 0.01 * np.exp(0.8 * context[:, 1] + own[:, 1])
        size = np.unique(np.round(2 ** np.linspace(0, 5, actions)))
        extra = size - 1
        speedup = size / (
            1 + contention[:, None] * extra + coherence[:, None] * size * extra
        )
        log_costs = (
            context[:, :1] - np.log(speedup) + rng.normal(0, 0.02, speedup.shape)
        )
        return padded_table(
            name="synthetic",
            codes=np.repeat(np.arange(problems), len(size)),
            log_costs=log_costs.ravel(),
            actions=np.tile(np.log2(size), problems)[:, None],
            context=np.repeat(context, len(size), axis=0),
            groups=labels,
            targets=np.full(problems, TableRule().numbers.workers),
            by_workers=0,
        )

    def value(self, actions: Ints) -> float:
        """Mean log cost of taking one action in each problem.

        Parameters
        ----------
        actions : array of int, shape (problems,)
            Position of the action taken in each problem.

        Returns
        -------
        float
            NaN where a problem does not offer its action.
        """
        return float(self.log_costs[np.arange(len(actions)), actions].mean())


def padded_table(
    *,
    name: str,
    codes: Ints,
    log_costs: Floats,
    actions: Floats,
    context: Floats,
    groups: NDArray[Any],
    targets: Floats,
    by_workers: int,
) -> FullFactorial:
    """Lay rows out by problem and action.

    Parameters
    ----------
    name : str
    codes : ndarray of shape (rows,)
        Problem of each row, from 0.
    log_costs : ndarray of shape (rows,)
    actions : ndarray of shape (rows, columns)
    context : ndarray of shape (rows, columns)
        Finite.
    groups : ndarray of shape (problems,)
    targets : ndarray of shape (problems,)
        What the rule answers, not in logarithms.
    by_workers : int
        The action column, in log2, that the rule is about.
    """
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows, columns = codes[order], place
    shape = (len(counts), int(counts.max()))
    costs, sizes = np.full(shape, np.nan), np.full(shape, np.nan)
    costs[rows, columns] = log_costs[order]
    sizes[rows, columns] = actions[order, by_workers]
    design = _design(actions, context)[order]
    features = np.zeros((*shape, design.shape[1]))
    features[rows, columns] = design
    # Sizes double from action to action, so near means near as a ratio.
    distance = np.abs(sizes - np.log2(targets)[:, None])
    return FullFactorial(
        name=name,
        log_costs=costs,
        sizes=sizes,
        features=features,
        groups=groups,
        rule=np.asarray(np.nanargmin(distance, axis=1), dtype=np.int64),
    )


def _design(actions: Floats, context: Floats) -> Floats:
    """Expand to a quadratic in the action whose slope depends on the context."""
    a, x = _standardised(actions), _standardised(context)
    products = (a[:, :, None] * x[:, None, :]).reshape(len(a), -1)
    return np.hstack([np.ones((len(a), 1)), a, a**2, x, products])


def _standardised(columns: Floats) -> Floats:
    spread = columns.std(axis=0)
    return np.asarray(
        (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
    )
