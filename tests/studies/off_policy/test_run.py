"""Claims about the runner of experiment 005 and its command."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shared import ROOT
from toolkit.cli.experiment.off_policy import add_verb
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.promotion import GateRules
from toolkit.studies.off_policy import read_worlds_spec, run_worlds, summary
from toolkit.studies.off_policy.run import GateDesign, WorldsSpec
from toolkit.studies.off_policy.simulation import MODELS

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


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A small folder with its results."""
    (tmp_path / "spec.toml").write_text(
        'seed = 1\nworlds = 2\nreplicates = 200\ntables = ["synthetic"]\n'
        "[gate]\nrecords = [48, 96]\ngains = [0.0, 0.5]\ntable_groups = [6]\n",
        encoding="utf-8",
    )
    command(str(tmp_path), "--json")
    return tmp_path


def test_the_command_prints_a_row_for_each_quantity_and_model(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(str(finished))

    assert capsys.readouterr().out.count("| synthetic | drift ") == 2 * len(MODELS)


def test_the_report_holds_the_power_curve_and_the_records_needed(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(str(finished))

    shown = capsys.readouterr().out
    header = (
        "| promoted at a gain of | 48 records | 96 records | records for 80 % power |"
    )
    assert header in shown


def test_the_report_counts_equal_challengers_against_their_limit(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(str(finished))

    assert "of 2 equal challengers promoted (limit 1)" in capsys.readouterr().out


def test_the_plot_of_a_finished_folder_is_the_same_every_time(finished: Path) -> None:
    drawn = [finished / name for name in ("a.svg", "b.svg")]

    for path in drawn:
        command(str(finished), "--plot", str(path), "--json")

    assert drawn[0].read_bytes() == drawn[1].read_bytes()
    assert b"A/A limit 1/2" in drawn[0].read_bytes()
    assert b"<dc:date>" not in drawn[0].read_bytes()


def test_a_plot_of_another_kind_is_refused(finished: Path) -> None:
    with pytest.raises(UsageError, match=r"\.svg or \.png"):
        command(str(finished), "--plot", str(finished / "a.pdf"))


def test_the_committed_results_are_those_of_the_committed_specification() -> None:
    folder = ROOT / "experiments/005-off-policy"

    found = run_worlds(
        read_worlds_spec(folder / "spec.toml"),
        tables=None,
        results=folder / "results.json",
        report=silent,
    )

    assert len(found["parts"]) == 2 * len(found["spec"]["tables"]) + 1


def test_at_most_sixty_four_of_a_thousand_equal_challengers_are_promoted() -> None:
    results = ROOT / "experiments/005-off-policy/results.json"

    equal = summary(json.loads(results.read_text(encoding="utf-8")))[
        "equal_challengers"
    ]

    assert equal["worlds"] == 1000
    assert equal["most_promoted"] <= equal["limit"] == 64


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
