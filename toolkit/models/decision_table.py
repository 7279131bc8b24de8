"""The one table that everything learns from: problems, their actions, what each cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import FeatureSchema
from toolkit.errors import UsageError
from toolkit.models.rows import RelativeLayout, RelativeRows
from toolkit.models.single_costs import SingleCosts
from toolkit.policies import Floats, Policy, Problem, offered_columns

__all__ = ["DecisionTable", "Runs", "TableOrigin", "cell_log_cost", "pooled_noise"]

Runs = tuple[tuple[Floats, ...], ...]
"""By problem and action, shape (runs, 2): what each run spent and what it achieved."""

Repeats = tuple[tuple[NDArray[np.int64], ...], ...]
"""By problem and action, shape (runs,): the repeat that each run belongs to."""

COUNTED = ("a_n", "agents")
"""Action columns that are numbers of workers: the scalability law applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOrigin:
    """The records that a table was made of.

    Attributes
    ----------
    rows, groups : int
        Rows with a known cost, comparable with another or not, and their groups.
    fingerprint : str
        SHA-256 of those rows: their ids, contexts, actions and costs.
    first, last : datetime
        When the first and the last of them began; aware, UTC.
    sources : tuple of str
    """

    rows: int
    groups: int
    fingerprint: str
    first: datetime
    last: datetime
    sources: tuple[str, ...]


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
        Index of the rule's action, by problem.
    weights : tuple of array of shape (n_actions,)
        Runs behind each cost; 1 where that is unknown.
    axes : tuple of int
        Action columns that differ by more than a constant within problems.
    runs : tuple
        Single repeats, by problem and action; empty where unknown.
    repeats : tuple
        Repeat of each of those runs, by problem and action; empty where unknown.
    observed : bool
        True where the actions were not assigned: such a table may teach, and proves nothing.
    served : tuple of ((str, int) or None)
        Version of the policy that was in force in each problem, and the position of the
        action it took where it did not explore; `None` where no logged chance says so.
    latest : tuple of datetime
        When each problem's last run began, aware; empty where unknown.
    outcomes : mapping of str to tuple of array of shape (n_actions,)
        What may be constrained beside the cost, by name and problem; NaN is not known.
    origin : TableOrigin or None
        The records behind the whole table, of which this may be a part.
    singles : SingleCosts or None
        Of an observed history, the runs of its groups one by one.
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
    repeats: Repeats = ()
    observed: bool = False
    served: tuple[tuple[str, int] | None, ...] = ()
    latest: tuple[datetime, ...] = ()
    outcomes: Mapping[str, tuple[Floats, ...]] = field(default_factory=dict)
    origin: TableOrigin | None = None
    singles: SingleCosts | None = None

    @property
    def title(self) -> str:
        """Table and cost, for reports."""
        return f"{self.name}, {self.cost}"

    @property
    def records(self) -> TableOrigin:
        """The records that it was made of.

        Raises
        ------
        UsageError
            It was made of none.
        """
        if self.origin is None:
            raise UsageError(f"`{self.title}` was not made of records")
        return self.origin

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
        """Keep the problems of some groups.

        Parameters
        ----------
        groups : iterable of str
            Names that no problem bears are passed over.

        Returns
        -------
        DecisionTable
        """
        kept = set(groups)
        part = self.of_problems(
            i for i, group in enumerate(self.groups) if group in kept
        )
        singles = None if self.singles is None else self.singles.of_groups(kept)
        return replace(part, singles=singles)

    def of_problems(self, places: Iterable[int]) -> "DecisionTable":
        """Keep some problems, by position.

        Parameters
        ----------
        places : iterable of int
            Positions, in the order to keep them in.

        Returns
        -------
        DecisionTable
        """
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
            repeats=tuple(self.repeats[i] for i in chosen) if self.repeats else (),
            served=tuple(self.served[i] for i in chosen) if self.served else (),
            latest=tuple(self.latest[i] for i in chosen) if self.latest else (),
            outcomes={
                name: tuple(values[i] for i in chosen)
                for name, values in self.outcomes.items()
            },
        )

    def after(self, moment: datetime) -> "DecisionTable":
        """Keep the problems with a run that began after a moment.

        Parameters
        ----------
        moment : datetime
            Aware.

        Returns
        -------
        DecisionTable
        """
        return self.of_problems(
            i for i, latest in enumerate(self.latest) if latest > moment
        )

    def with_rule(self, rule: Policy) -> "DecisionTable":
        """Let another rule be the one that members and rungs are compared with.

        Parameters
        ----------
        rule : Policy
            Asked once for each problem.

        Returns
        -------
        DecisionTable
        """
        rules = tuple(rule.decide(problem).index for problem in self.problems)
        return replace(self, rules=rules)

    def alternating_halves(self, place: int) -> tuple[Floats, Floats] | None:
        """Log costs of a problem by its even and by its odd repeats alone.

        Parameters
        ----------
        place : int
            Of the problem.

        Returns
        -------
        (array, array) or None
            Each of shape (n_actions,); `None` where an action achieved nothing in a half.
        """
        if not self.repeats:
            return None
        order = np.unique(np.concatenate(self.repeats[place]))
        halves = []
        for side in (0, 1):
            costs = [
                cell_log_cost(runs[np.searchsorted(order, repeats) % 2 == side])
                for runs, repeats in zip(
                    self.runs[place], self.repeats[place], strict=True
                )
            ]
            halves.append(np.array(costs))
        if not all(np.isfinite(half).all() for half in halves):
            return None
        return halves[0], halves[1]

    def log_slowdowns(self, place: int) -> Floats:
        """Log cost of each action over the best, on repeats that did not name the best.

        The best action of one half of the repeats is the reference on the other half; the
        mean of both ways. Where there are no halves, the least of all costs is the
        reference, and noise counts as slowdown.

        Parameters
        ----------
        place : int
            Of the problem.

        Returns
        -------
        array of shape (n_actions,)
            May be below 0 where the halves disagree.
        """
        halves = self.alternating_halves(place)
        if halves is None:
            return np.asarray(self.log_costs[place] - self.log_costs[place].min())
        first, second = halves
        return np.asarray(
            (second - second[np.argmin(first)] + first - first[np.argmin(second)]) / 2
        )

    def noise_floor(self, place: int) -> float | None:
        """Measure what the best action of one half loses on the other half, in log cost.

        Parameters
        ----------
        place : int
            Of the problem.

        Returns
        -------
        float or None
            `None` where the problem has no two halves of repeats.
        """
        halves = self.alternating_halves(place)
        if halves is None:
            return None
        first, second = halves
        lost = second[np.argmin(first)] - second.min()
        return float(lost + first[np.argmin(second)] - first.min()) / 2

    def with_log_costs(self, log_costs: Iterable[Floats]) -> "DecisionTable":
        """Replace the costs: what a leak test perturbs.

        Parameters
        ----------
        log_costs : iterable of array of shape (n_actions,)
            One for each problem.

        Returns
        -------
        DecisionTable
        """
        return replace(self, log_costs=tuple(log_costs))

    def halves(self, seed: int) -> tuple["DecisionTable", "DecisionTable"]:
        """Split the repeats of every cell: one half to choose the best by, one to grade.

        An action with a half in which nothing was achieved is left out of both.

        Parameters
        ----------
        seed : int

        Returns
        -------
        first, second : DecisionTable
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
            repeats=(),
            outcomes={},
        )

    def encoded(self, place: int) -> Floats:
        """Encode the actions of one problem: context, actions, offered range, rule.

        Parameters
        ----------
        place : int
            Of the problem.

        Returns
        -------
        array of shape (n_actions, columns)
            Columns as `RelativeLayout` names them.
        """
        actions = self.log_actions[place]
        context = self.schema.encode_context(self.problems[place].context)
        repeated = np.tile(np.asarray(context, dtype=np.float64), (len(actions), 1))
        placed = offered_columns(actions, self.axes, self.rules[place])
        return np.hstack([repeated, actions, placed])

    def rows(self) -> RelativeRows:
        """Encode all actions of all problems as training rows.

        Returns
        -------
        RelativeRows
            One row for each action of each problem.
        """
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

    Parameters
    ----------
    runs : array of shape (repeats, 2)
        What each run spent, and what it achieved.

    Returns
    -------
    float

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
