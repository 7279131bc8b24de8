"""The importer on real history that lies beside the project on some machines."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.claude_code.transcripts import import_paths
from tests.shared import HISTORY, ROOT, needs_history
from tests.thorough import sampled
from toolkit.history import Dataset, RecordStore, read_store
from toolkit.records import CoordinationEvent, Turn, Workflow

pytestmark = [needs_history, pytest.mark.slow]

CLAUDE_CODE = HISTORY / "claude-code"
NAMES = [
    "files",
    "sessions",
    "lines",
    "batches",
    "multi_call_batches",
    "calls",
    "subagent_streams",
]
SHEET = {
    "entireio-cli": (157, 157, 56_947, 11_676, 1_095, 13_307, 74),
    "context-evaluator": (98, 98, 13_427, 2_821, 417, 3_493, 18),
    "spotter": (20, 9, 10_155, 879, 161, 1_145, 13),
    "m-claude": (63, 54, 8_725, 1_445, 273, 1_974, 13),
}
ALL = (338, 318, 89_254, 16_821, 1_946, 19_919, 118)


def projects() -> list[Path]:
    return sorted(CLAUDE_CODE.glob("*/projects"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, Any]:
    """What the command prints for the whole history."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "records", "import", "claude-code"]
        + [str(path) for path in projects()]
        + ["--store", str(folder / "store"), "--json"],
        check=True,
        capture_output=True,
    )
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.fixture(scope="module")
def records(folder: Path, printed: dict[str, Any]) -> Dataset:
    return read_store(folder / "store")


@pytest.fixture(scope="module")
def waves(records: Dataset) -> list[Workflow]:
    return [r for r in records.scan("workflow") if isinstance(r, Workflow)]


@pytest.fixture(scope="module")
def turns(records: Dataset) -> list[Turn]:
    return [r for r in records.scan("turn") if isinstance(r, Turn)]


def test_the_counts_equal_the_data_sheet(printed: dict[str, Any]) -> None:
    assert tuple(printed[name] for name in NAMES) == ALL


@pytest.mark.parametrize("source", sorted(SHEET))
def test_the_counts_of_each_source_equal_the_data_sheet(
    printed: dict[str, Any], source: str
) -> None:
    part = next(p for p in printed["parts"] if Path(p["path"]).parent.name == source)

    assert tuple(part[name] for name in NAMES) == SHEET[source]


def test_every_reply_of_a_model_is_one_turn(printed: dict[str, Any]) -> None:
    assert printed["turns"] == 18_426


def test_the_money_of_the_packs_is_that_of_their_sheet(turns: list[Turn]) -> None:
    spent = sum(turn.money_usd or 0 for turn in turns)
    with_calls = sum(turn.money_usd or 0 for turn in turns if turn.calls)

    assert (len(turns), sum(t.money_usd is None for t in turns)) == (18_426, 0)
    assert spent == pytest.approx(1_250.85, abs=0.01)
    assert with_calls / spent == pytest.approx(0.907, abs=0.002)


def test_waves_of_the_packs_have_the_tokens_of_the_agents_that_left_files(
    records: Dataset, waves: list[Workflow], turns: list[Turn]
) -> None:
    """Every spawned agent that has turns is in one wave, with all of them."""
    spawned = {
        (event.session_id, event.spawned_id)
        for event in records.scan("coordination")
        if isinstance(event, CoordinationEvent) and event.spawned_id is not None
    }
    own = [turn for turn in turns if (turn.session_id, turn.agent_id) in spawned]

    assert sum(wave.turns or 0 for wave in waves) == len(own)
    assert sum(wave.runs_measured or 0 for wave in waves) == len(
        {(turn.session_id, turn.agent_id) for turn in own}
    )
    assert sum(wave.money_usd or 0 for wave in waves) == pytest.approx(
        sum(turn.money_usd or 0 for turn in own)
    )
    assert sum(wave.runs or 0 for wave in waves) == 165


def spawns_in(files: list[Path]) -> int:
    """Count the spawning calls of raw transcripts, each id once."""
    found: set[str] = set()
    for file in files:
        with gzip.open(file) as stream:
            for line in stream:
                if b'"Task"' not in line and b'"Agent"' not in line:
                    continue
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                message = row.get("message")
                content = message.get("content") if isinstance(message, dict) else None
                for block in content if isinstance(content, list) else []:
                    if block.get("type") == "tool_use" and block["name"] in (
                        "Task",
                        "Agent",
                    ):
                        found.add(block["id"])
    return len(found)


def test_every_spawn_of_the_packs_is_a_run_of_one_wave(waves: list[Workflow]) -> None:
    files = [file for pack in projects() for file in pack.rglob("*.jsonl.gz")]

    assert sum(wave.runs or 0 for wave in waves) == spawns_in(files)


def test_every_broken_line_is_rejected(printed: dict[str, Any]) -> None:
    assert (printed["rejected"], printed["refused_files"]) == (372, 1)


def test_a_second_import_adds_nothing(folder: Path, printed: dict[str, Any]) -> None:
    packs = sampled([CLAUDE_CODE / "m-claude/projects"], whole=projects())
    sheet = sampled(SHEET["m-claude"], whole=ALL)
    with RecordStore(folder / "store") as store:
        again = import_paths(store, *packs)

    assert (again.added, again.updated) == (0, 0)
    assert again.batches == sheet[NAMES.index("batches")]


def test_earlier_checkpoints_on_top_add_nothing(
    folder: Path, printed: dict[str, Any]
) -> None:
    with RecordStore(folder / "store") as store:
        report = import_paths(store, *CLAUDE_CODE.glob("*/earlier-checkpoints"))

    assert report.files == 20
    assert (report.added, report.updated) == (0, 0)


def test_documents_of_other_tools_are_refused_one_by_one(
    folder: Path, printed: dict[str, Any]
) -> None:
    with RecordStore(folder / "store") as store:
        report = import_paths(store, *CLAUDE_CODE.glob("*/not-claude-code"))
        reasons = [
            r["reason"] for r in store.rejected() if r["file"] == "full.jsonl.gz"
        ]

    assert (report.refused_files, report.added, report.rejected) == (3, 0, 0)
    assert len(reasons) == 3


PEAK = """
import sys
from pathlib import Path
from tests.benchmarks.import_speed import import_all
import_all("claude-code", [Path(name) for name in sys.argv[1:]], 1)
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""
"""Prints the peak of this program alone, which `ru_maxrss` starts from its parent's."""


def test_the_import_stays_within_120_megabytes() -> None:
    folders = map(str, CLAUDE_CODE.glob("*/projects"))

    done = subprocess.run(
        [sys.executable, "-c", PEAK, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 120
