"""What an ONNX graph of a bundle may contain; everything else is refused before it runs.

The checks go from cheap to dear: versions, operators and their attributes, stored
tensors, wiring, trees, and the shapes of all tensors. None of them runs the graph.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle.graph_shapes import Shape, ShapeError, operator_of, work_of
from toolkit.bundle.tree_check import forest_problem

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

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
MAX_WORK = 1 << 31
"""Most scalar operations for that many rows: about a second."""

ELEMENT_BYTES = {1: 4, 7: 8, 9: 1, 11: 8}
"""Bytes of an element by ONNX data type: 32-bit float, int64, bool, 64-bit float."""


def version_problem(model: "ModelProto") -> str | None:
    """Say that a graph is for another runtime, or `None`."""
    if model.ir_version != IR_VERSION:
        return (
            f"its graph has ONNX version {model.ir_version}, this toolkit reads "
            f"{IR_VERSION}; update the toolkit, or export the model with this one"
        )
    for imported in model.opset_import:
        domain = "" if imported.domain == "ai.onnx" else imported.domain
        if OPSETS.get(domain) != imported.version:
            return (
                f"its graph needs operators `{domain[:40] or 'ai.onnx'}` of version "
                f"{imported.version}, this toolkit reads "
                f"{OPSETS.get(domain, 'none')}; update the toolkit, or export the "
                "model with this one"
            )
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
    if model.functions or model.training_info:
        return "the model defines functions"
    if not 0 < len(graph.node) <= MAX_NODES:
        return f"{len(graph.node)} nodes, 1 to {MAX_NODES} allowed"
    if graph.sparse_initializer or graph.quantization_annotation:
        return "sparse or quantised weights are not allowed"
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
        if operator is None or node.overload:
            return f"operator `{name}` is not allowed"
        least, most = operator.inputs
        if not least <= len(node.input) <= most or len(node.output) != 1:
            return f"operator `{name}` has another number of inputs or outputs"
        for attribute in node.attribute:
            wanted = operator.attributes.get(attribute.name)
            if wanted != attribute.type or attribute.ref_attr_name:
                return f"operator `{name}` has an attribute that is not allowed"
    return None


def _tensor_problem(graph: "GraphProto") -> str | None:
    for tensor in graph.initializer:
        if tensor.data_location or tensor.external_data:
            return "weights lie outside the file"
        size = ELEMENT_BYTES.get(tensor.data_type)
        if size is None or len(tensor.dims) > 4 or any(d < 0 for d in tensor.dims):
            return "a stored tensor has a type or shape that is not allowed"
        if len(tensor.raw_data) != math.prod(tensor.dims) * size:
            return "a stored tensor has another size than its shape"
    return None


def _ends(graph: "GraphProto", width: int) -> str | None:
    inputs = [value.name for value in graph.input]
    if inputs != [INPUT_NAME]:
        return f"inputs must be [`{INPUT_NAME}`], got {[n[:40] for n in inputs[:3]]}"
    kind = graph.input[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]
    if kind.elem_type != 1 or sizes != [0, width]:
        return f"input `{INPUT_NAME}` must have rows of {width} 32-bit floats"
    outputs = [value.name for value in graph.output]
    if outputs != [OUTPUT_NAME]:
        return f"outputs must be [`{OUTPUT_NAME}`], got {[n[:40] for n in outputs[:3]]}"
    return None


def _shapes_problem(graph: "GraphProto", width: int) -> str | None:
    """Walk the nodes in order: each name is written once, before it is read."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    known: dict[str, Shape] = {n: tuple(t.dims) for n, t in stored.items()}
    if INPUT_NAME in known or "" in known or len(known) != len(graph.initializer):
        return "a stored tensor has no name"
    known[INPUT_NAME] = (ROWS, width)
    elements = sum(math.prod(shape) for shape in known.values())
    work = 0
    for node in graph.node:
        try:
            shape = _output_shape(node, known, stored)
        except (KeyError, ShapeError):
            return f"the inputs of operator `{node.op_type}` do not fit it"
        if node.output[0] in known or not node.output[0]:
            return "a tensor is written twice"
        known[node.output[0]] = shape
        elements += math.prod(shape)
        work += work_of(node, [known[name] for name in node.input], shape)
        if elements > MAX_ELEMENTS or work > MAX_WORK:
            return f"its tensors hold too much ({elements} elements, {work} operations)"
        if node.op_type == "TreeEnsembleRegressor" and (
            problem := forest_problem(node, width=known[node.input[0]][1])
        ):
            return f"its trees: {problem}"
    if known.get(OUTPUT_NAME) != (ROWS, 1):
        return f"`{OUTPUT_NAME}` must be one number a row"
    return None


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
        if name in stored and stored[name].data_type == 7
    }
    attributes = {a.name: _value(a) for a in node.attribute}
    shape = operator.shape(shapes, attributes, constants)
    if len(shape) > 4:
        raise ShapeError
    return shape


def _integers(tensor: "TensorProto") -> NDArray[np.int64]:
    return np.frombuffer(tensor.raw_data, dtype="<i8")


def _value(attribute: Any) -> Any:
    if attribute.type == 2:
        return attribute.i
    if attribute.type == 7:
        return list(attribute.ints[:8])
    return None
