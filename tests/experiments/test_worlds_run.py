"""Claims about the runner of experiment 005 and its command."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared import ROOT
from toolkit.cli.experiment_worlds import add_verb
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.promotion import GateRules
from toolkit.experiments.worlds_run import (
    GateDesign,
    WorldsSpec,
    read_worlds_spec,
    run_worlds,
)

SMALL = WorldsSpec(
    seed=1,
    worlds=3,
    tables=("synthetic",),
    replicates=200,
    gate=GateDesign(records=(48,), gains=(0.0, 0.5), table_groups=(6,)),
    rules=GateRules(replicates=200),
)


def silent(done: float, total: float, what: str) -> None:
    """Report to nobody."""


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())
    options = parser.parse_args(["worlds", *arguments])
    return int(options.command(options))


def test_the_committed_specification_can_be_read() -> None:
    spec = read_worlds_spec(ROOT / "experiments/005-off-policy/spec.toml")

    assert spec.worlds == 1000


def test_every_part_is_in_the_results(tmp_path: Path) -> None:
    results = tmp_path / "results.json"

    run_worlds(SMALL, tables=None, results=results, report=silent)

    assert list(json.loads(results.read_text(encoding="utf-8"))["parts"]) == [
        "off-policy synthetic",
        "gate synthetic",
        "gate power",
    ]


def test_the_same_specification_gives_the_same_results(tmp_path: Path) -> None:
    first, second = (
        run_worlds(SMALL, tables=None, results=tmp_path / name, report=silent)
        for name in ("a.json", "b.json")
    )

    assert first == second


def test_a_finished_part_is_not_run_again(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    run_worlds(SMALL, tables=None, results=results, report=silent)
    known = json.loads(results.read_text(encoding="utf-8"))
    known["parts"]["gate power"] = "kept"
    results.write_text(json.dumps(known), encoding="utf-8")

    again = run_worlds(SMALL, tables=None, results=results, report=silent)

    assert again["parts"]["gate power"] == "kept"


def test_a_part_whose_inputs_have_changed_is_run_again(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    run_worlds(SMALL, tables=None, results=results, report=silent)
    stricter = replace(SMALL, rules=GateRules(replicates=200, groups=40))

    again = run_worlds(stricter, tables=None, results=results, report=silent)

    rates = again["parts"]["gate power"]["rates"]
    assert [rate["not_enough_data"] for rate in rates] == [3, 3]


def test_what_another_process_has_finished_meanwhile_is_kept(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    heard: list[str] = []

    def meanwhile(done: float, total: float, what: str) -> None:
        heard.append(what)
        if not results.exists():
            run_worlds(SMALL, tables=None, results=results, report=silent)

    run_worlds(SMALL, tables=None, results=results, report=meanwhile)

    assert not [what for what in heard if what.startswith("gain")]


def test_one_table_may_be_run_alone(tmp_path: Path) -> None:
    found = run_worlds(
        SMALL,
        tables=None,
        results=tmp_path / "results.json",
        report=silent,
        only=["synthetic"],
    )

    assert list(found["parts"]) == ["off-policy synthetic", "gate synthetic"]


def test_a_table_that_the_specification_does_not_have_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="unknown table"):
        run_worlds(
            SMALL, tables=None, results=tmp_path / "r", report=silent, only=["x"]
        )


def test_a_measured_table_needs_its_directory(tmp_path: Path) -> None:
    spec = WorldsSpec(seed=1, worlds=3, tables=("scout_workers:time",))

    with pytest.raises(InputDataError, match="--tables"):
        run_worlds(spec, tables=None, results=tmp_path / "r.json", report=silent)


def test_an_unknown_field_of_the_specification_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text("seed=1\nworlds=2\ntables=[]\nwords=3\n", encoding="utf-8")

    with pytest.raises(InputDataError, match="words"):
        read_worlds_spec(path)


def test_the_command_prints_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(ROOT / "experiments/005-off-policy")
    out = str(tmp_path / "out.json")

    code = command(
        folder, "--worlds", "2", "--table", "synthetic", "--out", out, "--json"
    )

    assert code == 0
    assert json.loads(capsys.readouterr().out)["spec"]["worlds"] == 2


def test_the_command_prints_a_row_for_each_scenario(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "spec.toml").write_text(
        'seed = 1\nworlds = 2\nreplicates = 200\ntables = ["synthetic"]\n'
        "[gate]\nrecords = [48]\ngains = [0.5]\ntable_groups = [6]\n",
        encoding="utf-8",
    )

    command(str(folder))

    shown = capsys.readouterr().out
    assert shown.count("| synthetic | drift ") == 4
    assert "gain 0.5, 48 records" in shown


def test_one_world_has_no_spread_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 2"):
        command(
            str(ROOT / "experiments/005-off-policy"),
            "--worlds",
            "1",
            "--out",
            str(tmp_path / "r"),
        )


def test_results_that_cannot_be_read_are_not_overwritten(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text("{", encoding="utf-8")

    with pytest.raises(InputDataError, match="not readable results"):
        run_worlds(SMALL, tables=None, results=results, report=silent)


def test_a_departure_from_the_specification_does_not_overwrite_its_results() -> None:
    with pytest.raises(UsageError, match="--out"):
        command(str(ROOT / "experiments/005-off-policy"), "--worlds", "2")
