"""`--table`: an experiment learns from a written feature table as from its records."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.large_history import LargeHistory
from tests.quick_spec import quick_spec
from tests.thorough import sampled
from toolkit.cli import run

SPEC = quick_spec("batch_size")


def ran(capsys: pytest.CaptureFixture[str], work: Path, *words: str) -> dict[str, Any]:
    code = run(["experiment", "run", *words, "--work", str(work), "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    del found["bundle"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_table_teaches_what_its_records_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, spec, out = (tmp_path / name for name in ("store", "spec.toml", "t.parquet"))
    LargeHistory(batches=sampled(750, whole=1_500), days=2, seed=2).write(store)
    spec.write_text(SPEC)
    build = ["features", "build", "batch", "--store", str(store), "--out", str(out)]
    assert run(build) == 0
    capsys.readouterr()

    by_store = ran(capsys, tmp_path / "one", str(spec), "--store", str(store))
    by_table = ran(capsys, tmp_path / "two", str(spec), "--table", str(out))

    assert by_table == by_store
    assert not (tmp_path / "two" / "store").exists()
    tuned = ["experiment", "tune", str(spec), "--table", str(out)]
    assert run([*tuned, "--work", str(tmp_path / "two"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failed"] == 0


def test_a_table_and_a_store_are_not_both_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "s.toml", "--table", "t.parquet", "--store", str(tmp_path)]

    assert run(["experiment", *words]) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_an_engine_with_a_finished_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    words = ["experiment", "run", str(spec), "--table", "t.parquet"]

    assert run([*words, "--engine", "spark"]) == 2
    assert "`--engine spark` builds a table" in capsys.readouterr().err


def test_a_table_of_the_other_kind_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    words = ["experiment", "run", str(spec), "--table", str(spec)]

    assert run([*words, "--work", str(tmp_path / "work")]) == 3
    assert "not readable as Parquet" in capsys.readouterr().err


def test_the_problems_of_a_specification_stand_in_lines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text('name = "a\\u0007b"\n[search]\ntrails = 3\n')

    assert run(["experiment", "run", str(spec), "--store", str(tmp_path)]) == 3

    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "toolkit: error: 4 problems:"
    assert len(lines) == 5
    assert "\a" not in "".join(lines)
    assert any("field `search.trails`: unknown field" in line for line in lines)
