"""Runs experiment 008: the swarm by fixed sizes, by the rule, adapted, and exploring.

All arms of one seed run side by side, so that whatever else happens on the machine falls
on all of them at once, and a turn is a sleep that lasts far longer than its batch. A cost
is seconds a successful operation and worker; arms are compared within the seed.
"""

import math
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from toolkit.errors import InputDataError
from toolkit.experiments.training import read_spec_file, write_results
from toolkit.testing.swarm import ArmResult, SwarmSettings, run_swarm

__all__ = ["SwarmSpec", "read_swarm_spec", "run_swarm_study", "summarised"]

RULE = 8
"""The size of the specification's rule for file operations without load."""

ADAPTED, EXPLORING, AGAIN = "adapted", "exploring", "rule again"
"""The last one is the rule's size once more: what two equal arms differ by is the floor."""

EMBEDDED = (ADAPTED, EXPLORING)

T_95 = (0.0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Student's t at 95 %, two-sided, by degrees of freedom; 1.96 beyond."""

LEAST_RATE = 1e-6
"""Operations a second that stand in for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSpec:
    """All there is to choose.

    Attributes
    ----------
    seeds : tuple of int
    failures : tuple of float
        Share of operations that fail, one class each.
    sizes : tuple of int
        Fixed sizes; the rule's among them.
    workers : int
    turn_s : float
    duration_s : float
    explore : float
    """

    seeds: tuple[int, ...]
    failures: tuple[float, ...]
    sizes: tuple[int, ...]
    workers: int
    turn_s: float
    duration_s: float
    explore: float


def read_swarm_spec(path: Path) -> SwarmSpec:
    """Read `spec.toml`.

    Parameters
    ----------
    path : path

    Returns
    -------
    SwarmSpec

    Raises
    ------
    InputDataError
        Not readable, with a field that is not known, or without the rule's size.
    """

    def build(raw: dict[str, Any]) -> SwarmSpec:
        return SwarmSpec(
            seeds=tuple(raw.pop("seeds")),
            failures=tuple(raw.pop("failures")),
            sizes=tuple(raw.pop("sizes")),
            **raw,
        )

    spec = read_spec_file(
        path, build, what="swarm", example="experiments/008-swarm/spec.toml"
    )
    if RULE not in spec.sizes:
        raise InputDataError(
            f"`sizes` lacks {RULE}, the rule's, with which all are compared", file=path
        )
    return spec


def run_swarm_study(
    spec: SwarmSpec, *, results: Path, report: Callable[[float, float, str], None]
) -> dict[str, Any]:
    """Run every arm and write the results.

    Parameters
    ----------
    spec : SwarmSpec
    results : path
        JSON file.
    report : callable
        Called with done, total and what.

    Returns
    -------
    dict
        What was written, in JSON types.
    """
    arms = list(product(spec.failures, [*map(str, spec.sizes), *EMBEDDED, AGAIN]))
    runs: list[dict[str, Any]] = []
    for place, seed in enumerate(spec.seeds):
        report(place, len(spec.seeds), f"seed {seed}, {len(arms)} swarms side by side")
        load_before = os.getloadavg()[0]
        found = _side_by_side(spec, arms, seed)
        load = [load_before, os.getloadavg()[0]]
        runs += [
            {"seed": seed, "failures": failures, "arm": arm, "load": load, **result}
            for (failures, arm), result in zip(arms, found, strict=True)
        ]
    answer = {"spec": asdict(spec), "classes": summarised(spec, runs), "runs": runs}
    write_results(results, answer)
    return answer


def _side_by_side(
    spec: SwarmSpec, arms: Sequence[tuple[float, str]], seed: int
) -> list[dict[str, Any]]:
    """Run the arms of one seed, each in a process that starts its own."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(arms), mp_context=context) as pool:
        waiting = [pool.submit(_run, spec, arm, failed, seed) for failed, arm in arms]
        return [_row(each.result()) for each in waiting]


def _row(result: ArmResult) -> dict[str, Any]:
    tasks = None if result.tasks is None else asdict(result.tasks)
    return {
        "whole": result.whole,
        "second_half": result.second_half,
        "expected_whole": result.expected_whole,
        "expected_second_half": result.expected_second_half,
        "batches": result.batches,
        "mean_size": result.mean_size,
        "tasks": tasks,
        "organ_failures": result.failures,
    }


def summarised(spec: SwarmSpec, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the arms of each failure class within each seed.

    Returns
    -------
    list of dict
        For each class `achieved` (what did succeed) and `expected` (without the luck of
        which operations failed): `best_size` (the fixed size of least mean cost in
        hindsight), `costs` by arm relative to the rule, and of the two optimizer arms
        the share of the gap between rule and best that their second half closed; each
        with a 95 % interval over the seeds.
    """
    return [
        {
            "failures": failures,
            "achieved": _class(spec, runs, failures, ""),
            "expected": _class(spec, runs, failures, "expected_"),
        }
        for failures in spec.failures
    ]


def _class(
    spec: SwarmSpec, runs: list[dict[str, Any]], failures: float, which: str
) -> dict[str, Any]:
    held = [run for run in runs if run["failures"] == failures]

    def costs(arm: str, part: str) -> list[float]:
        rates = {run["seed"]: run[which + part] for run in held if run["arm"] == arm}
        return [-math.log(max(rates[seed], LEAST_RATE)) for seed in spec.seeds]

    rule, late_rule = costs(str(RULE), "whole"), costs(str(RULE), "second_half")
    fixed = {size: costs(str(size), "whole") for size in spec.sizes}
    best = min(fixed, key=lambda size: mean(fixed[size]))
    gaps = [a - b for a, b in zip(rule, fixed[best], strict=True)]
    found: dict[str, Any] = {
        "best_size": best,
        "gap_percent": 100 * math.expm1(mean(gaps)),
        "floor": _ratio(costs(AGAIN, "whole"), rule),
        "costs": {
            str(size): _ratio(each, rule) for size, each in sorted(fixed.items())
        },
    }
    for arm in EMBEDDED:
        late = costs(arm, "second_half")
        saved = [a - b for a, b in zip(late_rule, late, strict=True)]
        found[arm] = {
            "whole": _ratio(costs(arm, "whole"), rule),
            "second_half": _ratio(late, late_rule),
            "gap_closed": _share(saved, gaps),
        }
    return found


def _share(saved: list[float], gaps: list[float]) -> dict[str, float] | None:
    """Ratio of two means over the seeds, with the jackknife's 95 % interval."""
    if mean(gaps) <= 0:
        return None
    share, count = mean(saved) / mean(gaps), len(gaps)
    half = 0.0
    if count > 1:
        without = [
            (sum(saved) - saved[seed]) / (sum(gaps) - gaps[seed])
            for seed in range(count)
        ]
        spread = sum((each - mean(without)) ** 2 for each in without)
        half = _t_95(count) * math.sqrt(spread * (count - 1) / count)
    return {"share": share, "low": share - half, "high": share + half}


def _ratio(arm: list[float], rule: list[float]) -> dict[str, float]:
    """Cost against the rule's, in percent, with its interval over the seeds."""
    logs = [a - b for a, b in zip(arm, rule, strict=True)]
    half = 0.0
    if len(logs) > 1:
        half = _t_95(len(logs)) * stdev(logs) / math.sqrt(len(logs))
    centre = mean(logs)
    return {
        name: 100 * math.expm1(value)
        for name, value in (
            ("percent", centre),
            ("low", centre - half),
            ("high", centre + half),
        )
    }


def _t_95(count: int) -> float:
    return T_95[count - 1] if count <= len(T_95) else 1.96


def _run(spec: SwarmSpec, arm: str, failures: float, seed: int) -> ArmResult:
    fixed = RULE if arm == AGAIN else int(arm) if arm.isdigit() else 0
    settings = SwarmSettings(
        workers=spec.workers,
        duration_s=spec.duration_s,
        turn_s=spec.turn_s,
        failures=failures,
        size=fixed,
        explore=spec.explore if arm == EXPLORING else 0.0,
        # Two arms of one size must not draw the same failures.
        seed=seed + 1000 * (arm == AGAIN),
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        return run_swarm(settings, Path(directory))
