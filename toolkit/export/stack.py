"""The relative-cost ensemble as a graph: closed forms in 64 bits, trees in 32."""

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.export.estimator import write_estimator
from toolkit.export.graph import Graph
from toolkit.export.process import write_process
from toolkit.export.trees import boosted_node, forest_node
from toolkit.models import FittedStack
from toolkit.models.members import (
    FittedAnchor,
    FittedBoosted,
    FittedConstant,
    FittedEstimator,
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
    trees = member.forest.estimators_
    return forest_node(graph, joined, trees, 1 / len(trees))


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
    read = graph.columns(rows, member.columns)
    return boosted_node(graph, read, member.trees, len(member.columns))


@add_member.register
def _(member: FittedEstimator, graph: Graph, rows: str) -> str:
    read = graph.to_double(graph.columns(rows, member.columns))
    return write_estimator(member.estimator, graph, read)


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
        [graph.node("Mul", [gaps, graph.doubles([[-1 / member.sharpness]])])],
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
    floor, ceiling = graph.doubles([[0.0]]), graph.doubles([[member.log_limit]])
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
