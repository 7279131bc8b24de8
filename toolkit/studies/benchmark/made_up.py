"""Made-up decision tables whose true costs are known: the promises' proving ground.

A seed draws everything: 3 to 12 groups, 1 to 6 axes, 5 to 400 actions; a smooth bowl, a
steep one or a cliff; noise from 0 to 0.3; and a history that helps, is useless or misleads.
Further groups of the same law grade, as many as are asked for: of a few, luck would decide
which of two answers is the better one there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.bundle import Column, FeatureSchema
from toolkit.models import DecisionTable, cell_log_cost
from toolkit.policies import Floats, Problem, distinct_axes
from toolkit.policies.rules import TableRule

__all__ = ["GRADING_SEEDS", "MadeUpTable", "made_up_table"]

GRADING_SEEDS = 20_500
"""Seeds from here on grade; those below are for choosing. The 200 from 10,000 on and the 439
from 20,000 on graded earlier learners, and what they broke there was looked at."""
SHAPES = ("smooth", "steep", "cliff")
HISTORIES = ("helps", "useless", "misleads")
STEEPNESS = {"smooth": 1.5, "steep": 6.0, "cliff": 1.5}
"""Log cost, about, at the edge of a range whose middle is best: a factor of 4, or of 400."""
CLIFF = 2.0
"""Log cost of an action beyond the cliff, which lies above the optimum."""
EDGE = 0.3
"""How far above, in half ranges of the first axis."""
REPEATS = 2
UNSEEN_GROUPS, UNSEEN_PROBLEMS = 100, 2
"""Groups that grade in each part, and problems of each."""
ASKED_GROUPS = 10_000
"""Groups that say which of two actions the law makes the cheaper one."""
CONTEXT = 3


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Problems, what their actions cost without noise, and their groups."""

    problems: list[Problem] = field(default_factory=list)
    truth: list[Floats] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """What groups have in common: where their optimum lies and how costs grow from it.

    `slopes` (context, axes) move the optimum with the context; `steepness` is by axis.
    """

    grid: Floats
    slopes: Floats
    steepness: Floats
    shape: str
    history: str

    def optima(
        self, rng: np.random.Generator, group: int, count: int | None
    ) -> Iterator[tuple[Floats, Floats]]:
        """Draw a group: context and optimum of so many problems, or of three to seven."""
        misled = self.history == "misleads" and group % 2 == 0
        turned = self.slopes * (-1 if misled else 1)
        own = rng.normal(0, 0.1 if self.history == "helps" else 0.5, (turned.shape[1],))
        for _ in range(count or int(rng.integers(3, 8))):
            context = rng.normal(0, 1, CONTEXT)
            useless = self.history == "useless"
            yield context, own if useless else own + context @ turned

    def costs(self, best: Floats) -> Floats:
        """Log cost of every action, shape (n_actions,)."""
        return _log_costs(_placed(self.grid), best, self.steepness, self.shape)

    def drawn(
        self, rng: np.random.Generator, groups: range, problems: int | None
    ) -> _Drawn:
        """Draw groups, each of so many problems, or of three to seven."""
        made = _Drawn()
        for group in groups:
            for context, best in self.optima(rng, group, problems):
                made.problems.append(_problem(context, self.grid))
                made.truth.append(self.costs(best))
                made.owners.append(f"g{group:02d}")
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpTable:
    """A table as a learner sees it, and unseen groups of the same law.

    Attributes
    ----------
    table : DecisionTable
        What teaches, with the noise of its runs.
    unseen : DecisionTable
        What grades first: a hundred other groups, with costs that have no noise.
    noise : float
        Standard deviation of the log cost of a single run.
    law : object
        What both are drawn from.
    """

    table: DecisionTable
    unseen: DecisionTable
    noise: float
    law: _Law

    @property
    def shape(self) -> str:
        """How costs run."""
        return self.law.shape

    @property
    def history(self) -> str:
        """What other groups teach."""
        return self.law.history

    def graders(self, seed: int) -> Iterator[DecisionTable]:
        """Give parts of a hundred unseen groups without end, `unseen` first.

        Parameters
        ----------
        seed : int
            Of the groups after the first hundred.

        Yields
        ------
        DecisionTable
        """
        yield self.unseen
        rng = np.random.default_rng([seed, UNSEEN_GROUPS])
        first = len(self.table.group_names) + UNSEEN_GROUPS
        while True:
            groups = range(first, first + UNSEEN_GROUPS)
            yield _exact(self.table.name, self.law.drawn(rng, groups, UNSEEN_PROBLEMS))
            first += UNSEEN_GROUPS

    def cheaper(self, first: int, second: int, seed: int) -> int:
        """Name the action that costs less under the law, of two.

        Parameters
        ----------
        first, second : int
        seed : int
            Of the groups that say it, which take no other part.
        """
        rng = np.random.default_rng([seed, ASKED_GROUPS])
        lead = 0.0
        for group in range(ASKED_GROUPS if first != second else 0):
            for _, best in self.law.optima(rng, group, UNSEEN_PROBLEMS):
                costs = self.law.costs(best)
                lead += float(costs[second] - costs[first])
        return first if lead >= 0 else second


def made_up_table(seed: int) -> MadeUpTable:
    """Draw a table.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> made = made_up_table(0)
    >>> 3 <= len(made.table.group_names) <= 12, 1 <= len(made.table.axes) <= 6
    (True, True)
    """
    rng = np.random.default_rng(seed)
    shape, history = str(rng.choice(SHAPES)), str(rng.choice(HISTORIES))
    noise = float(rng.choice([0.0, 0.05, 0.15, 0.3]))
    axes = int(rng.integers(1, 7))
    grid = _grid(rng, axes)
    groups = int(rng.integers(3, 13))
    law = _Law(
        grid=grid,
        slopes=rng.normal(0, 0.25, (CONTEXT, axes)),
        steepness=STEEPNESS[shape] * rng.uniform(0.5, 2.0, axes),
        shape=shape,
        history=history,
    )
    name = f"made-up_{seed}"
    table = _measured(name, law.drawn(rng, range(groups), None), noise, rng)
    others = range(groups, groups + UNSEEN_GROUPS)
    unseen = _exact(name, law.drawn(rng, others, UNSEEN_PROBLEMS))
    return MadeUpTable(table=table, unseen=unseen, noise=noise, law=law)


def _grid(rng: np.random.Generator, axes: int) -> Floats:
    """Draw from 5 to 400 points of a regular grid, in log2."""
    levels = rng.integers(3, 8, axes) if axes > 1 else rng.integers(5, 16, 1)
    mesh = np.meshgrid(*(np.arange(float(n)) for n in levels), indexing="ij")
    points = np.stack([part.ravel() for part in mesh], axis=1)
    most = int(np.exp(rng.uniform(np.log(5), np.log(400))))
    if len(points) > most:
        points = points[np.sort(rng.choice(len(points), most, replace=False))]
    return points


def _problem(context: Floats, grid: Floats) -> Problem:
    return Problem(
        context={f"x_{i}": float(value) for i, value in enumerate(context)},
        action_columns=_columns(grid.shape[1]),
        actions=grid,
    )


def _columns(axes: int) -> tuple[str, ...]:
    """Name the axes: the first is a batch, of which the rule knows a size."""
    return ("a_b", *(f"a_{i}" for i in range(1, axes)))


def _placed(grid: Floats) -> Floats:
    """Place actions between -1 and 1 along each axis."""
    middle = (grid.max(axis=0) + grid.min(axis=0)) / 2
    half = np.maximum((grid.max(axis=0) - grid.min(axis=0)) / 2, 1e-9)
    return np.asarray((grid - middle) / half)


def _log_costs(placed: Floats, best: Floats, steepness: Floats, shape: str) -> Floats:
    away = placed - best
    costs = (steepness * away**2).mean(axis=1)
    if shape == "cliff":
        costs = costs + CLIFF * (away[:, 0] > EDGE)
    return np.asarray(costs)


def _measured(
    name: str, drawn: _Drawn, noise: float, rng: np.random.Generator
) -> DecisionTable:
    """Measure every action of every problem a few times."""
    runs = tuple(
        tuple(
            np.column_stack(
                [np.exp(cost + noise * rng.normal(size=REPEATS)), np.ones(REPEATS)]
            )
            for cost in costs
        )
        for costs in drawn.truth
    )
    return replace(
        _exact(name, drawn),
        log_costs=tuple(
            np.array([cell_log_cost(cell) for cell in cells]) for cells in runs
        ),
        weights=tuple(np.full(len(costs), float(REPEATS)) for costs in drawn.truth),
        runs=runs,
    )


def _exact(name: str, drawn: _Drawn) -> DecisionTable:
    """Make a table of costs as they are, without runs."""
    problems, rule = drawn.problems, TableRule()
    columns = problems[0].action_columns
    return DecisionTable(
        name=name,
        cost="cost",
        schema=FeatureSchema(
            context=tuple(Column(name=f"x_{i}") for i in range(CONTEXT)),
            action=tuple(Column(name=name, unit="log2") for name in columns),
            action_is_log=True,
        ),
        problems=tuple(problems),
        log_costs=tuple(drawn.truth),
        groups=tuple(drawn.owners),
        names=tuple(f"p{i}" for i in range(len(problems))),
        rules=tuple(rule.decide(problem).index for problem in problems),
        weights=tuple(np.ones(len(costs)) for costs in drawn.truth),
        axes=distinct_axes([problem.actions for problem in problems]),
    )
