"""What an ONNX graph of a bundle may contain; everything else is refused before it runs.

The checks go from cheap to dear: versions, fields, operators and their attributes, stored
tensors, wiring, trees, and the types and shapes of all tensors. None runs the graph.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle.graph_form import form_problem
from toolkit.bundle.graph_shapes import (
    FLOAT32,
    FLOAT64,
    INT,
    INT64,
    Shape,
    ShapeError,
    operator_of,
    work_of,
)
from toolkit.bundle.tree_check import MAX_TREE_NODES, forest_problem

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

__all__ = [
    "INPUT_NAME",
    "MAX_MODEL_BYTES",
    "OUTPUT_NAME",
    "graph_problem",
    "version_problem",
]

INPUT_NAME = "features"
OUTPUT_NAME = "log_cost"
MAX_MODEL_BYTES = 16 << 20
"""A model beyond this is a mistake or an attack: ours have up to a few megabytes."""

IR_VERSION = 10
OPSETS = {"": 21, "ai.onnx.ml": 3}
"""Versions that are written and read: onnxruntime for Python and for Node know them."""

MAX_NODES = 4096
ROWS = 64
"""Rows for which shapes are worked out: those of the golden rows."""
MAX_ELEMENTS = 12 << 20
"""Most elements in all tensors together for that many rows: 100 MB in 64 bits."""
MAX_STORED_ELEMENTS = 1 << 20
"""Most elements of tensors that are computed from stored ones alone: onnxruntime works
them out when it loads a graph, and holds all of them twice."""
MAX_WORK = 1 << 31
"""Most scalar operations for that many rows: about a second."""

ELEMENT_BYTES = {FLOAT32: 4, INT64: 8, FLOAT64: 8}
"""Bytes of an element of a stored tensor."""


def version_problem(model: "ModelProto") -> str | None:
    """Say that a graph is for another runtime, or `None`."""
    if model.ir_version != IR_VERSION:
        return (
            f"its graph has ONNX version {model.ir_version}, this toolkit reads "
            f"{IR_VERSION}; update the toolkit, or export the model with this one"
        )
    for imported in model.opset_import:
        domain = imported.domain
        if OPSETS.get(domain) != imported.version:
            return (
                f"its graph needs operators `{domain[:40] or 'ai.onnx'}` of version "
                f"{imported.version}, this toolkit reads "
                f"{OPSETS.get(domain, 'none')}; update the toolkit, or export the "
                "model with this one"
            )
    if len(model.opset_import) != len(OPSETS):
        return f"its graph must name the versions of {len(OPSETS)} sets of operators"
    return None


def graph_problem(model: "ModelProto", *, width: int) -> str | None:
    """Say what is wrong with a graph, or `None`.

    Parameters
    ----------
    model : onnx.ModelProto
    width : int
        Numbers in one encoded row.
    """
    graph = model.graph
    if (problem := version_problem(model)) is not None:
        return problem
    if (problem := form_problem(model)) is not None:
        return problem
    if not 0 < len(graph.node) <= MAX_NODES:
        return f"{len(graph.node)} nodes, 1 to {MAX_NODES} allowed"
    return (
        _operator_problem(graph)
        or _tensor_problem(graph)
        or _ends(graph, width)
        or _shapes_problem(graph, width)
    )


def _operator_problem(graph: "GraphProto") -> str | None:
    for node in graph.node:
        operator = operator_of(node)
        name = f"{node.domain}.{node.op_type}"[:80].lstrip(".")
        if operator is None:
            return f"operator `{name}` is not allowed"
        least, most = operator.inputs
        if not least <= len(node.input) <= most or len(node.output) != 1:
            return f"operator `{name}` has another number of inputs or outputs"
        for attribute in node.attribute:
            if operator.attributes.get(attribute.name) != attribute.type:
                return f"operator `{name}` has an attribute that is not allowed"
        if len({a.name for a in node.attribute}) != len(node.attribute):
            return f"operator `{name}` has an attribute twice"
    return None


def _tensor_problem(graph: "GraphProto") -> str | None:
    for tensor in graph.initializer:
        size = ELEMENT_BYTES.get(tensor.data_type)
        dims = tensor.dims
        if size is None or len(dims) > 4 or not _are_sizes(dims):
            return "a stored tensor has a type or shape that is not allowed"
        if len(tensor.raw_data) != math.prod(tensor.dims) * size:
            return "a stored tensor has another size than its shape"
    return None


def _are_sizes(dims: Iterable[int]) -> bool:
    return all(0 <= size <= MAX_ELEMENTS for size in dims)


def _ends(graph: "GraphProto", width: int) -> str | None:
    inputs = [value.name for value in graph.input]
    if inputs != [INPUT_NAME]:
        return f"inputs must be [`{INPUT_NAME}`], got {[n[:40] for n in inputs[:3]]}"
    if not _are_rows(graph.input[0], width):
        return f"input `{INPUT_NAME}` must have rows of {width} 32-bit floats"
    outputs = [value.name for value in graph.output]
    if outputs != [OUTPUT_NAME]:
        return f"outputs must be [`{OUTPUT_NAME}`], got {[n[:40] for n in outputs[:3]]}"
    if not _are_rows(graph.output[0], 1):
        return f"output `{OUTPUT_NAME}` must have rows of one 32-bit float"
    return None


def _are_rows(value: "ValueInfoProto", width: int) -> bool:
    """Whether an end is declared as any number of rows of so many 32-bit floats."""
    kind = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
    return kind.elem_type == FLOAT32 and sizes == [None, width]


def _shapes_problem(graph: "GraphProto", width: int) -> str | None:
    """Walk the nodes in order: each name is written once, before it is read."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    known: dict[str, Shape] = {n: tuple(t.dims) for n, t in stored.items()}
    if INPUT_NAME in known or "" in known or len(known) != len(graph.initializer):
        return "a stored tensor has no name"
    known[INPUT_NAME] = (ROWS, width)
    kinds = {n: t.data_type for n, t in stored.items()} | {INPUT_NAME: FLOAT32}
    elements = sum(math.prod(shape) for shape in known.values())
    from_stored = {*stored}
    work = computed = tree_nodes = 0
    for node in graph.node:
        try:
            shape = _output_shape(node, known, stored)
            kind = _output_kind(node, kinds)
        except (KeyError, ShapeError):
            return f"the inputs of operator `{node.op_type}` do not fit it"
        if node.output[0] in known or not node.output[0]:
            return "a tensor is written twice"
        known[node.output[0]] = shape
        kinds[node.output[0]] = kind
        elements += math.prod(shape)
        work += work_of(node, [known[name] for name in node.input], shape)
        if from_stored.issuperset(node.input):
            from_stored.add(node.output[0])
            computed += math.prod(shape)
        if elements > MAX_ELEMENTS or work > MAX_WORK:
            return f"its tensors hold too much ({elements} elements, {work} operations)"
        if computed > MAX_STORED_ELEMENTS:
            return f"its stored tensors grow too much ({computed} elements)"
        if node.op_type == "TreeEnsembleRegressor":
            tree_nodes += _tree_nodes(node)
            if tree_nodes > MAX_TREE_NODES:
                return f"its trees have over {MAX_TREE_NODES} nodes"
            if problem := forest_problem(node, width=known[node.input[0]][1]):
                return f"its trees: {problem}"
    if known.get(OUTPUT_NAME) != (ROWS, 1) or OUTPUT_NAME in stored:
        return f"`{OUTPUT_NAME}` must be one number a row"
    if kinds[OUTPUT_NAME] != FLOAT32:
        return f"`{OUTPUT_NAME}` must be 32-bit floats"
    return None


def _output_kind(node: "NodeProto", kinds: dict[str, int]) -> int:
    operator = operator_of(node)
    if operator is None:
        raise ShapeError
    return operator.kind([kinds[name] for name in node.input], _attributes(node))


def _tree_nodes(node: "NodeProto") -> int:
    return max((len(a.ints) for a in node.attribute), default=0)


def _output_shape(
    node: "NodeProto", known: dict[str, Shape], stored: "dict[str, TensorProto]"
) -> Shape:
    operator = operator_of(node)
    if operator is None:
        raise ShapeError
    shapes = [known[name] for name in node.input]
    constants = {
        place: _integers(stored[name])
        for place, name in enumerate(node.input)
        if name in stored and stored[name].data_type == INT64
    }
    shape = operator.shape(shapes, _attributes(node), constants)
    if len(shape) > 4:
        raise ShapeError
    return shape


def _integers(tensor: "TensorProto") -> NDArray[np.int64]:
    return np.frombuffer(tensor.raw_data, dtype="<i8")


def _attributes(node: "NodeProto") -> dict[str, int]:
    """Whole numbers among the attributes of a node, by name."""
    return {a.name: a.i for a in node.attribute if a.type == INT}
