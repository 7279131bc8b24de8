import math
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from toolkit.bundle import graph_check
from toolkit.bundle.graph_check import graph_problem
from toolkit.bundle.graph_form import bytes_problem

OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]


def model_of(nodes: list[onnx.NodeProto], **weights: Any) -> onnx.ModelProto:
    stored = [numpy_helper.from_array(np.asarray(v), n) for n, v in weights.items()]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("log_cost", TensorProto.FLOAT, [None, 1])],
        stored,
    )
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=10)


def node(
    operator: str, *inputs: str, output: str = "log_cost", **attributes: Any
) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def problem_of(*nodes: onnx.NodeProto, width: int = 3, **weights: Any) -> str:
    return str(graph_problem(model_of(list(nodes), **weights), width=width))


SUM = node("ReduceSum", "features", "axes", keepdims=1)
AXES = np.array([1])


def test_a_sum_of_the_columns_is_allowed() -> None:
    assert problem_of(SUM, axes=AXES) == "None"


@pytest.mark.parametrize(
    "operator",
    [
        *("ConstantOfShape", "Expand", "Tile", "Range", "RandomNormal", "If", "Scan"),
        *("Loop", "Reshape", "Constant", "Slice", "Resize", "NonZero", "Gemm", "Not"),
    ],
)
def test_operators_that_allocate_loop_or_branch_are_not_allowed(operator: str) -> None:
    assert f"`{operator}` is not allowed" in problem_of(node(operator, "features"))


def test_a_foreign_domain_is_not_allowed() -> None:
    foreign = node("Add", "features", "features", domain="com.example")

    assert "com.example.Add" in problem_of(foreign)


def test_an_attribute_that_holds_a_graph_is_not_allowed() -> None:
    body = helper.make_graph([], "body", [], [])

    assert "`g` of AttributeProto" in problem_of(node("Exp", "features", body=body))


def test_weights_outside_the_file_are_not_allowed() -> None:
    model = model_of([SUM], axes=AXES)
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL

    assert "`data_location` of TensorProto" in str(graph_problem(model, width=3))


def test_a_tensor_smaller_than_its_declared_shape_is_refused() -> None:
    model = model_of([SUM], axes=AXES)
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]

    assert "another size than its shape" in str(graph_problem(model, width=3))


def test_a_small_graph_that_would_take_gigabytes_is_refused() -> None:
    wide = node("MatMul", "column", "row", output="wide")
    squared = node("MatMul", "wide", "wide", output="square")
    last = node("Cast", "square", to=1)
    column, row = np.zeros((1 << 14, 1)), np.zeros((1, 1 << 14))

    found = problem_of(wide, squared, last, column=column, row=row)

    assert "hold too much" in found


def test_doubling_by_concat_is_refused_before_it_is_long() -> None:
    nodes = [node("Concat", "features", "features", output="c0", axis=1)]
    nodes += [
        node("Concat", f"c{n}", f"c{n}", output=f"c{n + 1}", axis=1) for n in range(20)
    ]

    assert "hold too much" in problem_of(*nodes, node("Identity", "c20"))


def test_endless_multiplication_is_refused_by_its_work() -> None:
    nodes = [node("Cast", "features", output="f", to=11)]
    nodes += [node("MatMul", "f", "v", output="m0")]
    nodes += [node("MatMul", f"m{n}", "w", output=f"m{n + 1}") for n in range(80)]
    stored: dict[str, Any] = {
        "v": np.zeros((3, 700)),
        "w": np.zeros((700, 700)),
        "axes": AXES,
    }

    assert "operations" in problem_of(*nodes, SUM, **stored)


def test_what_is_computed_from_stored_tensors_alone_is_bounded() -> None:
    nodes = [node("Add", "w", "w", output="s0")]
    nodes += [node("Add", f"s{n}", "w", output=f"s{n + 1}") for n in range(9)]
    stored: dict[str, Any] = {"w": np.zeros((300, 400)), "axes": AXES}

    assert "stored tensors grow" in problem_of(*nodes, SUM, **stored)


@pytest.mark.parametrize(
    "bad",
    [
        node("ReduceSum", "features", "later"),
        node("ReduceSum", "features", "features"),
        node("Add", "features", ""),
        node("MatMul", "features", "features"),
        node("Gather", "features", "far", axis=1),
        node("Gather", "features", "features", axis=1),
        node("Concat", "features", "axes", axis=0),
        node("Concat", "features", "features"),
        node("Cast", "features", to=8),
        node("Unsqueeze", "features", "far"),
        node("Softmax", "features", axis=7),
        node("Cast", "features", to=7),
        node("Add", "features", "wide"),
        node("Where", "features", "features", "features"),
        node("ReduceSum", "features", "axes", keepdims=2),
        node("ReduceSum", "features", "twice"),
        node("Unsqueeze", "features", "square"),
        node("Add", "features", "odd"),
    ],
    ids=lambda n: (
        f"{n.op_type} {' '.join([*n.input, *(str(a.i) for a in n.attribute)])}"
    ),
)
def test_inputs_that_do_not_fit_their_operator_are_refused(bad: onnx.NodeProto) -> None:
    weights: dict[str, Any] = {
        "axes": AXES,
        "far": np.array([9]),
        "odd": np.zeros((5, 2), dtype=np.float32),
        "wide": np.zeros((1, 3)),
        "twice": np.array([1, -1]),
        "square": np.array([[0]]),
    }

    assert "do not fit it" in problem_of(bad, **weights)


def test_a_name_is_written_once_and_before_it_is_read() -> None:
    twice = [node("Exp", "features", output="a"), node("Exp", "features", output="a")]
    shadow = node("Exp", "features", output="axes")

    assert "written twice" in problem_of(*twice, SUM, axes=AXES)
    assert "written twice" in problem_of(shadow, SUM, axes=AXES)


def test_other_ends_are_refused() -> None:
    wide = model_of([SUM], axes=AXES)
    wide.graph.output[0].name = "cost"

    assert "rows of 4" in problem_of(SUM, width=4, axes=AXES)
    assert "outputs must be" in str(graph_problem(wide, width=3))
    assert "one number a row" in problem_of(node("Exp", "features"))


def test_a_cost_of_64_bits_is_refused() -> None:
    nodes = [SUM, node("Cast", "sum", to=TensorProto.DOUBLE)]
    nodes[0] = node("ReduceSum", "features", "axes", output="sum", keepdims=1)

    assert "32-bit floats" in problem_of(*nodes, axes=AXES)


def test_what_is_not_known_or_no_text_is_refused() -> None:
    model = model_of([SUM], axes=AXES)
    unknown = onnx.ModelProto.FromString(model.SerializeToString() + b"\xc2\x3e\x01x")
    model.graph.name = "graph"
    text = model.SerializeToString().replace(b"graph", b"gr\xffph")

    assert "ModelProto that is not known" in str(graph_problem(unknown, width=3))
    assert "no text" in str(graph_problem(onnx.load_model_from_string(text), width=3))


def test_bytes_in_another_form_are_refused() -> None:
    content = model_of([SUM], axes=AXES).SerializeToString()
    longer = b"\x08\x8a\x00" + content[2:]  # the first number in three bytes

    assert content[:2] == b"\x08\x0a"
    assert bytes_problem(content, onnx.load_model_from_string(content)) is None
    assert bytes_problem(longer, onnx.load_model_from_string(longer)) is not None


def test_another_version_names_both() -> None:
    newer = model_of([SUM], axes=AXES)
    newer.opset_import[0].version = 22

    assert "of version 22, this toolkit reads 21" in str(graph_problem(newer, width=3))


def forest(**changed: Any) -> onnx.NodeProto:
    """A tree with two splits: node 0 has children 1 and 2, node 2 has 3 and 4."""
    values: dict[str, Any] = {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": [0] * 5,
        "nodes_nodeids": [0, 1, 2, 3, 4],
        "nodes_featureids": [0, 0, 1, 0, 0],
        "nodes_values": [0.5, 0.0, 0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 3, 0, 0],
        "nodes_falsenodeids": [2, 0, 4, 0, 0],
        "target_treeids": [0, 0, 0],
        "target_nodeids": [1, 3, 4],
        "target_ids": [0, 0, 0],
        "target_weights": [1.0, 2.0, 3.0],
    }
    values |= changed
    return node("TreeEnsembleRegressor", "features", domain="ai.onnx.ml", **values)


def test_a_forest_is_allowed() -> None:
    assert problem_of(forest()) == "None"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"nodes_falsenodeids": [2, 0, 0, 0, 0]}, "after its parent"),
        ({"nodes_falsenodeids": [2, 0, 2, 0, 0]}, "after its parent"),
        ({"nodes_falsenodeids": [2, 0, 9, 0, 0]}, "after its parent"),
        ({"nodes_truenodeids": [2, 0, 3, 0, 0]}, "no parent, or two"),
        ({"nodes_nodeids": [0, 1, 2, 4, 3]}, "numbered from 0"),
        ({"nodes_treeids": [0, 0, 1, 0, 0]}, "stand together"),
        ({"nodes_treeids": [-1] * 5}, "id out of bounds"),
        ({"nodes_featureids": [7, 0, 1, 0, 0]}, "column that is not there"),
        ({"nodes_featureids": [-1, 0, 1, 0, 0]}, "column that is not there"),
        ({"nodes_modes": ["BRANCH_EQ"] * 5}, "neither a leaf"),
        ({"nodes_values": [math.nan] * 5}, "not a number"),
        ({"nodes_values": [0.5]}, "differ in length"),
        ({"target_weights": [1.0, 2.0, math.inf]}, "no finite number"),
        ({"target_nodeids": [1, 3, 3]}, "one for each leaf"),
        ({"target_nodeids": [1, 3, 0]}, "one for each leaf"),
        ({"target_ids": [0, 0, 5]}, "one for each leaf"),
        ({"target_weights": [1.0]}, "differ in length"),
        ({"n_targets": 2}, "one target"),
        ({"post_transform": "SOFTMAX"}, "post_transform"),
        ({"nodes_hitrates": [1.0]}, "differ in length"),
    ],
    ids=str,
)
def test_a_tree_that_is_none_is_refused(changed: dict[str, Any], words: str) -> None:
    assert words in problem_of(forest(**changed))


def test_the_nodes_of_all_forests_are_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph_check, "MAX_TREE_NODES", 9)
    one, other = forest(), forest()
    one.output[0], other.output[0] = "t0", "t1"

    assert problem_of(one, node("Identity", "t0")) == "None"
    assert "over 9 nodes" in problem_of(one, other, node("Add", "t0", "t1"))


def test_a_tree_that_would_exhaust_a_stack_is_refused() -> None:
    depth = 1000
    inner, size = range(depth), 2 * depth + 1
    true = [2 * n + 1 for n in inner]
    false = [2 * n + 2 for n in inner]
    chain = {n * 2: (true[n], false[n]) for n in inner}
    leaves = [n for n in range(size) if n not in chain]
    deep = forest(
        nodes_treeids=[0] * size,
        nodes_nodeids=list(range(size)),
        nodes_featureids=[0] * size,
        nodes_values=[0.0] * size,
        nodes_modes=["BRANCH_LEQ" if n in chain else "LEAF" for n in range(size)],
        nodes_truenodeids=[chain.get(n, (0, 0))[0] for n in range(size)],
        nodes_falsenodeids=[chain.get(n, (0, 0))[1] for n in range(size)],
        target_treeids=[0] * len(leaves),
        target_nodeids=leaves,
        target_ids=[0] * len(leaves),
        target_weights=[0.0] * len(leaves),
    )

    assert "deeper than" in problem_of(deep)
