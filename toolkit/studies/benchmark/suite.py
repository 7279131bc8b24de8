"""Keeps the promises of the benchmark against made-up tables, and lists what broke."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.models import Stack, learn_measurement_prior
from toolkit.policies import Floats
from toolkit.policies.adaptation import Belief, MeasurementPrior, own_runs_only, spend
from toolkit.studies.benchmark.decisions import constant_choices
from toolkit.studies.benchmark.made_up import MadeUpTable, made_up_table

__all__ = ["SuiteGrade", "grade_made_up", "run_suite", "suite_report"]

RUNS = 3
HELD_OUT = 3
"""One group in so many is held out."""
SLACK = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteGrade:
    """One made-up table.

    Attributes
    ----------
    seed : int
    shape, history : str
    noise : float
    groups, axes, actions : int
    slowdowns : dict of str to float
        Geometric mean of chosen over best true cost on the groups held out: `rule`,
        `constant`, `ours`, `ours, 3 own runs`, `own runs only, 3`.
    """

    seed: int
    shape: str
    history: str
    noise: float
    groups: int
    axes: int
    actions: int
    slowdowns: dict[str, float]

    @property
    def broken(self) -> list[str]:
        """Name the promises that were not kept."""
        found = self.slowdowns
        better = min(found["rule"], found["constant"])
        kept = {
            "no worse than rule and constant": found["ours"] <= better * (1 + SLACK),
            "no worse than own runs alone": found["ours, 3 own runs"]
            <= found["own runs only, 3"] * (1 + SLACK),
        }
        return [promise for promise, holds in kept.items() if not holds]


def grade_made_up(seed: int) -> SuiteGrade:
    """Hold a third of a table's groups out and grade what was decided there.

    Parameters
    ----------
    seed : int
        Of the table; also of the learner and of the noise of own runs.
    """
    made = made_up_table(seed)
    table = made.table
    out = set(table.group_names[::HELD_OUT])
    places = [i for i, group in enumerate(table.groups) if group in out]
    others, held_out = (
        table.of_groups(set(table.groups) - out),
        table.of_problems(places),
    )
    fitted = Stack(seed=seed).fit(others)
    prior = learn_measurement_prior(
        others.rows(), fitted.held_out, table.axes, seed, noise=table.noise or 0.0
    )
    rows = held_out.rows()
    predicted = fitted.predict(rows.X)
    curves = [predicted[rows.problem == place] for place in range(len(places))]
    truth = [made.truth[place] for place in places]
    chosen = {
        "rule": list(held_out.rules),
        "constant": constant_choices(others, held_out),
        "ours": [int(np.argmin(curve)) for curve in curves],
        **_own_runs(made, places, curves, prior),
    }
    return SuiteGrade(
        seed=seed,
        shape=made.shape,
        history=made.history,
        noise=made.noise,
        groups=len(table.group_names),
        axes=len(table.axes),
        actions=len(truth[0]),
        slowdowns={
            line: float(
                np.exp(
                    np.mean([c[i] - c.min() for c, i in zip(truth, taken, strict=True)])
                )
            )
            for line, taken in chosen.items()
        },
    )


def _own_runs(
    made: MadeUpTable, places: list[int], curves: list[Floats], prior: MeasurementPrior
) -> dict[str, list[int]]:
    """Spend three noisy runs on each problem, with history and without."""
    rng = np.random.default_rng(made.table.axes + tuple(places))
    ours, alone = [], []
    for place, curve in zip(places, curves, strict=True):
        problem, costs = made.table.problems[place], made.truth[place]

        def measure(index: int, costs: Floats = costs) -> float:
            return float(costs[index] + made.noise * rng.normal())

        belief = Belief(prior, prior.points(problem), curve)
        ours += spend(belief, measure, [RUNS])
        axes = problem.actions[:, list(made.table.axes)]
        alone += own_runs_only(axes, measure, [RUNS])
    return {"ours, 3 own runs": ours, "own runs only, 3": alone}


def run_suite(
    seeds: Sequence[int], store: Path, progress: Callable[[str], None]
) -> list[SuiteGrade]:
    """Grade tables one by one; what an earlier run finished is read back.

    Parameters
    ----------
    seeds : sequence of int
    store : path
        One JSON line for each seed.
    progress : callable
        Takes a line for people.

    Raises
    ------
    InputDataError
        The store is not one of this suite.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
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
            SuiteGrade(**json.loads(line)) for line in store.read_text().splitlines()
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
    """
    lines = list(grades[0].slowdowns)
    broken = [
        {**asdict(grade), "promise": promise}
        for grade in grades
        for promise in grade.broken
    ]
    return {
        "tables": len(grades),
        "seeds": [grade.seed for grade in grades],
        "mean_slowdown": {
            line: float(np.exp(np.mean([np.log(g.slowdowns[line]) for g in grades])))
            for line in lines
        },
        "share_broken": len({entry["seed"] for entry in broken}) / len(grades),
        "broken": broken,
    }
