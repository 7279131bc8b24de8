"""The largest graphs that are let through, and those that were: none takes over 256 MB.

Each is read by a process of its own, as a server would, and its peak is the kernel's.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.bundle.mutants import wrapped
from tests.bundle.trials import MOST_MB
from tests.bundle_factory import rewrite, small_bundle
from toolkit.bundle import GOLDEN_NAME, MODEL_NAME
from toolkit.bundle.tree_check import MAX_TREE_NODES

# The largest graphs that are allowed are made, written and read.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

READ = """
import sys
from pathlib import Path
from tests.bundle.trials import peak_mb
from toolkit.bundle import read_bundle
from toolkit.errors import BundleRefusedError
try:
    read_bundle(Path(sys.argv[1]))
    print("read", peak_mb())
except BundleRefusedError as error:
    print("refused", peak_mb(), error)
"""

Nodes = list[onnx.NodeProto]


def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, [output], **attributes)


def model(width: int, nodes: Nodes, **stored: Any) -> bytes:
    """A graph whose column `last`, times nothing, is its answer."""
    begin = [
        node("IsNaN", ["features"], "missing"),
        node("Where", ["missing", "blank", "features"], "known"),
        node("Cast", ["known"], "wide", to=TensorProto.DOUBLE),
    ]
    end = [
        node("ReduceSum", ["last", "axes"], "sum", keepdims=1),
        node("Mul", ["sum", "nothing"], "product"),
        node("Cast", ["product"], "log_cost", to=TensorProto.FLOAT),
    ]
    stored |= {"blank": np.zeros((1, width), np.float32), "axes": np.array([1])}
    stored["nothing"] = np.zeros((1, 1))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size])
        for name, size in (("features", width), ("log_cost", 1))
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    graph = helper.make_graph([*begin, *nodes, *end], "g", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(made.SerializeToString())


def many_nodes(width: int) -> bytes:
    """Eight million empty nodes: two bytes each in the file, a hundred in memory."""
    nodes = wrapped(b"\x0a\x00" * ((15 << 20) // 2), (b"\x3a",))
    return model(width, [node("Identity", ["wide"], "last")]) + nodes


def stored_tensors_that_grow(width: int) -> bytes:
    """Two million stored numbers, added to themselves five times when it is loaded."""
    nodes = [node("Add", [f"w{n}", f"w{n}"], f"w{n + 1}") for n in range(5)]
    nodes += [node("ReduceSum", ["w5", "axes"], "last", keepdims=1)]
    return model(width, nodes, w0=np.zeros((1, 1_990_000)))


def stored_tensors(width: int) -> bytes:
    """As many stored numbers as a file may hold."""
    nodes = [node("Gather", ["w", "zero"], "one", axis=1)]
    nodes += [node("Add", ["wide", "one"], "last")]
    zero = np.zeros(1, np.int64)
    return model(width, nodes, w=np.zeros((1, 2_000_000)), zero=zero)


def activations(width: int) -> bytes:
    """Columns that are repeated and joined, all of them needed at once."""
    each = (12 << 20) // 64 // width // 7 - 20
    nodes = [node("Concat", ["wide"] * each, "c", axis=1)]
    nodes += [node("Mul", ["c", "c"], f"m{n}") for n in range(3)]
    nodes += [node("Concat", ["m0", "m1", "m2"], "last", axis=1)]
    return model(width, nodes)


def forest(width: int) -> bytes:
    """As many nodes of trees as a graph may hold."""
    trees = 60
    size = MAX_TREE_NODES // trees - (MAX_TREE_NODES // trees + 1) % 2
    inner, ids = size // 2, list(range(size))
    leaves = ids[inner:]
    ensemble = node(
        "TreeEnsembleRegressor",
        ["known"],
        "trees",
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[tree for tree in range(trees) for _ in ids],
        nodes_nodeids=ids * trees,
        nodes_featureids=[0] * size * trees,
        nodes_truenodeids=[2 * n + 1 if n < inner else 0 for n in ids] * trees,
        nodes_falsenodeids=[2 * n + 2 if n < inner else 0 for n in ids] * trees,
        nodes_modes=["BRANCH_LEQ" if n < inner else "LEAF" for n in ids] * trees,
        nodes_values=[0.5] * size * trees,
        target_treeids=[tree for tree in range(trees) for _ in leaves],
        target_nodeids=leaves * trees,
        target_ids=[0] * len(leaves) * trees,
        target_weights=[0.25] * len(leaves) * trees,
    )
    return model(width, [ensemble, node("Cast", ["trees"], "last", to=11)])


@pytest.mark.parametrize(
    ("make", "ends"),
    [
        (many_nodes, "refused"),
        (stored_tensors_that_grow, "refused"),
        (stored_tensors, "read"),
        (activations, "read"),
        (forest, "read"),
    ],
)
def test_the_largest_graphs_take_bounded_memory(
    make: Callable[[int], bytes], ends: str, tmp_path: Path
) -> None:
    bundle = small_bundle(tmp_path / "b")
    width = bundle.manifest.feature_schema.width
    golden = json.loads((bundle.path / GOLDEN_NAME).read_text())
    rows = {"features": golden["features"][:1] * 64, "log_cost": [0.0] * 64}
    (bundle.path / GOLDEN_NAME).write_text(json.dumps(rows))
    (bundle.path / MODEL_NAME).write_bytes(make(width))
    rewrite(bundle.path, lambda value: None)

    done = subprocess.run(
        [sys.executable, "-c", READ, str(bundle.path)],
        capture_output=True,
        text=True,
        check=True,
    )

    ended, took_mb, *why = done.stdout.split(maxsplit=2)
    assert ended == ends, why
    assert float(took_mb) < MOST_MB
