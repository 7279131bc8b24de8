"""Fitted models as ONNX graphs: one function a model class.

The closed forms (linear, scalability law) are written operator by operator in 64 bits;
trees go through skl2onnx, whose node is taken over as it is. What a conversion is worth
is not taken on trust: `verification` compares graph and model on thousands of rows.
"""

import warnings
from functools import singledispatch
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.export.graph import OPSET, OPSET_TREES, Graph
from toolkit.models import FLOOR, RatioCost, Scaling, ShapedCost
from toolkit.models.members import BoostedCost, LinearCost, ScalabilityCurve

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["add_to_graph", "add_trees", "to_onnx"]


def to_onnx(model: Any, *, width: int) -> "ModelProto":
    """Convert a fitted model that reads rows of `width` numbers.

    Raises
    ------
    UsageError
        For a class without a converter.

    Examples
    --------
    >>> X, y = np.log([[1.0], [2.0], [4.0]]), np.array([1.0, 0.0, 1.0])
    >>> made = to_onnx(LinearCost().fit(X, y), width=1)
    >>> [value.name for value in made.graph.output]
    ['log_cost']
    """
    # The stack registers its form when it is imported, which faces put off.
    import_module("toolkit.export.stack")
    graph = Graph(width)
    return graph.model(add_to_graph(model, graph))


@singledispatch
def add_to_graph(model: Any, graph: Graph) -> str:  # noqa: ARG001 - each registered form uses it
    """Append a model to a graph; return its (n, 1) 64-bit output's name."""
    known = [cls.__name__ for cls in add_to_graph.registry if cls is not object]
    raise UsageError.unknown("model to export", type(model).__name__, sorted(known))


@add_to_graph.register
def _(model: LinearCost, graph: Graph) -> str:
    scaled = _scaled(graph, graph.double_input, model.scaling_)
    action, context = _split(graph, scaled, model.action_column)
    square = graph.node("Mul", [action, action])
    terms = [action, square]
    if context is not None:
        terms = [context, *terms, graph.node("Mul", [context, action])]
    joined = graph.node("Concat", terms, axis=1)
    product = graph.node(
        "MatMul", [joined, graph.doubles(model.coefficients_[:, None])]
    )
    return graph.node("Add", [product, graph.doubles([[model.intercept_]])])


@add_to_graph.register
def _(model: ScalabilityCurve, graph: Graph) -> str:
    raw = graph.double_input
    action, context = _split(graph, raw, model.action_column)
    log_n = graph.node("Clip", [_filled(graph, action), *_limits(graph)])
    weights = model.weights_
    linear = graph.doubles(weights[:, :1].T)
    if context is not None:
        scaled = _scaled(graph, context, model.scaling_)
        slopes = graph.doubles(weights[:, 1:].T)
        linear = graph.node("Add", [graph.node("MatMul", [scaled, slopes]), linear])
    level, contention, coherency = (
        graph.columns(linear, [position]) for position in range(3)
    )
    one, zero = graph.doubles([[1.0]]), graph.doubles([[0.0]])
    n = graph.node("Exp", [log_n])
    over = graph.node("Max", [graph.node("Sub", [n, one]), zero])
    crosstalk = graph.node("Mul", [n, over])
    slowdown = graph.node(
        "Sum",
        [
            one,
            graph.node("Mul", [_softplus(graph, contention), over]),
            graph.node("Mul", [_softplus(graph, coherency), crosstalk]),
        ],
    )
    price = graph.doubles([[model.price_exponent - 1]])
    priced = graph.node("Mul", [log_n, price])
    return graph.node("Sum", [level, graph.node("Log", [slowdown]), priced])


@add_to_graph.register
def _(model: BoostedCost, graph: Graph) -> str:
    return graph.to_double(add_trees(model, graph, graph.input, graph.width))


@add_to_graph.register
def _(model: RatioCost, graph: Graph) -> str:
    seconds = add_to_graph(model.seconds_, graph)
    share = add_to_graph(model.success_, graph)
    limits = [graph.doubles(FLOOR), graph.doubles(1.0)]
    log_share = graph.node("Log", [graph.node("Clip", [share, *limits])])
    smeared = graph.node("Add", [seconds, graph.doubles([[model.log_smear_]])])
    return graph.node("Sub", [smeared, log_share])


@add_to_graph.register
def _(model: ShapedCost, graph: Graph) -> str:
    level = add_to_graph(model.level_, graph)
    highest = graph.doubles([[model.highest_]])
    shape = graph.node("Min", [add_to_graph(model.shape_, graph), highest])
    return graph.node("Add", [level, shape])


def add_trees(model: BoostedCost, graph: Graph, rows: str, width: int) -> str:
    """Append boosted trees that read `width` 32-bit columns."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        # skl2onnx 1.20 hands numpy booleans to protobuf, which numpy deprecates; as an
        # error that warning surfaces as "Value out of range".
        warnings.simplefilter("ignore", DeprecationWarning)
        made = convert_sklearn(
            model.regressor_,
            initial_types=[("X", FloatTensorType([None, width]))],
            target_opset={"": OPSET, "ai.onnx.ml": OPSET_TREES},
        )
    (node,) = (n for n in made.graph.node if n.op_type == "TreeEnsembleRegressor")
    return graph.append(node, [rows])


def _split(graph: Graph, tensor: str, action: int) -> tuple[str, str | None]:
    position = action % graph.width
    others = [column for column in range(graph.width) if column != position]
    context = graph.columns(tensor, others) if others else None
    return graph.columns(tensor, [position]), context


def _scaled(graph: Graph, tensor: str, scaling: Scaling) -> str:
    moved = graph.node("Sub", [tensor, graph.doubles(scaling.mean[None, :])])
    known = _filled(graph, moved)
    scale = np.where(np.isfinite(scaling.spread), 1 / scaling.spread, 0.0)
    return graph.node("Mul", [known, graph.doubles(scale[None, :])])


def _filled(graph: Graph, tensor: str) -> str:
    """Put zero where a value is missing."""
    missing = graph.node("IsNaN", [tensor])
    return graph.node("Where", [missing, graph.doubles([[0.0]]), tensor])


def _limits(graph: Graph) -> list[str]:
    from toolkit.models.members import LOG_N_LIMIT

    return [graph.doubles(-LOG_N_LIMIT), graph.doubles(LOG_N_LIMIT)]


def _softplus(graph: Graph, tensor: str) -> str:
    """Compute max(x, 0) + log(1 + exp(-|x|)): no overflow for large x."""
    size = graph.node("Abs", [tensor])
    small = graph.node("Exp", [graph.node("Neg", [size])])
    tail = graph.node("Log", [graph.node("Add", [small, graph.doubles([[1.0]])])])
    positive = graph.node("Max", [tensor, graph.doubles([[0.0]])])
    return graph.node("Add", [positive, tail])
