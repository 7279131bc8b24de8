"""Claims about the race of the optimizer that ships."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.bundle_factory import NOW, SIZES, small_bundle
from tests.shared import ROOT
from toolkit.bundle import Bundle
from toolkit.experiments.tables import read_measured, recorded_table
from toolkit.policies import Floats, Problem
from toolkit.studies.controllers.shipped import (
    OptimizerDesign,
    OptimizerRace,
    ReplayedContext,
    race_optimizer,
    replayed_contexts,
)

DESIGN = OptimizerDesign(seed=0, batches=60)
CHANCES = {"rare": 0.03, "some": 0.1, "frequent": 0.25}


def made_up_context(
    name: str, failures: str, costs: Floats, *, load: float = 0.2, runs: int = 8
) -> ReplayedContext:
    """Batches of known cost in which a failure makes the work of its siblings void."""
    rng = np.random.default_rng(sum(map(ord, name)))
    halves = []
    for _ in range(2):
        cells = []
        for size, cost in zip(SIZES, costs, strict=True):
            failed = rng.random(runs) < 1 - (1 - CHANCES[failures]) ** min(size, 3)
            share = np.where(failed, np.floor(size / 2) / size, 1.0)
            share[0] = 1.0
            spent = np.exp(cost) * share.mean() * rng.lognormal(0, 0.1, runs)
            cells.append(np.column_stack([spent, share]))
        halves.append(tuple(cells))
    return ReplayedContext(
        problem=Problem.of(
            "size", SIZES, operation_type="fileOperations", load_cpu=load
        ),
        group=name,
        failures=failures,
        halves=(halves[0], halves[1]),
    )


def costs_about(best: float) -> Floats:
    return 0.3 * np.log2(np.array(SIZES) / best) ** 2


def contexts(best: float) -> list[ReplayedContext]:
    return [
        made_up_context(f"{failures} {number}", failures, costs_about(best))
        for failures in CHANCES
        for number in range(3)
    ]


def by_class(races: list[OptimizerRace]) -> dict[str, OptimizerRace]:
    return {race.failures: race for race in races}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "b"
    return small_bundle(folder, created_at=NOW.replace(year=2025, month=12, day=31))


@pytest.mark.parametrize("shared", [False, True])
def test_on_the_rules_it_costs_no_more_than_the_rule_in_any_class(
    *, shared: bool
) -> None:
    design = OptimizerDesign(seed=0, batches=60, shared=shared)

    races = race_optimizer(contexts(best=8), {}, design)

    assert {race.failures for race in races} == {*CHANCES, "all"}
    assert all(race.against_rule.estimate <= 1e-6 for race in races)


def test_exploring_finds_the_sizes_that_the_rule_misses() -> None:
    design = OptimizerDesign(seed=0, batches=120, explore=0.2)

    races = by_class(race_optimizer(contexts(best=3), {}, design))

    assert races["all"].against_best_rung.estimate < -0.1


def test_a_bundle_that_is_wrong_does_not_cost_more_than_its_rungs(
    bundle: Bundle,
) -> None:
    met = contexts(best=3)

    races = race_optimizer(met, {c.group: bundle for c in met}, DESIGN)

    assert all(race.bundle for race in races)
    assert all(
        race.slowdowns["optimizer"] <= race.slowdowns["ladder"] + 0.02 for race in races
    )


def test_what_is_shown_does_not_grade() -> None:
    met = [
        replace(small, halves=(small.halves[0], large.halves[1]))
        for small, large in zip(contexts(best=2), contexts(best=15), strict=True)
    ]

    races = race_optimizer(met, {}, DESIGN)

    assert all(race.noise_floor > 0.5 for race in races)


def test_one_seed_gives_one_race() -> None:
    met = contexts(best=3)[:3]

    first, second = (race_optimizer(met, {}, DESIGN) for _ in range(2))

    assert [race.to_json() for race in first] == [race.to_json() for race in second]


def test_on_measured_batches_it_costs_no_more_than_the_rule(tmp_path: Path) -> None:
    kept = (
        "tasks-light",
        "tasks-long-briefed",
        "tasks-briefed",
        "todos-medium-list",
        "tasks-light-fragile",
        "tasks-briefed-fragile",
    )
    with gzip.open(ROOT / "data/sample/batches.jsonl.gz", "rt") as lines:
        part = [
            line
            for line in lines
            if any(f'"group_id":"{group}"' in line for group in kept)
        ]
    (tmp_path / "batches.jsonl").write_text("".join(part), encoding="utf-8")
    met = replayed_contexts(
        recorded_table(read_measured(tmp_path, "batches"), decision="batch_size")
    )

    races = by_class(race_optimizer(met, {}, DESIGN))

    assert {*races} == {*CHANCES, "all"}
    assert all(race.against_rule.estimate <= 1e-6 for race in races.values())


def test_the_committed_specification_races_every_form() -> None:
    text = (ROOT / "experiments/006-controllers/spec.toml").read_text(encoding="utf-8")

    assert '"optimizer",' in text
    assert Path(ROOT / "experiments/001-batch-size/spec.toml").is_file()
