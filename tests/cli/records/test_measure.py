import gzip
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.cli import run

pytestmark = pytest.mark.slow  # it measures


@dataclass(frozen=True)
class Measured:
    """What one quick measurement left behind, and what it printed."""

    folder: Path
    printed: str


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    out = tmp_path_factory.mktemp("measured")
    words = ["records", "measure", "--out", str(out), "--quick", "--repeats", "1"]
    with redirect_stdout(io.StringIO()) as printed:
        assert run([*words, "--json"]) == 0
    return Measured(folder=out, printed=printed.getvalue())


def test_a_quick_measurement_leaves_records_machine_and_data_sheet(
    measured: Measured,
) -> None:
    assert sorted(path.name for path in measured.folder.iterdir()) == [
        "README.md",
        "batches.jsonl.gz",
        "load.jsonl.gz",
        "machine.json",
        "workflows.jsonl.gz",
    ]


def test_what_was_measured_can_be_imported(
    measured: Measured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["records", "import", "spool", str(measured.folder), "--json"]
    run([*words, "--store", str(tmp_path / "store")])
    report = json.loads(capsys.readouterr().out)

    assert report["rejected"] == 0
    assert report["batches"] > 20


def test_with_json_one_object_is_printed_and_nothing_else(measured: Measured) -> None:
    report = json.loads(measured.printed)
    written = (measured.folder / "batches.jsonl.gz").read_bytes()
    lines = gzip.decompress(written).splitlines()

    assert report["rows"]["batch"] == len(lines)


def test_no_repeat_is_a_usage_error(tmp_path: Path) -> None:
    assert run(["records", "measure", "--out", str(tmp_path), "--repeats", "0"]) == 2
