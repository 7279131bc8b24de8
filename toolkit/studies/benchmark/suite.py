"""Keeps the promises of the benchmark against made-up tables, and lists what broke.

A promise is about what is *expected* of a group not seen, under the law that the table is
drawn from. A hundred groups are a sample of it: an answer that keeps the promise is broken
on some of them, and the other way round. So the groups that grade are doubled until the mean
lies four standard errors from the 2 % that are allowed, or until there are so many
that noise decides hardly anything. What it still decides is reported: how often the one who
knows the law breaks the first promise on the same groups, and how many verdicts would be others
on further groups.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.experiments.evaluation import fit_intervals
from toolkit.experiments.training import AIM, read_spec_file
from toolkit.metrics import student_t_quantile
from toolkit.models import DecisionTable, FittedStack, Stack, learn_stack_prior
from toolkit.policies import Floats
from toolkit.policies.adaptation import (
    Belief,
    Intervals,
    MeasurementPrior,
    curve_deviation,
    own_runs_only,
    spend,
)
from toolkit.records import read_given
from toolkit.studies.benchmark.decisions import constant_choices
from toolkit.studies.benchmark.made_up import UNSEEN_GROUPS, MadeUpTable, made_up_table

__all__ = [
    "SuiteGrade",
    "SuiteSpec",
    "grade_made_up",
    "graded_stack",
    "read_suite_spec",
    "run_suite",
    "suite_report",
]

RUNS = 3
SLACK = 0.02
NO_WORSE, NO_WORSE_THAN_ALONE = (
    "no worse than rule and constant",
    "no worse than own runs alone",
)
OURS, KNOWN = "ours", "law known"
FEW_SHOT, ALONE = f"ours, {RUNS} own runs", f"own runs only, {RUNS}"
SHOWN = 0.95
"""One-sided level at which a break lies beyond the noise of the groups that grade."""
SETTLED = 4.0
"""Standard errors from what is allowed at which no more groups are asked."""
MOST_PARTS, MOST_REPLAYED = 64, 16
"""Hundreds of groups that grade at most, without own runs and with them."""
ROUNDING = 1e-9
LEAST_COVERED = 0.8
"""Share of a group's actions that its intervals should hold at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSpec:
    """Which tables are graded.

    Attributes
    ----------
    first, count : int
        Seeds; those from `GRADING_SEEDS` on took no part in any choice.
    """

    first: int
    count: int


def read_suite_spec(path: Path) -> SuiteSpec:
    """Read `spec.toml`.

    Parameters
    ----------
    path : path

    Returns
    -------
    SuiteSpec

    Raises
    ------
    InputDataError
        Not readable, with a field that is not known, or with no seed.
    """

    def build(raw: dict[str, Any]) -> SuiteSpec:
        spec = SuiteSpec(**raw)
        if spec.first < 0 or spec.count < 1:
            # `read_spec_file` adds file and fix.
            raise TypeError("`first` must be at least 0 and `count` at least 1")
        return spec

    return read_spec_file(
        path, build, what="suite", example="experiments/009-made-up/spec.toml"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteGrade:
    """One made-up table.

    Attributes
    ----------
    seed : int
    shape, history : str
    noise : float
    groups, axes, actions : int
    weight_of_constant : float
        Of the stack; 1 where no history was shown to be worth more.
    slowdowns : dict of str to float
        Geometric mean of chosen over best cost on unseen groups: `rule`, `constant`,
        `ours`, `law known` (whichever of the first two costs less under the law), `ours, 3 own
        runs`, `own runs only, 3`.
    errors : dict of str to float
        By promise: standard error, over the unseen groups, of our log slowdown less that
        of the better opponent.
    graders : dict of str to int
        By promise: unseen groups that graded it.
    covered : list of float
        Share of actions inside their interval, by unseen group of the first hundred.
    half_width : float
        Geometric mean of the half width, a factor.
    """

    seed: int
    shape: str
    history: str
    noise: float
    groups: int
    axes: int
    actions: int
    weight_of_constant: float
    slowdowns: dict[str, float]
    errors: dict[str, float]
    graders: dict[str, int]
    covered: list[float]
    half_width: float

    @property
    def broken(self) -> list[str]:
        """Name the promises that were not kept."""
        return [name for name, lost in self._lost(OURS).items() if lost > 0]

    @property
    def shown(self) -> list[str]:
        """Name those that would not be kept on further groups either, at 95 %."""
        return [
            name
            for name, lost in self._lost(OURS).items()
            if lost
            > student_t_quantile(SHOWN, self.graders[name] - 1) * self.errors[name]
        ]

    @property
    def broken_knowing_the_law(self) -> bool:
        """Whether the better of rule and constant under the law broke the first promise."""
        return self._lost(KNOWN)[NO_WORSE] > 0

    @property
    def doubt(self) -> float:
        """Chance that a verdict would be the other one on further groups."""
        return sum(
            NormalDist().cdf(-abs(lost) / self.errors[name])
            for name, lost in self._lost(OURS).items()
            if self.errors[name] > 0
        )

    def _lost(self, line: str) -> dict[str, float]:
        """Log slowdown beyond what each promise allows."""
        found = {line: np.log(value) for line, value in self.slowdowns.items()}
        allowed = {
            NO_WORSE: found[line] - min(found["rule"], found["constant"]),
            NO_WORSE_THAN_ALONE: found[FEW_SHOT] - found[ALONE],
        }
        return {
            name: float(lost - np.log1p(SLACK)) - ROUNDING
            for name, lost in allowed.items()
        }


def grade_made_up(seed: int) -> SuiteGrade:
    """Learn from a table's groups and grade what is decided for unseen ones.

    Parameters
    ----------
    seed : int
        Of the table; also of the learner, of the groups that grade and of the noise of
        own runs.
    """
    made = made_up_table(seed)
    return graded_stack(made, Stack(seed=seed).fit(made.table), seed)


def graded_stack(made: MadeUpTable, stack: FittedStack, seed: int) -> SuiteGrade:
    """Grade a fitted stack.

    Parameters
    ----------
    made : MadeUpTable
    stack : FittedStack
        Fitted on the table's groups.
    seed : int
    """
    table, unseen = made.table, made.unseen
    rows = table.rows()
    prior = learn_stack_prior(table, rows, stack, seed)
    intervals = fit_intervals(rows, stack.held_out, prior, level=AIM)
    inside, half_widths = _bounded(unseen, _curves(stack, unseen), prior, intervals)
    history = _graded(_without_runs(made, stack, seed), OURS, ("rule", "constant"))
    runs = _graded(_with_runs(made, stack, prior, seed), FEW_SHOT, (ALONE,))
    better = min("rule", "constant", key=lambda line: float(history[line].mean()))
    graded = {
        NO_WORSE: history[OURS] - history[better],
        NO_WORSE_THAN_ALONE: runs[FEW_SHOT] - runs[ALONE],
    }
    return SuiteGrade(
        seed=seed,
        shape=made.shape,
        history=made.history,
        noise=made.noise,
        groups=len(table.group_names),
        axes=len(table.axes),
        actions=len(unseen.log_costs[0]),
        weight_of_constant=stack.constant_weight,
        slowdowns={
            line: float(np.exp(lost.mean())) for line, lost in (history | runs).items()
        },
        errors={name: _error(lost) for name, lost in graded.items()},
        graders={name: len(lost) for name, lost in graded.items()},
        covered=[
            float(inside[np.array(unseen.groups) == group].mean())
            for group in unseen.group_names
        ],
        half_width=float(np.exp(half_widths.mean())),
    )


Lost = dict[str, Floats]
"""By line, mean log slowdown of each unseen group."""


def _graded(parts: Iterable[Lost], ours: str, others: Sequence[str]) -> Lost:
    """Take twice as many parts until the promise is settled, or there are no more."""
    source, lost = iter(parts), dict[str, list[Floats]]()
    while more := list(islice(source, max(len(lost.get(ours, ())), 1))):
        for part in more:
            for line, values in part.items():
                lost.setdefault(line, []).append(values)
        found = {line: np.concatenate(values) for line, values in lost.items()}
        if _is_settled([found[ours] - found[line] for line in others]):
            break
    return {line: np.concatenate(values) for line, values in lost.items()}


def _is_settled(differences: Sequence[Floats]) -> bool:
    """Say whether more groups would hardly change if one of the opponents is better."""
    reached = [
        (float(lost.mean() - np.log1p(SLACK)), SETTLED * _error(lost))
        for lost in differences
    ]
    return any(lost > reach for lost, reach in reached) or all(
        -lost > reach for lost, reach in reached
    )


def _lost_by_group(table: DecisionTable, taken: Sequence[int]) -> Floats:
    """Mean log slowdown of some choices, by group; groups have as many problems each."""
    lost = [c[i] - c.min() for c, i in zip(table.log_costs, taken, strict=True)]
    return np.asarray(np.reshape(lost, (UNSEEN_GROUPS, -1)).mean(axis=1))


def _error(differences: Floats) -> float:
    return float(differences.std(ddof=1) / np.sqrt(len(differences)))


def _curves(stack: FittedStack, part: DecisionTable) -> list[Floats]:
    """Predict the cost of every action of each problem."""
    ends = np.cumsum([len(costs) for costs in part.log_costs])
    return np.split(stack.predict(part.rows().X), ends[:-1])


def _without_runs(made: MadeUpTable, stack: FittedStack, seed: int) -> Iterable[Lost]:
    """Answer unseen groups, a part at a time; all of their problems offer one grid."""
    rule = made.unseen.rules[0]
    (constant,) = constant_choices(made.table, made.unseen.of_problems([0]))
    known = made.cheaper(rule, constant, seed)
    for part in islice(made.graders(seed), MOST_PARTS):
        ours = [int(np.argmin(curve)) for curve in _curves(stack, part)]
        fixed = {"rule": rule, "constant": constant, KNOWN: known}
        yield {
            OURS: _lost_by_group(part, ours),
            **{
                line: _lost_by_group(part, [index] * len(ours))
                for line, index in fixed.items()
            },
        }


def _with_runs(
    made: MadeUpTable, stack: FittedStack, prior: MeasurementPrior, seed: int
) -> Iterable[Lost]:
    """Spend three noisy runs on each problem, with history and without.

    A run of one action has the same error for both.
    """
    rng = np.random.default_rng(seed)
    for part in islice(made.graders(seed), MOST_REPLAYED):
        ours, alone = [], []
        for problem, costs, curve in zip(
            part.problems, part.log_costs, _curves(stack, part), strict=True
        ):
            run = costs + made.noise * rng.normal(size=len(costs))
            measure = run.tolist().__getitem__
            belief = Belief(prior, prior.points(problem), curve)
            ours += spend(belief, measure, [RUNS])
            axes = problem.actions[:, list(part.axes)]
            alone += own_runs_only(axes, measure, [RUNS])
        yield {
            FEW_SHOT: _lost_by_group(part, ours),
            ALONE: _lost_by_group(part, alone),
        }


def _bounded(
    unseen: DecisionTable,
    curves: Sequence[Floats],
    prior: MeasurementPrior,
    intervals: Intervals,
) -> tuple[Floats, Floats]:
    """Share of actions inside their interval and mean half width, by problem."""
    inside, half_widths = [], []
    for problem, costs, curve in zip(
        unseen.problems, unseen.log_costs, curves, strict=True
    ):
        deviation = curve_deviation(prior, prior.points(problem))
        low, high = intervals.bounds(curve, deviation)
        truth = costs - costs.mean()
        inside.append(((low <= truth) & (truth <= high)).mean())
        half_widths.append((high - low).mean() / 2)
    return np.array(inside), np.array(half_widths)


def run_suite(
    spec: SuiteSpec, store: Path, progress: Callable[[str], None]
) -> list[SuiteGrade]:
    """Grade tables one by one; what an earlier run finished is read back.

    Parameters
    ----------
    spec : SuiteSpec
    store : path
        One JSON line for each seed.
    progress : callable
        Takes a line for people.

    Returns
    -------
    list of SuiteGrade
        By seed, ascending.

    Raises
    ------
    InputDataError
        The store is not one of this suite.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(spec.first, spec.first + spec.count)
    known = _stored(store)
    for seed in seeds:
        if seed not in known:
            known[seed] = grade_made_up(seed)
            with store.open("a") as lines:
                lines.write(json.dumps(asdict(known[seed])) + "\n")
            progress(f"table {seed}: {', '.join(known[seed].broken) or 'kept'}")
    return [known[seed] for seed in seeds]


def _stored(store: Path) -> dict[int, SuiteGrade]:
    if not store.exists():
        return {}
    try:
        grades = [
            SuiteGrade(**json.loads(line)) for line in read_given(store).splitlines()
        ]
    except (OSError, ValueError, TypeError) as error:
        raise InputDataError(
            f"not grades of this suite: {error}", file=store, fix="remove the file"
        ) from error
    return {grade.seed: grade for grade in grades}


def suite_report(grades: Sequence[SuiteGrade]) -> dict[str, Any]:
    """Summarise a suite, every broken promise listed.

    Parameters
    ----------
    grades : sequence of SuiteGrade

    Returns
    -------
    dict
        JSON types.
    """
    broken = [
        {
            "seed": grade.seed,
            "promise": promise,
            "shown": promise in grade.shown,
            "shape": grade.shape,
            "history": grade.history,
            "noise": grade.noise,
            "groups": grade.groups,
            "axes": grade.axes,
            "actions": grade.actions,
            "graders": grade.graders[promise],
            "slowdowns": {k: round(v, 4) for k, v in grade.slowdowns.items()},
        }
        for grade in grades
        for promise in grade.broken
    ]
    return {
        "tables": len(grades),
        "seeds": [grades[0].seed, grades[-1].seed],
        **_figures(grades),
        "by_history": {
            name: _figures([g for g in grades if g.history == name])
            for name in sorted({g.history for g in grades})
        },
        "broken": broken,
        "grades": [
            {
                "seed": grade.seed,
                "slowdowns": {k: round(v, 4) for k, v in grade.slowdowns.items()},
                "coverage": round(float(np.mean(grade.covered)), 4),
                "half_width": round(grade.half_width, 3),
            }
            for grade in grades
        ],
    }


def _figures(grades: Sequence[SuiteGrade]) -> dict[str, Any]:
    covered = np.concatenate([grade.covered for grade in grades])
    return {
        "mean_slowdown": {
            line: float(np.exp(np.mean([np.log(g.slowdowns[line]) for g in grades])))
            for line in grades[0].slowdowns
        },
        "share_broken": float(np.mean([bool(grade.broken) for grade in grades])),
        "share_shown_broken": float(np.mean([bool(grade.shown) for grade in grades])),
        "share_broken_knowing_the_law": float(
            np.mean([grade.broken_knowing_the_law for grade in grades])
        ),
        "share_in_doubt": float(np.mean([grade.doubt for grade in grades])),
        "coverage_over_groups": float(covered.mean()),
        "share_of_groups_under_80": float((covered < LEAST_COVERED).mean()),
        "half_width_factor": float(
            np.exp(np.mean([np.log(grade.half_width) for grade in grades]))
        ),
    }
