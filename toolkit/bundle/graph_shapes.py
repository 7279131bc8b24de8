"""Shapes of every tensor of a graph, worked out before anything is allocated.

Each allowed operator has one rule, which takes the shapes of its inputs to the shape of
its output, for a fixed number of rows. Their sum bounds the memory that a session can
take, and the multiplications that it needs bound its time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["OPERATORS", "Operator", "Shape", "ShapeError", "operator_of"]

Shape = tuple[int, ...]
Attributes = Mapping[str, Any]
Constants = Mapping[int, NDArray[Any]]
"""Values of the inputs that are stored whole numbers, by position."""


FLOAT, INT, STRING, FLOATS, INTS, STRINGS = 1, 2, 3, 6, 7, 8
"""Attribute types of ONNX that operators may hold; none of them is a graph."""

CAST_TO = (1, 7, 9, 11)
"""32-bit floats, 64-bit integers, booleans and 64-bit floats."""


class ShapeError(ValueError):
    """The shapes of an operator's inputs do not fit it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What an allowed operator reads, and the shape of what it writes.

    Attributes
    ----------
    inputs : (least, most)
    shape : callable
        Takes input shapes, attributes and constant inputs to the output's shape.
    attributes : mapping of str to int
        Type of each attribute that it may have.
    """

    inputs: tuple[int, int]
    shape: Callable[[Sequence[Shape], Attributes, Constants], Shape]
    attributes: Mapping[str, int]


def operator_of(node: "NodeProto") -> Operator | None:
    """Find an operator of the allow-list; `None` where it is not on it."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    return OPERATORS.get((domain, node.op_type))


def work_of(node: "NodeProto", inputs: Sequence[Shape], output: Shape) -> int:
    """Count the scalar operations of one node."""
    elements = math.prod(output)
    if node.op_type in ("MatMul", "Gemm"):
        return elements * max(inputs[0][-1:] + inputs[0][:1], default=1)
    if node.op_type == "TreeEnsembleRegressor":
        roots = next(
            (len(set(a.ints)) for a in node.attribute if a.name == "nodes_treeids"), 1
        )
        return elements * roots * 64
    return max(elements, *(math.prod(shape) for shape in inputs))


def _same(
    inputs: Sequence[Shape], _attributes: Attributes, _constants: Constants
) -> Shape:
    try:
        return np.broadcast_shapes(*inputs)
    except ValueError:
        raise ShapeError from None


def _cast(
    inputs: Sequence[Shape], attributes: Attributes, _constants: Constants
) -> Shape:
    if attributes.get("to") not in CAST_TO:
        raise ShapeError
    return inputs[0]


def _reduced(
    inputs: Sequence[Shape], attributes: Attributes, constants: Constants
) -> Shape:
    shape = inputs[0]
    if 1 not in constants:
        raise ShapeError
    axes = {_axis(int(axis), len(shape)) for axis in constants[1].ravel()}
    if not axes:
        raise ShapeError
    return _without(shape, axes, keep=bool(attributes.get("keepdims", 1)))


def _arg_max(
    inputs: Sequence[Shape], attributes: Attributes, _constants: Constants
) -> Shape:
    axis = _axis(attributes.get("axis", 0), len(inputs[0]))
    return _without(inputs[0], {axis}, keep=bool(attributes.get("keepdims", 1)))


def _softmax(
    inputs: Sequence[Shape], attributes: Attributes, _constants: Constants
) -> Shape:
    _axis(attributes.get("axis", -1), len(inputs[0]))
    return inputs[0]


def _matmul(
    inputs: Sequence[Shape], _attributes: Attributes, _constants: Constants
) -> Shape:
    left, right = inputs
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise ShapeError
    try:
        outer = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        raise ShapeError from None
    return (*outer, left[-2], right[-1])


def _gemm(
    inputs: Sequence[Shape], attributes: Attributes, constants: Constants
) -> Shape:
    left, right = inputs[:2]
    if len(left) != 2 or len(right) != 2:
        raise ShapeError
    left = left[::-1] if attributes.get("transA") else left
    right = right[::-1] if attributes.get("transB") else right
    made = _matmul([left, right], attributes, constants)
    if len(inputs) > 2 and np.broadcast_shapes(made, inputs[2]) != made:
        raise ShapeError
    return made


def _gather(
    inputs: Sequence[Shape], attributes: Attributes, constants: Constants
) -> Shape:
    shape, picked = inputs
    axis = _axis(attributes.get("axis", 0), len(shape))
    if 1 not in constants:
        raise ShapeError
    size = shape[axis]
    if any(not -size <= int(place) < size for place in constants[1].ravel()):
        raise ShapeError
    return (*shape[:axis], *picked, *shape[axis + 1 :])


def _concat(
    inputs: Sequence[Shape], attributes: Attributes, _constants: Constants
) -> Shape:
    first = inputs[0]
    axis = _axis(attributes.get("axis"), len(first))
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in inputs}
    if len(rest) != 1 or any(len(shape) != len(first) for shape in inputs):
        raise ShapeError
    return (*first[:axis], sum(s[axis] for s in inputs), *first[axis + 1 :])


def _unsqueezed(
    inputs: Sequence[Shape], _attributes: Attributes, constants: Constants
) -> Shape:
    if 1 not in constants:
        raise ShapeError
    axes = [int(axis) for axis in constants[1].ravel()]
    rank = len(inputs[0]) + len(axes)
    places = {_axis(axis, rank) for axis in axes}
    if len(places) != len(axes):
        raise ShapeError
    left = iter(inputs[0])
    return tuple(1 if place in places else next(left) for place in range(rank))


def _squeezed(
    inputs: Sequence[Shape], _attributes: Attributes, constants: Constants
) -> Shape:
    if 1 not in constants:
        raise ShapeError
    axes = {_axis(int(axis), len(inputs[0])) for axis in constants[1].ravel()}
    if any(inputs[0][axis] != 1 for axis in axes):
        raise ShapeError
    return _without(inputs[0], axes, keep=False)


def _transposed(
    inputs: Sequence[Shape], attributes: Attributes, _constants: Constants
) -> Shape:
    shape = inputs[0]
    order = attributes.get("perm", range(len(shape))[::-1])
    if sorted(order) != list(range(len(shape))):
        raise ShapeError
    return tuple(shape[place] for place in order)


def _forest(
    inputs: Sequence[Shape], _attributes: Attributes, _constants: Constants
) -> Shape:
    if len(inputs[0]) != 2:
        raise ShapeError
    return (inputs[0][0], 1)


def _axis(axis: int | None, rank: int) -> int:
    if axis is None or not -rank <= axis < rank:
        raise ShapeError
    return axis % rank


def _without(shape: Shape, axes: set[int], *, keep: bool) -> Shape:
    if keep:
        return tuple(1 if n in axes else size for n, size in enumerate(shape))
    return tuple(size for n, size in enumerate(shape) if n not in axes)


_MANY = 4096
_AXIS = {"axis": INT}
_KEEP = {"keepdims": INT, "noop_with_empty_axes": INT}
_GEMM = {"alpha": FLOAT, "beta": FLOAT, "transA": INT, "transB": INT}
_TREES = {
    "aggregate_function": STRING,
    "base_values": FLOATS,
    "n_targets": INT,
    "nodes_falsenodeids": INTS,
    "nodes_featureids": INTS,
    "nodes_hitrates": FLOATS,
    "nodes_missing_value_tracks_true": INTS,
    "nodes_modes": STRINGS,
    "nodes_nodeids": INTS,
    "nodes_treeids": INTS,
    "nodes_truenodeids": INTS,
    "nodes_values": FLOATS,
    "post_transform": STRING,
    "target_ids": INTS,
    "target_nodeids": INTS,
    "target_treeids": INTS,
    "target_weights": FLOATS,
}
_UNARY = "Abs Exp Identity IsNaN Log Neg Not Reciprocal Relu Sigmoid Softplus Sqrt Tanh"
_BINARY = "Add And Div Equal Greater Less Mul Or Pow Sub"

OPERATORS: Mapping[tuple[str, str], Operator] = {
    **{("", name): Operator((1, 1), _same, {}) for name in _UNARY.split()},
    **{("", name): Operator((2, 2), _same, {}) for name in _BINARY.split()},
    **{("", n): Operator((1, _MANY), _same, {}) for n in ("Max", "Mean", "Min", "Sum")},
    **{
        ("", f"Reduce{name}"): Operator((2, 2), _reduced, _KEEP)
        for name in ("Max", "Mean", "Min", "Sum")
    },
    ("", "ArgMax"): Operator((1, 1), _arg_max, {**_AXIS, "keepdims": INT}),
    ("", "Cast"): Operator((1, 1), _cast, {"to": INT}),
    ("", "Clip"): Operator((3, 3), _same, {}),
    ("", "Concat"): Operator((1, _MANY), _concat, _AXIS),
    ("", "Gather"): Operator((2, 2), _gather, _AXIS),
    ("", "Gemm"): Operator((2, 3), _gemm, _GEMM),
    ("", "MatMul"): Operator((2, 2), _matmul, {}),
    ("", "Softmax"): Operator((1, 1), _softmax, _AXIS),
    ("", "Squeeze"): Operator((2, 2), _squeezed, {}),
    ("", "Transpose"): Operator((1, 1), _transposed, {"perm": INTS}),
    ("", "Unsqueeze"): Operator((2, 2), _unsqueezed, {}),
    ("", "Where"): Operator((3, 3), _same, {}),
    ("ai.onnx.ml", "TreeEnsembleRegressor"): Operator((1, 1), _forest, _TREES),
}
"""The allow-list: element-wise arithmetic, linear algebra and trees. No control flow, so
that nothing loops; nothing that makes a shape from a *value*, random or custom."""
