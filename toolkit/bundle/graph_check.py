"""What an ONNX graph of a bundle may contain; everything else is refused unread.

The allow-list holds element-wise arithmetic, linear algebra on stored weights, and tree
ensembles. It has no control flow, so nothing can loop, no operator that makes a tensor
from a *value* (`ConstantOfShape`, `Expand`, `Tile`, `Range`, `Resize`...), so nothing
can allocate more than its input and its weights imply, and nothing random or custom.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

__all__ = ["INPUT_NAME", "MAX_MODEL_BYTES", "OUTPUT_NAME", "graph_problem"]

INPUT_NAME = "features"
OUTPUT_NAME = "log_cost"
MAX_MODEL_BYTES = 64 << 20
"""A model beyond this is a mistake or an attack: ours have one to a few megabytes."""
MAX_NODES = 4096
MAX_ELEMENTS = 16 << 20
"""Most elements in one stored tensor."""

ALLOWED = {
    "": frozenset(
        [
            "Abs",
            "Add",
            "ArgMax",
            "Cast",
            "Clip",
            "Concat",
            "Constant",
            "Div",
            "Dot",
            "Equal",
            "Exp",
            "Flatten",
            "Gather",
            "Gemm",
            "Greater",
            "Identity",
            "IsNaN",
            "Less",
            "Log",
            "MatMul",
            "Max",
            "Mean",
            "Min",
            "Mul",
            "Neg",
            "Not",
            "Pow",
            "Reciprocal",
            "ReduceMax",
            "ReduceMean",
            "ReduceSum",
            "Relu",
            "Reshape",
            "Sigmoid",
            "Slice",
            "Softmax",
            "Softplus",
            "Sqrt",
            "Squeeze",
            "Sub",
            "Sum",
            "Tanh",
            "Transpose",
            "Unsqueeze",
            "Where",
        ]
    ),
    "ai.onnx.ml": frozenset(
        [
            "FeatureVectorizer",
            "Imputer",
            "Normalizer",
            "Scaler",
            "TreeEnsemble",
            "TreeEnsembleRegressor",
        ]
    ),
}
"""Allowed operators by domain."""


def graph_problem(model: "ModelProto", *, width: int) -> str | None:
    """Say what is wrong with a graph, or `None`.

    Parameters
    ----------
    model : onnx.ModelProto
    width : int
        Numbers in one encoded row.
    """
    graph = model.graph
    if model.functions:
        return "the model defines functions of its own"
    if len(graph.node) > MAX_NODES:
        return f"{len(graph.node)} nodes, at most {MAX_NODES} allowed"
    return _operator_problem(graph) or _tensor_problem(graph) or _ends(graph, width)


def _operator_problem(graph: "GraphProto") -> str | None:
    for node in graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if node.op_type not in ALLOWED.get(domain, frozenset()):
            name = f"{domain}.{node.op_type}" if domain else node.op_type
            return f"operator `{name[:80]}` is not allowed"
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                return f"operator `{node.op_type}` holds a subgraph"
            if attribute.HasField("t") and _external(attribute.t):
                return "a constant lies outside the file"
    return None


def _tensor_problem(graph: "GraphProto") -> str | None:
    if graph.sparse_initializer:
        return "sparse weights are not allowed"
    for tensor in graph.initializer:
        if _external(tensor):
            return "weights lie outside the file"
        elements = 1
        for size in tensor.dims:
            elements *= max(int(size), 0)
        if elements > MAX_ELEMENTS:
            return f"a stored tensor of {elements} elements, at most {MAX_ELEMENTS}"
    return None


def _ends(graph: "GraphProto", width: int) -> str | None:
    names = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in names]
    if [value.name for value in inputs] != [INPUT_NAME]:
        return f"inputs must be [`{INPUT_NAME}`], got {[v.name[:40] for v in inputs]}"
    shape = inputs[0].type.tensor_type.shape.dim
    if len(shape) != 2 or shape[1].dim_value != width:
        return f"input `{INPUT_NAME}` must have {width} columns"
    outputs = [value.name for value in graph.output]
    if not outputs or outputs[0] != OUTPUT_NAME:
        return f"the first output must be `{OUTPUT_NAME}`, got {outputs[:3]}"
    return None


def _external(tensor: object) -> bool:
    return bool(getattr(tensor, "data_location", 0)) or bool(
        getattr(tensor, "external_data", ())
    )
