"""`toolkit experiment bench` as a user types it."""

import json
from pathlib import Path

import pytest

from tests.experiments.decision_tables import written
from toolkit.cli import run


@pytest.mark.slow
def test_json_is_one_object_and_files_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=3)
    words = ["experiment", "bench", str(folder), "--quick", "--json"]
    words += ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out.json")]
    words += ["--plot", str(tmp_path / "bench.png"), "--table", "law_workers:knee"]

    code = run(words)

    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed == json.loads((tmp_path / "out.json").read_text())


@pytest.mark.slow
def test_two_seeds_are_graded_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=3)
    words = ["experiment", "bench", str(folder), "--quick", "--seeds", "0", "1"]
    words += ["--work", str(tmp_path / "work"), "--table", "law_workers:time"]

    run(words)

    shown = capsys.readouterr().out.partition("mean slowdown")[2]
    seeds = [line.split("|")[1].strip() for line in shown.splitlines() if "%" in line]
    assert seeds[-2:] == ["0", "1"]


@pytest.mark.slow
@pytest.mark.timeout(300)  # twelve groups, each held out once
def test_a_constraint_on_another_cost_is_graded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=12, problems=2)
    spec = tmp_path / "spec.toml"
    spec.write_text("[constraints]\nknee = {at_most = 5500, probability = 0.8}\n")
    words = ["experiment", "bench", str(folder), "--quick", "--json"]
    words += ["--work", str(tmp_path / "work"), "--table", "law_workers:time"]
    words += ["--spec", str(spec)]

    assert run(words) == 0

    (row,) = json.loads(capsys.readouterr().out)["tables"]
    (found,) = row["constraints"]
    asked = (found["name"], found["at_most"], found["probability"])
    assert asked == ("knee", 5500.0, 0.8)
    assert found["promised"] > 0.5
    assert found["kept_low"] <= found["kept"] <= found["kept_high"]
    assert found["kept"] >= max(found["kept_free"], 0.8)


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("money=5@0.9", 2, "outcome of a constraint"),
        ("time=5", 2, "COST=LIMIT@PROBABILITY"),
        ("time=5@1.5", 2, "COST=LIMIT@PROBABILITY"),
        ("time=5@0.9", 5, "2 groups, at least 9 needed"),
    ],
)
def test_a_constraint_of_which_nothing_can_be_shown_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: int,
    said: str,
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=2)
    words = ["experiment", "bench", str(folder), "--quick", "--constraint", typed]

    assert run([*words, "--work", str(tmp_path / "work")]) == code
    assert said in capsys.readouterr().err


def test_an_unknown_table_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=2)

    code = run(["experiment", "bench", str(folder), "--table", "law_worker"])

    assert (code, "Did you mean" in capsys.readouterr().err) == (2, True)


@pytest.mark.slow
def test_a_spec_chooses_seeds_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=3)
    spec = tmp_path / "spec.toml"
    spec.write_text('seeds = [3]\ntables = ["law_workers:time"]\n')
    words = ["experiment", "bench", str(folder), "--quick", "--json"]

    run([*words, "--spec", str(spec), "--work", str(tmp_path / "work")])

    rows = json.loads(capsys.readouterr().out)["tables"]
    assert [(row["cost"], row["seed"]) for row in rows] == [("time", 3)]


def test_a_table_that_is_typed_comes_before_those_of_a_spec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=2)
    spec = tmp_path / "spec.toml"
    spec.write_text('tables = ["law_workers:time"]\n')
    words = ["experiment", "bench", str(folder), "--spec", str(spec)]

    code = run([*words, "--table", "law_worker"])

    assert (code, "Did you mean" in capsys.readouterr().err) == (2, True)


def test_an_unknown_key_of_a_spec_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "tables", groups=3, problems=2)
    spec = tmp_path / "spec.toml"
    spec.write_text("seed = 3\n")

    code = run(["experiment", "bench", str(folder), "--spec", str(spec)])

    assert (code, "`seed`" in capsys.readouterr().err) == (3, True)
