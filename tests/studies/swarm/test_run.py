"""Arms are compared within their seed, in costs relative to the rule's size."""

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import InputDataError
from toolkit.studies.swarm import read_swarm_spec, run_swarm_study
from toolkit.studies.swarm.run import SwarmSpec, summarised

SPEC = SwarmSpec(
    seeds=(1, 2),
    failures=(0.03,),
    sizes=(4, 8, 15),
    workers=2,
    turn_s=0.1,
    duration_s=1.0,
    explore=0.2,
)
RATES = {
    "4": 5.0,
    "8": 10.0,
    "15": 20.0,
    "adapted": 10.0,
    "exploring": 15.0,
    "rule again": 10.0,
}
LATE = {"exploring": 20.0}
WHICH = ("", "expected_")


def runs() -> list[dict[str, object]]:
    return [
        {
            "seed": seed,
            "failures": 0.03,
            "arm": arm,
            **{f"{which}whole": rate * seed for which in WHICH},
            **{f"{which}second_half": LATE.get(arm, rate) * seed for which in WHICH},
        }
        for seed in SPEC.seeds
        for arm, rate in RATES.items()
    ]


@pytest.mark.parametrize("which", ["achieved", "expected"])
def test_costs_are_relative_to_the_rule_within_each_seed(which: str) -> None:
    found = summarised(SPEC, runs())[0][which]

    assert found["best_size"] == 15
    assert found["floor"]["percent"] == pytest.approx(0)
    assert found["costs"]["4"]["percent"] == pytest.approx(100)
    assert found["exploring"]["whole"]["percent"] == pytest.approx(100 * (2 / 3 - 1))
    assert found["exploring"]["whole"]["low"] == pytest.approx(100 * (2 / 3 - 1))


def test_the_gap_that_the_second_half_closes_is_a_share_of_log_cost() -> None:
    found = summarised(SPEC, runs())[0]["achieved"]

    assert found["exploring"]["gap_closed"]["share"] == pytest.approx(1.0)
    assert found["exploring"]["gap_closed"]["low"] == pytest.approx(1.0)
    assert found["adapted"]["gap_closed"]["share"] == pytest.approx(0.0)


@pytest.mark.slow
def test_arms_run_side_by_side(tmp_path: Path) -> None:
    spec = replace(
        SPEC, seeds=(1,), failures=(0.03,), sizes=(8, 15), workers=2, turn_s=0.05
    )

    found = run_swarm_study(
        spec, results=tmp_path / "results.json", report=lambda *_: None
    )

    assert {run["arm"] for run in found["runs"]} == {
        "8",
        "15",
        "adapted",
        "exploring",
        "rule again",
    }
    assert all(run["batches"] > 5 for run in found["runs"])
    assert all(run["tasks"]["held"] == 0 for run in found["runs"])


def test_the_experiment_s_own_spec_is_read() -> None:
    spec = read_swarm_spec(Path("experiments/008-swarm/spec.toml"))

    assert len(spec.seeds) >= 5
    assert {0.03, 0.2} <= set(spec.failures)
    assert 8 in spec.sizes


def test_a_spec_without_the_rule_s_size_is_refused(tmp_path: Path) -> None:
    text = Path("experiments/008-swarm/spec.toml").read_text()
    (tmp_path / "spec.toml").write_text(text.replace(" 8,", ""))

    with pytest.raises(InputDataError, match="lacks 8"):
        read_swarm_spec(tmp_path / "spec.toml")
