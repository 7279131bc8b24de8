"""Exit codes, one clear error, and JSON alone on standard output."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from tests.measured_history import batch_store
from toolkit.cli import NOUNS, build_parser, run


def test_every_noun_can_be_loaded() -> None:
    parser = build_parser(list(NOUNS))

    assert all(noun in parser.format_help() for noun in NOUNS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["recomend"], 2, "invalid choice"),
        (["recommend", "batch", "--lod-cpu", "1"], 2, "unrecognized arguments"),
        (["recommend", "batch", "--load-cpu", "busy"], 2, "must be a number"),
        (["recommend", "batch", "--set", "x"], 2, "write it as COLUMN=VALUE"),
        (["experiment", "run", "nothing.toml"], 3, "nothing.toml"),
        (["experiment", "report", "nowhere"], 3, "run `toolkit experiment run` first"),
        (["model", "verify", "nowhere"], 7, "the folder cannot be opened"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run(arguments)

    error = capsys.readouterr().err
    assert ended == code
    assert message in error
    assert error.count("\n") == 1


def test_an_empty_store_is_not_enough_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run(
        ["features", "build", "batch", "--store", str(tmp_path), "--out", "t.csv"]
    )

    assert ended == 5
    assert "not enough data" in capsys.readouterr().err


def test_a_refused_bundle_answers_with_the_rule_and_exit_code_seven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = small_bundle(tmp_path / "b").path
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes() + b" ")

    ended = run(
        [
            "recommend",
            "batch",
            "--bundle",
            str(bundle),
            "--operation-type",
            "shell",
            "--json",
        ]
    )

    shown = capsys.readouterr()
    assert ended == 7
    assert json.loads(shown.out)["reason"]["code"] == "bundle_refused"
    assert "model.onnx was altered" in shown.err


def test_an_expired_bundle_answers_with_the_rule_and_exit_code_seven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    bundle = small_bundle(
        tmp_path / "b", created_at=old, expires_at=old + timedelta(days=30)
    )
    words = ["--bundle", str(bundle.path), "--json"]
    ended = run(["recommend", "batch", *words])
    shown = capsys.readouterr()

    assert ended == 7
    assert json.loads(shown.out)["reason"]["code"] == "bundle_expired"
    assert "2020-01-31" in shown.err


def test_without_a_bundle_the_rule_recommends_agents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = run(
        [
            "recommend",
            "agents",
            "--components",
            "10",
            "--parallelizable",
            "0.8",
            "--coordination-needs",
            "0.5",
            "--json",
        ]
    )

    answer = json.loads(capsys.readouterr().out)
    assert ended == 0
    assert (answer["recommended"], answer["policy"]) == (8, "rule")


@pytest.mark.slow
def test_features_are_built_into_a_file_and_described_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_store(tmp_path / "store").close()
    out = tmp_path / "table.parquet"

    ended = run(
        [
            "features",
            "build",
            "batch",
            "--store",
            str(tmp_path / "store"),
            "--out",
            str(out),
            "--json",
        ]
    )

    described = json.loads(capsys.readouterr().out)
    assert ended == 0
    assert described["rows"] == 8 * 3 * 6 * 2
    assert out.stat().st_size > 0


def test_a_bundle_is_exported_only_when_it_verifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_bundle(tmp_path / "run" / "bundle")

    ended = run(
        ["model", "export", str(tmp_path / "run"), str(tmp_path / "home"), "--json"]
    )

    facts = json.loads(capsys.readouterr().out)
    assert ended == 0
    assert facts["bundle"] == str(tmp_path / "home")


def test_the_version_answers_within_its_time_of_processor() -> None:
    script = (
        "import resource, subprocess, sys; "
        "subprocess.run([sys.executable, '-m', 'toolkit', '--version'], check=True); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(u.ru_utime + u.ru_stime)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    version, cpu_s = done.stdout.split()
    assert version == "0.1.0"
    assert float(cpu_s) < 0.3
