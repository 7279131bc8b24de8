"""Arms are compared within their seed, in costs relative to the rule's size."""

from pathlib import Path

import pytest

from toolkit.errors import InputDataError
from toolkit.studies.swarm import SwarmSpec, read_swarm_spec
from toolkit.studies.swarm.run import summarised

SPEC = SwarmSpec(
    seeds=(1, 2),
    failures=(0.03,),
    sizes=(4, 8, 15),
    workers=2,
    turn_s=0.1,
    duration_s=1.0,
    fixed_duration_s=1.0,
    explore=0.2,
)
RATES = {"4": 5.0, "8": 10.0, "15": 20.0, "adapted": 10.0, "exploring": 15.0}


def runs() -> list[dict[str, object]]:
    return [
        {
            "seed": seed,
            "failures": 0.03,
            "arm": arm,
            "whole": rate * seed,
            "second_half": (20.0 if arm == "exploring" else rate) * seed,
        }
        for seed in SPEC.seeds
        for arm, rate in RATES.items()
    ]


def test_costs_are_relative_to_the_rule_within_each_seed() -> None:
    found = summarised(SPEC, runs())[0]

    assert found["best_size"] == 15
    assert found["costs"]["4"]["percent"] == pytest.approx(100)
    assert found["exploring"]["whole"]["percent"] == pytest.approx(100 * (2 / 3 - 1))
    assert found["exploring"]["whole"]["low"] == pytest.approx(100 * (2 / 3 - 1))


def test_the_gap_that_the_second_half_closes_is_a_share_of_log_cost() -> None:
    found = summarised(SPEC, runs())[0]

    assert found["exploring"]["gap_closed"] == pytest.approx(1.0)
    assert found["adapted"]["gap_closed"] == pytest.approx(0.0)


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
