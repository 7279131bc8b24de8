"""Claims about the race of controllers."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from toolkit.cli.experiment.controllers import add_verb
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.tables import FullFactorial
from toolkit.studies.controllers import read_controllers_spec, run_controllers
from toolkit.studies.controllers.racing import LATENCY_OF, Race, RaceResult, race
from toolkit.studies.controllers.run import ControllersSpec

DESIGN = Race(steps=30)


def knee(load: float = 1.0) -> FullFactorial:
    table = FullFactorial.synthetic(np.random.default_rng(0), load=load)
    return replace(table, log_costs=2 * table.log_costs + table.sizes * np.log(2))


def raced(later: FullFactorial | None = None, seed: int = 1) -> RaceResult:
    return race(knee(), "knee", DESIGN, rng=np.random.default_rng(seed), later=later)


def slowdown(result: RaceResult, name: str) -> float:
    return next(each.whole.estimate for each in result.runners if each.name == name)


def silent(done: float, total: float, what: str) -> None:
    """Report to nobody."""


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())
    options = parser.parse_args(["controllers", *arguments])
    return int(options.command(options))


def test_the_oracle_loses_nothing() -> None:
    assert slowdown(raced(), "oracle") == 0.0


def test_nobody_beats_the_oracle() -> None:
    assert min(each.whole.estimate for each in raced().runners) == 0.0


def test_rule_learner_and_every_controller_are_rows() -> None:
    assert {each.name for each in raced().runners} == {
        "oracle",
        "rule",
        "best constant",
        "learned",
        "aimd",
        "vegas",
        "gradient2",
    }


def test_the_same_generator_gives_the_same_race() -> None:
    assert raced().to_json() == raced().to_json()


def test_a_busier_machine_costs_the_learned_policy_what_it_learned() -> None:
    assert slowdown(raced(later=knee(load=8.0)), "learned") > slowdown(
        raced(), "learned"
    )


def test_a_busier_machine_turns_a_controller_back() -> None:
    still, busier = raced(), raced(later=knee(load=8.0))

    # The rule stays where it was; Vegas sees latency rise and gives way.
    assert slowdown(busier, "vegas") - slowdown(still, "vegas") < slowdown(
        busier, "rule"
    ) - slowdown(still, "rule")


@pytest.mark.parametrize("cost", LATENCY_OF)
def test_every_cost_of_one_run_tells_the_same_latency(cost: str) -> None:
    log_n, log_t = np.log([1.0, 4.0]), np.log([8.0, 3.0])
    costs = {"time": log_t, "knee": log_n + 2 * log_t, "rent": log_n + log_t}

    latency = LATENCY_OF[cost](costs[cost], log_n)

    np.testing.assert_allclose(np.exp(latency), [8.0, 12.0])


def test_a_cost_without_a_latency_is_refused() -> None:
    with pytest.raises(UsageError, match="energy"):
        race(knee(), "energy", DESIGN, rng=np.random.default_rng(0))


def test_the_committed_specification_can_be_read() -> None:
    spec = read_controllers_spec(ROOT / "experiments/006-controllers/spec.toml")

    assert spec.race.steps == 60


def test_an_unknown_field_of_the_specification_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("seed=1\ntables=[]\nwords=3\n", encoding="utf-8")

    with pytest.raises(InputDataError, match="words"):
        read_controllers_spec(path)


def test_a_measured_table_needs_its_directory(tmp_path: Path) -> None:
    spec = ControllersSpec(seed=1, tables=("scout_workers:time",))

    with pytest.raises(InputDataError, match="--tables"):
        run_controllers(spec, tables=None, results=tmp_path / "r.json", report=silent)


def test_the_command_prints_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(ROOT / "experiments/006-controllers"), str(tmp_path / "o.json")

    code = command(folder, "--table", "synthetic:knee", "--out", out, "--json")

    assert code == 0
    assert len(json.loads(capsys.readouterr().out)["races"]) == 1


def test_the_command_prints_a_row_for_each_runner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "spec.toml").write_text(
        'seed = 1\ntables = ["synthetic:knee"]\n[race]\nsteps = 6\n',
        encoding="utf-8",
    )

    command(str(folder))

    assert capsys.readouterr().out.count("| synthetic knee ") == 7


def test_the_plot_names_every_runner(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(
        'seed = 1\ntables = ["synthetic:knee"]\n[race]\nsteps = 6\n',
        encoding="utf-8",
    )

    command(str(tmp_path), "--plot", str(tmp_path / "race.svg"), "--json")

    drawn = (tmp_path / "race.svg").read_text(encoding="utf-8")
    for name in ("rule", "best constant", "learned", "aimd", "vegas", "gradient2"):
        assert f">{name}</text>" in drawn


def test_a_departure_from_the_specification_does_not_overwrite_its_results() -> None:
    with pytest.raises(UsageError, match="--out"):
        command(str(ROOT / "experiments/006-controllers"), "--table", "synthetic:knee")
