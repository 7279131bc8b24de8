import gzip
import json
from pathlib import Path

import pytest

from toolkit.cli import run

pytestmark = pytest.mark.slow  # it measures


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("measured")
    words = ["records", "measure", "--out", str(out), "--quick", "--repeats", "1"]

    assert run(words) == 0
    return out


def test_a_quick_measurement_leaves_records_machine_and_data_sheet(
    measured: Path,
) -> None:
    assert sorted(path.name for path in measured.iterdir()) == [
        "README.md",
        "batches.jsonl.gz",
        "load.jsonl.gz",
        "machine.json",
        "workflows.jsonl.gz",
    ]


def test_what_was_measured_can_be_imported(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["records", "import", "spool", str(measured), "--json"]
    run([*words, "--store", str(tmp_path / "store")])
    report = json.loads(capsys.readouterr().out)

    assert report["rejected"] == 0
    assert report["batches"] > 20


def test_with_json_one_object_is_printed_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["records", "measure", "--out", str(out), "--quick", "--repeats", "1"]
    run([*words, "--json"])
    report = json.loads(capsys.readouterr().out)
    lines = gzip.decompress((out / "batches.jsonl.gz").read_bytes()).splitlines()

    assert report["rows"]["batch"] == len(lines)


def test_no_repeat_is_a_usage_error(tmp_path: Path) -> None:
    assert run(["records", "measure", "--out", str(tmp_path), "--repeats", "0"]) == 2
