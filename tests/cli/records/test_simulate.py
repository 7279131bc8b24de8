import json
from pathlib import Path

import pytest

from toolkit.cli import run

FEW = ["--batches", "5", "--events", "4", "--workflows", "3", "--load-samples", "2"]


def simulate(store: Path, *words: str) -> int:
    return run(["records", "simulate", "--store", str(store), *FEW, *words])


def test_as_many_records_as_asked_for_are_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(tmp_path, "--json")

    assert json.loads(capsys.readouterr().out)["added"] == 14


def test_the_same_seed_again_adds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(tmp_path)
    capsys.readouterr()
    simulate(tmp_path, "--json")

    assert json.loads(capsys.readouterr().out)["added"] == 0


def test_the_truth_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(tmp_path, "--json")
    truth = json.loads(capsys.readouterr().out)["truth"]

    assert {"context": "fileOperations", "at": "load 0.2", "best": 10} in truth


def test_a_negative_seed_is_a_usage_error(tmp_path: Path) -> None:
    assert simulate(tmp_path, "--seed", "-1") == 2
