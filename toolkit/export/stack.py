"""The relative-cost ensemble as a graph: closed forms in 64 bits, trees in 32.

Forests are written node by node from scikit-learn's arrays. A threshold is rounded
*down* to 32 bits, so that `x <= threshold` has the same answer for every 32-bit x.
"""

import warnings
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.export.graph import OPSET, OPSET_TREES, Graph
from toolkit.export.process import write_process
from toolkit.models import FittedStack
from toolkit.models.members import LOG_LIMIT as LAW_LIMIT
from toolkit.models.members import SHARPNESS as CONSTANT_SHARPNESS
from toolkit.models.members import (
    FittedAnchor,
    FittedBoosted,
    FittedConstant,
    FittedLaw,
    FittedLinear,
    FittedProcess,
    FittedQuadratic,
    FittedTrees,
)

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["add_member", "to_onnx"]

NATURAL = float(np.log(2))


def to_onnx(model: FittedStack, *, width: int) -> "ModelProto":
    """Convert a fitted stack that reads rows of `width` numbers.

    What the conversion is worth is not taken on trust: `verification` compares graph and
    model on thousands of rows.
    """
    graph = Graph(width)
    missing = graph.node("IsNaN", [graph.input])
    filler = graph.floats(model.filler[None, :])
    filled = graph.node("Where", [missing, filler, graph.input])
    weighed = [
        graph.node(
            "Mul", [add_member(member, graph, filled), graph.doubles([[weight]])]
        )
        for member, weight in zip(model.members, model.weights, strict=True)
        if weight > 0
    ]
    return graph.model(graph.node("Sum", weighed))


@singledispatch
def add_member(member: Any, _graph: Graph, _rows: str) -> str:
    """Append a member that reads 32-bit rows; return its (n, 1) 64-bit output's name."""
    known = [cls.__name__ for cls in add_member.registry if cls is not object]
    raise UsageError.unknown("member to export", type(member).__name__, sorted(known))


@add_member.register
def _(member: FittedQuadratic, graph: Graph, rows: str) -> str:
    columns = graph.to_double(graph.columns(rows, member.columns))
    moved = graph.node("Sub", [columns, graph.doubles(member.mean[None, :])])
    scaled = graph.node("Div", [moved, graph.doubles(member.spread[None, :])])
    size = len(member.columns)
    first, second = np.triu_indices(size)
    square = np.zeros((size, size))
    square[first, second] = member.coefficients[size:]
    linear = graph.doubles(member.coefficients[:size, None])
    bent = graph.node("MatMul", [scaled, graph.doubles(square)])
    both = graph.node("Mul", [bent, scaled])
    total = graph.node("ReduceSum", [both, graph.integers([1])], keepdims=1)
    return graph.node("Add", [graph.node("MatMul", [scaled, linear]), total])


@add_member.register
def _(member: FittedTrees, graph: Graph, rows: str) -> str:
    parts = [graph.columns(rows, member.columns)]
    if member.pairs:
        first, second = (list(side) for side in zip(*member.pairs, strict=True))
        left, right = graph.columns(rows, first), graph.columns(rows, second)
        parts.append(graph.node("Sub", [left, right]))
    joined = graph.node("Concat", parts, axis=1)
    forest = graph.node(
        "TreeEnsembleRegressor",
        [joined],
        domain="ai.onnx.ml",
        **_tree_arrays(member.forest),
    )
    return graph.to_double(forest)


@add_member.register
def _(member: FittedAnchor, graph: Graph, rows: str) -> str:
    columns = graph.to_double(graph.columns(rows, member.columns))
    moved = graph.node("Sub", [columns, graph.doubles([[member.place]])])
    scaled = graph.node("Div", [moved, graph.doubles(member.spread[None, :])])
    squares = graph.node("Mul", [scaled, scaled])
    total = graph.node("ReduceSum", [squares, graph.integers([1])], keepdims=1)
    root = graph.node("Sqrt", [total])
    return graph.node("Mul", [root, graph.doubles([[member.slope]])])


@add_member.register
def _(member: FittedBoosted, graph: Graph, rows: str) -> str:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        # skl2onnx 1.20 hands numpy booleans to protobuf, which numpy deprecates; as an
        # error that warning surfaces as "Value out of range".
        warnings.simplefilter("ignore", DeprecationWarning)
        made = convert_sklearn(
            member.trees,
            initial_types=[("X", FloatTensorType([None, len(member.columns)]))],
            target_opset={"": OPSET, "ai.onnx.ml": OPSET_TREES},
        )
    (node,) = (n for n in made.graph.node if n.op_type == "TreeEnsembleRegressor")
    return graph.to_double(graph.append(node, [graph.columns(rows, member.columns)]))


@add_member.register
def _(member: FittedLinear, graph: Graph, rows: str) -> str:
    layout = member.layout
    moved = graph.node("Sub", [graph.to_double(rows), graph.doubles(member.mean[None])])
    scaled = graph.node("Mul", [moved, graph.doubles(1 / member.spread[None])])
    axes = graph.columns(scaled, layout.below_and_share)
    terms = [axes, graph.node("Mul", [axes, axes])]
    if layout.x:
        context = graph.columns(scaled, layout.x)
        terms += [
            graph.node("Mul", [graph.columns(scaled, [axis]), context])
            for axis in layout.below_and_share
        ]
    joined = graph.node("Concat", terms, axis=1)
    return graph.node("MatMul", [joined, graph.doubles(member.coefficients[:, None])])


@add_member.register
def _(member: FittedConstant, graph: Graph, rows: str) -> str:
    columns = graph.to_double(graph.columns(rows, member.columns))
    scaled = graph.node("Div", [columns, graph.doubles(member.spread[None, :])])
    lifted = graph.node("Unsqueeze", [scaled, graph.integers([1])])
    gap = graph.node("Sub", [lifted, graph.doubles(member.constants[None])])
    squares = graph.node("Mul", [gap, gap])
    gaps = graph.node("ReduceSum", [squares, graph.integers([2])], keepdims=0)
    near = graph.node(
        "Softmax",
        [graph.node("Mul", [gaps, graph.doubles([[-1 / CONSTANT_SHARPNESS]])])],
        axis=1,
    )
    return graph.node("MatMul", [near, graph.doubles(member.costs[:, None])])


@add_member.register
def _(member: FittedLaw, graph: Graph, rows: str) -> str:
    axes = member.layout.axes
    below = member.layout.offered[:axes]
    above = member.layout.offered[axes : 2 * axes]
    raw = graph.to_double(rows)
    distance = graph.columns(raw, above)
    span = graph.node("Sub", [distance, graph.columns(raw, below)])
    context = graph.node("Concat", [graph.columns(raw, member.layout.x), span], axis=1)
    moved = graph.node("Sub", [context, graph.doubles(member.mean[None, :])])
    scaled = graph.node("Mul", [moved, graph.doubles(1 / member.spread[None, :])])
    natural = graph.node("Mul", [distance, graph.doubles([[NATURAL]])])
    floor, ceiling = graph.doubles([[0.0]]), graph.doubles([[LAW_LIMIT]])
    log_n = graph.node("Min", [graph.node("Max", [natural, floor]), ceiling])
    one = graph.doubles([[1.0]])
    n = graph.node("Exp", [log_n])
    beyond = graph.node("Sub", [n, one])
    terms = [one]
    for shape, place in ((beyond, 0), (graph.node("Mul", [n, beyond]), 1)):
        chosen = member.coefficients[:, place]
        linear = graph.node("MatMul", [scaled, graph.doubles(chosen[:, 1:].T)])
        lifted = graph.node("Add", [linear, graph.doubles(chosen[None, :, 0])])
        terms.append(graph.node("Mul", [_softplus(graph, lifted), shape]))
    power, price = member.form
    slow = graph.node("Log", [graph.node("Sum", terms)])
    curves = graph.node(
        "Add",
        [
            graph.node("Mul", [slow, graph.doubles([[power]])]),
            graph.node("Mul", [log_n, graph.doubles([[price]])]),
        ],
    )
    return graph.node("ReduceSum", [curves, graph.integers([1])], keepdims=1)


def _softplus(graph: Graph, value: str) -> str:
    """log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|))."""
    small = graph.node("Exp", [graph.node("Neg", [graph.node("Abs", [value])])])
    bent = graph.node("Log", [graph.node("Add", [small, graph.doubles([[1.0]])])])
    return graph.node("Add", [graph.node("Max", [value, graph.doubles([[0.0]])]), bent])


@add_member.register
def _(member: FittedProcess, graph: Graph, rows: str) -> str:
    return write_process(member, graph, rows)


def _tree_arrays(forest: Any) -> dict[str, Any]:
    """Lay out every node of a forest as the operator wants it."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    counts = [tree.node_count for tree in trees]
    ids = np.concatenate([np.arange(count) for count in counts])
    owners = np.repeat(np.arange(len(trees)), counts)
    left = np.concatenate([tree.children_left for tree in trees])
    right = np.concatenate([tree.children_right for tree in trees])
    feature = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    value = np.concatenate([tree.value[:, 0, 0] for tree in trees])
    leaf = left < 0
    leaves = np.flatnonzero(leaf)
    return {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": owners.tolist(),
        "nodes_nodeids": ids.tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_values": _rounded_down(np.where(leaf, 0.0, threshold)).tolist(),
        "nodes_hitrates": [1.0] * len(ids),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "nodes_missing_value_tracks_true": [0] * len(ids),
        "target_treeids": owners[leaves].tolist(),
        "target_nodeids": ids[leaves].tolist(),
        "target_ids": [0] * len(leaves),
        "target_weights": (value[leaves] / len(trees)).astype(np.float32).tolist(),
    }


def _rounded_down(threshold: Any) -> Any:
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
