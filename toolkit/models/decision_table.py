"""The one table that everything learns from: problems, their actions, what each cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.bundle import FeatureSchema
from toolkit.models.rows import RelativeLayout, RelativeRows
from toolkit.policies import Floats, Problem, offered_columns

__all__ = ["DecisionTable", "Runs", "cell_log_cost", "pooled_noise"]

Runs = tuple[tuple[Floats, ...], ...]
"""By problem and action, shape (runs, 2): what each run spent and what it achieved."""

COUNTED = ("a_n", "agents")
"""Action columns that are numbers of workers: the scalability law applies."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionTable:
    """Problems whose actions have known costs, from whatever source.

    Attributes
    ----------
    name, cost, unit : str
        What is decided, what its cost is, and the unit of that cost.
    schema : FeatureSchema
        Context and action columns; `action_is_log` where actions are in log2 already.
    problems : tuple of Problem
        What may be known before deciding: never a cost.
    log_costs : tuple of array of shape (n_actions,)
        Natural logarithm, finite, by problem.
    groups, names : tuple of str
        Group of each problem, held out together; what the source calls it.
    rules : tuple of int
        The action that the rule takes in each problem.
    weights : tuple of array of shape (n_actions,)
        Runs behind each cost; 1 where that is unknown.
    axes : tuple of int
        Action columns that differ by more than a constant within problems.
    runs : tuple
        Single repeats, by problem and action; empty where unknown.
    observed : bool
        True where the actions were not assigned: such a table may teach, and proves nothing.
    """

    name: str
    cost: str
    schema: FeatureSchema
    problems: tuple[Problem, ...]
    log_costs: tuple[Floats, ...]
    groups: tuple[str, ...]
    names: tuple[str, ...]
    rules: tuple[int, ...]
    weights: tuple[Floats, ...]
    axes: tuple[int, ...]
    unit: str = ""
    runs: Runs = ()
    observed: bool = False

    @property
    def title(self) -> str:
        """Table and cost, for reports."""
        return f"{self.name}, {self.cost}"

    @property
    def group_names(self) -> tuple[str, ...]:
        """Distinct groups, sorted."""
        return tuple(sorted(set(self.groups)))

    @property
    def sizes(self) -> bool:
        """Whether actions are sizes, of which models read the logarithm."""
        return not self.schema.action_is_log

    @property
    def log_actions(self) -> tuple[Floats, ...]:
        """Actions of each problem in log2, shape (n_actions, n_columns)."""
        if not self.sizes:
            return tuple(problem.actions for problem in self.problems)
        return tuple(np.log2(problem.actions) for problem in self.problems)

    @property
    def layout(self) -> RelativeLayout:
        """Where the columns of an encoded row lie."""
        columns = self.problems[0].action_columns
        return RelativeLayout(
            context=self.schema.action_position,
            actions=len(columns),
            axes=len(self.axes),
            counts=any(columns[axis] in COUNTED for axis in self.axes),
        )

    @property
    def noise(self) -> float | None:
        """Variance of the log cost of a single run, pooled; `None` without repeats."""
        return pooled_noise(cell for cells in self.runs for cell in cells)

    def of_groups(self, groups: Iterable[str]) -> "DecisionTable":
        """Keep the problems of some groups."""
        kept = set(groups)
        return self.of_problems(
            i for i, group in enumerate(self.groups) if group in kept
        )

    def of_problems(self, places: Iterable[int]) -> "DecisionTable":
        """Keep some problems, by position."""
        chosen = list(places)
        return replace(
            self,
            problems=tuple(self.problems[i] for i in chosen),
            log_costs=tuple(self.log_costs[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen),
            names=tuple(self.names[i] for i in chosen),
            rules=tuple(self.rules[i] for i in chosen),
            weights=tuple(self.weights[i] for i in chosen),
            runs=tuple(self.runs[i] for i in chosen) if self.runs else (),
        )

    def with_log_costs(self, log_costs: Iterable[Floats]) -> "DecisionTable":
        """Replace the costs: what a leak test perturbs."""
        return replace(self, log_costs=tuple(log_costs))

    def halves(self, seed: int) -> tuple["DecisionTable", "DecisionTable"]:
        """Split the repeats of every cell: one half to choose the best by, one to grade.

        An action with a half in which nothing was achieved is left out of both.

        Parameters
        ----------
        seed : int
        """
        rng = np.random.default_rng(seed)
        split = [[_halved(cell, rng) for cell in cells] for cells in self.runs]
        return self._of_halves(split, 0), self._of_halves(split, 1)

    def _of_halves(
        self, split: Sequence[Sequence[tuple[Floats, Floats]]], side: int
    ) -> "DecisionTable":
        kept = [
            [
                place
                for place, pair in enumerate(cells)
                if all(len(half) and half[:, 1].sum() > 0 for half in pair)
            ]
            for cells in split
        ]
        places = [
            place
            for place, (few, rule) in enumerate(zip(kept, self.rules, strict=True))
            if len(few) > 1 and rule in few
        ]
        cells = {i: [split[i][a][side] for a in kept[i]] for i in places}
        return replace(
            self.of_problems(places),
            problems=tuple(
                replace(
                    self.problems[i],
                    actions=self.problems[i].actions[kept[i]],
                    labels=tuple(self.problems[i].labels[a] for a in kept[i]),
                )
                for i in places
            ),
            log_costs=tuple(
                np.array([cell_log_cost(cell) for cell in cells[i]]) for i in places
            ),
            rules=tuple(kept[i].index(self.rules[i]) for i in places),
            weights=tuple(
                np.array([float(len(cell)) for cell in cells[i]]) for i in places
            ),
            runs=tuple(tuple(cells[i]) for i in places),
        )

    def encoded(self, place: int) -> Floats:
        """Encode the actions of one problem: context, actions, offered range, rule."""
        actions = self.log_actions[place]
        context = self.schema.encode_context(self.problems[place].context)
        repeated = np.tile(np.asarray(context, dtype=np.float64), (len(actions), 1))
        placed = offered_columns(actions, self.axes, self.rules[place])
        return np.hstack([repeated, actions, placed])

    def rows(self) -> RelativeRows:
        """Encode all actions of all problems as training rows."""
        labels = {group: code for code, group in enumerate(self.group_names)}
        sizes = [len(costs) for costs in self.log_costs]
        codes = np.array([labels[group] for group in self.groups], dtype=np.int64)
        return RelativeRows.of(
            np.concatenate([self.encoded(place) for place in range(len(sizes))]),
            np.concatenate(self.log_costs),
            np.repeat(np.arange(len(sizes)), sizes),
            np.repeat(codes, sizes),
            self.layout,
        )


def cell_log_cost(runs: Floats) -> float:
    """Log of what a cell's runs spent over what they achieved; infinite for nothing.

    Examples
    --------
    >>> round(cell_log_cost(np.array([[2.0, 1.0], [4.0, 2.0]])), 3)
    0.693
    """
    spent, done = runs.sum(axis=0)
    return float(np.log(spent) - np.log(done)) if done > 0 else float("inf")


def pooled_noise(cells: Iterable[Floats]) -> float | None:
    """Variance of the log cost of a single run; `None` where no cell has repeats.

    Parameters
    ----------
    cells : iterable of array of shape (runs, 2)
        What each run spent and achieved.

    Examples
    --------
    >>> pooled_noise([np.array([[1.0, 1.0], [3.0, 1.0]])])
    0.5
    """
    squares, free = 0.0, 0
    for cell in cells:
        spent, done = cell.T
        if len(cell) < 2 or done.sum() <= 0:
            continue
        errors = spent - spent.sum() / done.sum() * done
        squares += float((errors**2).sum() / spent.mean() ** 2)
        free += len(cell) - 1
    return squares / free if free else None


def _halved(cell: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    order = rng.permutation(len(cell))
    middle = len(cell) // 2
    return cell[order[:middle]], cell[order[middle:]]
