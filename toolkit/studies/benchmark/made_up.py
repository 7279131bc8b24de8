"""Made-up decision tables whose true costs are known: the promises' proving ground.

A seed draws everything: 3 to 12 groups, 1 to 6 axes, 5 to 400 actions; a smooth bowl, a
steep one or a cliff; noise from 0 to 0.3; and a history that helps, is useless or misleads.
A hundred further groups of the same law grade: of a few, luck would decide which of two
answers is the better one there.
"""

from dataclasses import dataclass, field

import numpy as np

from toolkit.bundle import Column, FeatureSchema
from toolkit.models import DecisionTable, cell_log_cost
from toolkit.policies import Floats, Problem, distinct_axes
from toolkit.policies.rules import TableRule

__all__ = ["GRADING_SEEDS", "MadeUpTable", "made_up_table"]

GRADING_SEEDS = 20_058
"""Seeds from here on grade; those below are for choosing: the 200 from 10,000 on and the 58
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
"""Groups that grade, and problems of each."""
CONTEXT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpTable:
    """A table as a learner sees it, and unseen groups of the same law.

    Attributes
    ----------
    table : DecisionTable
        What teaches, with the noise of its runs.
    unseen : DecisionTable
        What grades: other groups, with costs that have no noise.
    shape, history : str
        How the costs run, and what other groups teach.
    noise : float
        Standard deviation of the log cost of a single run.
    """

    table: DecisionTable
    unseen: DecisionTable
    shape: str
    history: str
    noise: float


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
    placed = _placed(grid)
    slopes = rng.normal(0, 0.25, (CONTEXT, axes))
    steepness = STEEPNESS[shape] * rng.uniform(0.5, 2.0, axes)

    def drawn(first: int, count: int, problems: int | None) -> _Drawn:
        """Draw groups, each of so many problems, or of three to seven."""
        made = _Drawn()
        for group in range(first, first + count):
            turned = slopes * (1 if history != "misleads" or group % 2 else -1)
            own = rng.normal(0, 0.1 if history == "helps" else 0.5, axes)
            for _ in range(problems or int(rng.integers(3, 8))):
                context = rng.normal(0, 1, CONTEXT)
                best = own + (context @ turned if history != "useless" else 0.0)
                made.problems.append(_problem(context, grid))
                made.truth.append(_log_costs(placed, best, steepness, shape))
                made.owners.append(f"g{group:02d}")
        return made

    table = _measured(seed, drawn(0, groups, None), noise, rng)
    unseen = _measured(seed, drawn(groups, UNSEEN_GROUPS, UNSEEN_PROBLEMS), 0.0, rng)
    return MadeUpTable(
        table=table, unseen=unseen, shape=shape, history=history, noise=noise
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Problems, what their actions cost without noise, and their groups."""

    problems: list[Problem] = field(default_factory=list)
    truth: list[Floats] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)


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
    seed: int, drawn: _Drawn, noise: float, rng: np.random.Generator
) -> DecisionTable:
    """Measure every action of every problem a few times."""
    problems, truth = drawn.problems, drawn.truth
    axes = problems[0].actions.shape[1]
    rule = TableRule()
    runs = tuple(
        tuple(
            np.column_stack(
                [np.exp(cost + noise * rng.normal(size=REPEATS)), np.ones(REPEATS)]
            )
            for cost in costs
        )
        for costs in truth
    )
    return DecisionTable(
        name=f"made-up_{seed}",
        cost="cost",
        schema=FeatureSchema(
            context=tuple(Column(name=f"x_{i}") for i in range(CONTEXT)),
            action=tuple(Column(name=name, unit="log2") for name in _columns(axes)),
            action_is_log=True,
        ),
        problems=tuple(problems),
        log_costs=tuple(
            np.array([cell_log_cost(cell) for cell in cells]) for cells in runs
        ),
        groups=tuple(drawn.owners),
        names=tuple(f"p{i}" for i in range(len(problems))),
        rules=tuple(rule.decide(problem).index for problem in problems),
        weights=tuple(np.full(len(costs), float(REPEATS)) for costs in truth),
        axes=distinct_axes([problem.actions for problem in problems]),
        runs=runs,
    )
