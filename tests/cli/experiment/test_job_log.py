"""A log of inference jobs from its map to the answer, with and without a column of its own."""

import csv
import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from toolkit.cli import run
from toolkit.clock import SystemClock
from toolkit.runtime.advice import open_advisor

SPEEDS = {"l4": 1.0, "a10": 0.5, "a100": 0.2, "h100": 0.1}
"""Seconds of one item on each accelerator, relative to the slowest."""
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
MAP = """kind = "batch"
identity = ["job", "step"]
[columns]
at = "begun"
session_id = "job"
size = "rows"
failed = "bad"
cycle_s = { column = "took_ms", unit = "ms" }
[context]
gpu = "gpu"
[constants]
operation_type = "inference"
"""
SPEC = """name = "jobs"
decision = "batch_size"
question = "How many rows?"
[data]
context = [CONTEXT]
[split]
outer_folds = 2
inner_folds = 2
[search]
trials = 1
members = ["linear", "rule"]
"""


def write_log(path: Path) -> None:
    """Write 3,600 batches of 60 jobs, each on one accelerator, some jobs dearer."""
    rng = np.random.default_rng(20261129)
    begun = datetime(2026, 1, 5, tzinfo=UTC)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["job", "step", "begun", "rows", "bad", "took_ms", "gpu"])
        for job in range(60):
            gpu = list(SPEEDS)[job % len(SPEEDS)]
            dear = rng.lognormal(0, 0.2)
            for step in range(60):
                size = SIZES[int(rng.integers(len(SIZES)))]
                took = 1000 * SPEEDS[gpu] * dear * (6 + size) * rng.lognormal(0, 0.2)
                at = (begun + timedelta(hours=job, seconds=step * 10)).isoformat()
                writer.writerow([job, step, at, size, 0, f"{took:.3f}", gpu])


def words_of(folder: Path, *words: str) -> Sequence[str]:
    return [*words, "--store", str(folder / "store")]


def learned(folder: Path, context: str) -> tuple[float, Path]:
    """Learn from the store, and give the error on unseen jobs and the bundle."""
    name = "with" if "gpu" in context else "without"
    spec = folder / f"{name}.toml"
    spec.write_text(SPEC.replace("CONTEXT", context))
    work = folder / name
    words = words_of(folder, "experiment", "run", str(spec), "--work", str(work))
    assert run(words) == 0
    results = json.loads((work / "results.json").read_text())
    assert results["unseen"]["groups"] == 60
    return results["unseen"]["error"], work / "bundle"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    write_log(folder / "log.csv")
    (folder / "map.toml").write_text(MAP)
    words = ["records", "import", "table", str(folder / "log.csv")]
    assert run(words_of(folder, *words, "--map", str(folder / "map.toml"))) == 0
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_declared_column_goes_from_the_map_to_every_answer(
    jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without, _ = learned(jobs, '"read_share"')
    with_gpu, bundle = learned(jobs, '"gpu"')

    assert without == pytest.approx(0.90, abs=0.15)
    assert with_gpu == pytest.approx(0.32, abs=0.06)
    capsys.readouterr()
    costs = {}
    for gpu in SPEEDS:
        words = ["recommend", "batch", "--bundle", str(bundle), "--json"]
        words += ["--operation-type", "inference", "--set", f"gpu={gpu}"]
        assert run(words) == 0
        costs[gpu] = json.loads(capsys.readouterr().out)["expected_cost"]
    assert costs["l4"] > costs["a10"] > costs["a100"] > costs["h100"]
    assert run(["recommend", "batch", "--bundle", str(bundle), "--set", "gpu=l5"]) == 2
    assert "Did you mean `l4`?" in capsys.readouterr().err
    assert run(["recommend", "batch", "--bundle", str(bundle), "--set", "gpus=l4"]) == 2
    assert "Did you mean `gpu`?" in capsys.readouterr().err

    advisor = open_advisor(bundle, decision="batch_size", clock=SystemClock())
    asked = {"operation_type": "inference", "gpu": "l4"}
    decision = advisor.decide(asked)
    in_node = decided_in_node(bundle, asked)
    assert in_node["action"] == list(decision.action)
    assert in_node["log_cost"] == pytest.approx(
        decision.curve.log_cost.tolist() if decision.curve else [], abs=1e-5
    )


def decided_in_node(bundle: Path, context: dict[str, str]) -> dict[str, list[float]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    reader = ROOT / "clients" / "node" / "src" / "index.js"
    program = f"""
import {{ readBundle }} from {json.dumps(reader.as_uri())};
const bundle = readBundle({json.dumps(str(bundle))}, {{ key: null }});
const found = bundle.decide({json.dumps(context)}, {{ now: new Date() }});
const curve = found.curve ?? {{}};
console.log(JSON.stringify({{ action: found.action, log_cost: curve.logCost }}));
"""
    done = subprocess.run(
        [node, "--input-type=module", "-e", program],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, list[float]] = json.loads(done.stdout)
    return answer
