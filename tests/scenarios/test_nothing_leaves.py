"""No command opens a socket beyond loopback, or writes outside the folders it is given."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from tests.strace import Trace, needs_strace, traced
from toolkit.cli import NOUNS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), needs_strace]

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"

SPEC = """
name = "quick"
decision = "agent_count"
question = "A small one, to try the loop."
seed = 1
[split]
outer_folds = 2
inner_folds = 2
[search]
trials = 1
members = ["linear"]
[bundle]
name = "quick"
"""

COMMANDS: dict[str, list[str]] = {
    "records import": ["spool", str(SAMPLE / "batches.jsonl.gz"), "--store", "store"],
    "records compact": ["--store", "store"],
    "records show": ["--store", "store"],
    "records simulate": ["--store", "made", "--batches", "20", "--events", "9"],
    "features build": ["batch", "--store", "store", "--out", "table.parquet"],
    "model verify": ["bundle"],
    "model card": ["bundle"],
    "model key": [],
    "recommend batch": ["--bundle", "bundle", "--load-cpu", "0.5"],
    "recommend agents": ["--components", "5"],
    "monitor": ["--store", "made"],
    "report objectives": ["--store", "store"],
    "hooks pre-task": ["--description", "x", "--store", "store"],
    "hooks status": ["--project", "."],
}
"""Commands that are traced one after another in one folder, with their arguments."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own, and none of the switches that the tests are run with."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "tmp").mkdir()
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }


def run(words: list[str], folder: Path, environment: dict[str, str]) -> Trace:
    return traced(
        [sys.executable, "-m", "toolkit", *words],
        cwd=folder,
        log=folder.parent / "strace.log",
        environment=environment,
    )


def test_no_command_connects_or_writes_outside_its_folders(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    small_bundle(folder / "bundle", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    for name, words in COMMANDS.items():
        trace = run([*name.split(), *words], folder, environment)

        assert trace.addresses == frozenset(), name
        assert trace.outside(folder, tmp_path / "tmp") == [], name
        assert "Traceback" not in trace.said, f"{name}: {trace.said[-500:]}"
        assert trace.code == 0, f"{name}: {trace.said[-500:]}"

    assert list((tmp_path / "home").iterdir()) == []


def test_an_experiment_connects_nowhere_and_writes_in_its_folder(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "quick.toml").write_text(SPEC)
    sample = str(SAMPLE / "workflows.jsonl.gz")
    run(["records", "import", "spool", sample, "--store", "s"], folder, environment)
    words = ["quick.toml", "--store", "s", "--work", "run"]

    trace = run(["experiment", "run", *words], folder, environment)

    home = tmp_path / "home"
    fonts = {
        str(path)
        for folder_name in (".cache", ".config")
        for path in (home / folder_name, *(home / folder_name).glob("matplotlib*/**/*"))
    } | {str(home / name / "matplotlib") for name in (".cache", ".config")}

    assert trace.code == 0, trace.said[-800:]
    assert trace.addresses == frozenset()
    assert [
        p
        for p in trace.outside(folder, tmp_path / "tmp")
        if p not in fonts and "/matplotlib/" not in p
    ] == []
    assert (folder / "run").is_dir()


def test_the_trace_would_see_both(tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "import pathlib, socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.connect(('192.0.2.1', 9))\n"
        "pathlib.Path.home().joinpath('left').write_text('x')\n"
    )
    trace = traced(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        log=tmp_path / "strace.log",
        environment=environment,
    )

    assert trace.addresses == {"192.0.2.1"}
    assert trace.outside(tmp_path / "work") == [str(tmp_path / "home" / "left")]


def test_every_noun_is_traced_or_named_here() -> None:
    elsewhere = {
        "demo",  # the commands of this list, one after another
        "experiment",  # its own test above
        "heal",  # starts processes that never end by themselves
        "review",  # reads the stores and logs of its user
        "study",  # computes on tables; the same libraries as `experiment`
        "doctor",  # looks at the installation
    }
    traced_nouns = {name.split()[0] for name in COMMANDS}

    assert set(NOUNS) - traced_nouns - elsewhere == set()
