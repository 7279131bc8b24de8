"""Node reads bundles as Python does: the same decisions, the same refusals."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tests.shared import ROOT
from toolkit.bundle.graph_shapes import OPERATORS

CLIENT = ROOT / "clients" / "node"
NODE = shutil.which("node")
OLDEST = (20, 11)

needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def run_node(vectors: Path | None) -> str:
    """Run the client's tests, by the vectors of a folder or of the repository."""
    version = subprocess.run(
        [str(NODE), "--version"], check=True, capture_output=True, text=True
    ).stdout
    if tuple(map(int, version.strip().lstrip("v").split(".")[:2])) < OLDEST:
        pytest.skip(f"Node {version.strip()} is older than 20.11")
    chosen = {} if vectors is None else {"CONFORMANCE": str(vectors)}
    done = subprocess.run(
        [str(NODE), "--test", "--test-reporter=tap"],
        cwd=CLIENT,
        env={**os.environ, **chosen},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def counted(vectors: Path) -> str:
    """Write what the client's tests say when every vector was tried on every bundle."""
    rows = (vectors / "decisions.jsonl").read_text().splitlines()
    bundles = {path.parent.name for path in vectors.glob("bundles/*/manifest.json")}
    assert {json.loads(row)["bundle"] for row in rows} == bundles
    return f"# {len(rows)} decisions of {len(bundles)} bundles"


@needs_node
@pytest.mark.engines
def test_node_agrees_with_the_vectors_of_the_repository() -> None:
    assert counted(ROOT / "clients" / "conformance") in run_node(None)


@needs_node
@pytest.mark.engines
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_node_takes_ten_thousand_decisions_and_refuses_as_python_does(
    tmp_path: Path,
) -> None:
    words = ["-m", "tests.bundle.conformance", str(tmp_path / "vectors")]
    subprocess.run([sys.executable, "-W", "ignore", *words], cwd=ROOT, check=True)

    said = run_node(tmp_path / "vectors")

    assert counted(tmp_path / "vectors").startswith("# 10000 decisions of ")
    assert counted(tmp_path / "vectors") in said
    assert operators_of(tmp_path / "vectors") == {name for _, name in OPERATORS}


def operators_of(vectors: Path) -> set[str]:
    """Name every operator of the graphs of some vectors."""
    return {
        node.op_type
        for path in vectors.glob("bundles/*/model.onnx")
        for node in onnx.load(path).graph.node
    }


@needs_node
@pytest.mark.engines
def test_the_client_sees_a_decision_that_is_not_pythons(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "clients" / "conformance", tmp_path / "vectors")
    path = tmp_path / "vectors" / "decisions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    changed = next(row for row in rows if row.get("decision", {}).get("curve"))
    changed["decision"]["curve"]["log_cost"][0] += 1e-4
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    with pytest.raises(AssertionError, match="not ok"):
        run_node(tmp_path / "vectors")


def test_the_client_has_no_dependency() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    kinds = {name for name in package if "ependencies" in name}
    imported = {
        name
        for path in CLIENT.glob("src/*.js")
        for name in re.findall(
            r'^(?:import|export|}).* from "(.+)";', path.read_text(), re.M
        )
    }

    assert imported
    assert kinds == set()
    assert all(name.startswith(("node:", "./")) for name in imported)
    assert package["private"] is True
