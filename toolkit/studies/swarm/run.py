"""Runs experiment 008: the swarm by fixed sizes, by the rule, adapted, and exploring.

A cost is seconds a successful operation and worker. Arms of one seed and failure class
run one after the other in an order drawn by the seed, so that what else happens on the
machine falls on all of them; they are compared within the seed.
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.experiments.training import read_spec_file, write_results
from toolkit.testing.swarm import ArmResult, SwarmSettings, run_swarm

__all__ = ["SwarmSpec", "read_swarm_spec", "run_swarm_study", "summarised"]

RULE = 8
"""The size of the specification's rule for file operations without load."""

ADAPTED, EXPLORING = "adapted", "exploring"

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
        Of an arm with the optimizer.
    fixed_duration_s : float
        Of an arm with a fixed size.
    explore : float
    """

    seeds: tuple[int, ...]
    failures: tuple[float, ...]
    sizes: tuple[int, ...]
    workers: int
    turn_s: float
    duration_s: float
    fixed_duration_s: float
    explore: float


def read_swarm_spec(path: Path) -> SwarmSpec:
    """Read `spec.toml`.

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
    """
    arms = [*map(str, spec.sizes), ADAPTED, EXPLORING]
    total = len(spec.seeds) * len(spec.failures) * len(arms)
    runs: list[dict[str, Any]] = []
    for seed in spec.seeds:
        for failures in spec.failures:
            for arm in np.random.default_rng(seed).permutation(arms).tolist():
                report(len(runs), total, f"{failures:g} {arm} seed {seed}")
                result = _run(spec, arm, failures, seed)
                runs.append(
                    {
                        "seed": seed,
                        "failures": failures,
                        "arm": arm,
                        "whole": result.whole,
                        "second_half": result.second_half,
                        "batches": result.batches,
                        "mean_size": result.mean_size,
                        "organ_failures": result.failures,
                    }
                )
    found = {"spec": asdict(spec), "classes": summarised(spec, runs), "runs": runs}
    write_results(results, found)
    return found


def summarised(spec: SwarmSpec, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the arms of each failure class within each seed.

    Returns
    -------
    list of dict
        For each class `best_size` (the fixed size of least mean cost in hindsight),
        `costs` by arm relative to the rule, and of the two optimizer arms the share
        of the gap between rule and best that their second half closed; each with a
        95 % interval over the seeds.
    """
    return [_class(spec, runs, failures) for failures in spec.failures]


def _class(
    spec: SwarmSpec, runs: list[dict[str, Any]], failures: float
) -> dict[str, Any]:
    held = [run for run in runs if run["failures"] == failures]

    def costs(arm: str, part: str) -> list[float]:
        rates = {run["seed"]: run[part] for run in held if run["arm"] == arm}
        return [-math.log(max(rates[seed], LEAST_RATE)) for seed in spec.seeds]

    rule = costs(str(RULE), "whole")
    fixed = {size: costs(str(size), "whole") for size in spec.sizes}
    best = min(fixed, key=lambda size: mean(fixed[size]))
    gap = mean(rule) - mean(fixed[best])
    found: dict[str, Any] = {
        "failures": failures,
        "best_size": best,
        "gap_percent": 100 * math.expm1(gap),
        "costs": {
            str(size): _ratio(each, rule) for size, each in sorted(fixed.items())
        },
    }
    for arm in (ADAPTED, EXPLORING):
        late = costs(arm, "second_half")
        saved = [a - b for a, b in zip(rule, late, strict=True)]
        found[arm] = {
            "whole": _ratio(costs(arm, "whole"), rule),
            "second_half": _ratio(late, rule),
            "gap_closed": mean(saved) / gap if gap > 0 else None,
        }
    return found


def _ratio(arm: list[float], rule: list[float]) -> dict[str, float]:
    """Cost against the rule's, in percent, with its interval over the seeds."""
    logs = [a - b for a, b in zip(arm, rule, strict=True)]
    half = 0.0
    if len(logs) > 1:
        t = T_95[len(logs) - 1] if len(logs) <= len(T_95) else 1.96
        half = t * stdev(logs) / math.sqrt(len(logs))
    centre = mean(logs)
    return {
        name: 100 * math.expm1(value)
        for name, value in (
            ("percent", centre),
            ("low", centre - half),
            ("high", centre + half),
        )
    }


def _run(spec: SwarmSpec, arm: str, failures: float, seed: int) -> ArmResult:
    embedded = arm in (ADAPTED, EXPLORING)
    settings = SwarmSettings(
        workers=spec.workers,
        duration_s=spec.duration_s if embedded else spec.fixed_duration_s,
        turn_s=spec.turn_s,
        failures=failures,
        size=0 if embedded else int(arm),
        explore=spec.explore if arm == EXPLORING else 0.0,
        seed=seed,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        return run_swarm(settings, Path(directory))
