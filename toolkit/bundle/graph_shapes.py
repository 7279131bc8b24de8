"""Types and shapes of every tensor of a graph, worked out before anything is allocated.

Each allowed operator has one rule for types and one for shapes, which take those of its
inputs to those of its output, for a fixed number of rows. The sum of sizes bounds the
memory that a session can take, and the multiplications that it needs bound its time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["OPERATORS", "Operator", "Shape", "ShapeError", "operator_of", "work_of"]

Shape = tuple[int, ...]
Attributes = Mapping[str, int]
Constants = Mapping[int, NDArray[np.int64]]
"""Values of the inputs that are stored whole numbers, by position."""


FLOAT, INT, STRING, FLOATS, INTS, STRINGS = 1, 2, 3, 6, 7, 8
"""Attribute types of ONNX that operators may hold; none of them is a graph."""

FLOAT32, INT64, BOOL, FLOAT64 = 1, 7, 9, 11
"""Element types of ONNX that tensors may have."""


class ShapeError(ValueError):
    """The types or shapes of an operator's inputs do not fit it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What an allowed operator reads, and the type and shape of what it writes.

    Attributes
    ----------
    inputs : (least, most)
    kind : callable
        Takes input types and attributes to the output's type.
    shape : callable
        Takes input shapes, attributes and constant inputs to the output's shape.
    attributes : mapping of str to int
        Type of each attribute that it may have.
    """

    inputs: tuple[int, int]
    kind: Callable[[Sequence[int], Attributes], int]
    shape: Callable[[Sequence[Shape], Attributes, Constants], Shape]
    attributes: Mapping[str, int]


def operator_of(node: "NodeProto") -> Operator | None:
    """Find an operator of the allow-list; `None` where it is not on it."""
    return OPERATORS.get((node.domain, node.op_type))


def work_of(node: "NodeProto", inputs: Sequence[Shape], output: Shape) -> int:
    """Count the scalar operations of one node."""
    elements = math.prod(output)
    if node.op_type == "MatMul":
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


def _summed(
    inputs: Sequence[Shape], attributes: Attributes, constants: Constants
) -> Shape:
    axes = _axes(inputs, constants, rank=len(inputs[0]))
    if not axes:
        raise ShapeError
    return _without(inputs[0], set(axes), keep=_flag(attributes, "keepdims"))


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
    rank = len(inputs[0]) + math.prod(inputs[1])
    places = set(_axes(inputs, constants, rank=rank))
    left = iter(inputs[0])
    return tuple(1 if place in places else next(left) for place in range(rank))


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


def _axes(
    inputs: Sequence[Shape], constants: Constants, *, rank: int
) -> tuple[int, ...]:
    """Read the second input: a stored list of axes, each once."""
    if 1 not in constants or len(inputs[1]) != 1:
        raise ShapeError
    axes = tuple(_axis(int(axis), rank) for axis in constants[1])
    if len(set(axes)) != len(axes):
        raise ShapeError
    return axes


def _flag(attributes: Attributes, name: str) -> bool:
    value = attributes.get(name, 1)
    if value not in (0, 1):
        raise ShapeError
    return bool(value)


def _alike(kinds: Sequence[int], _attributes: Attributes) -> int:
    """Floats of one type in, the same type out."""
    if kinds[0] not in (FLOAT32, FLOAT64) or len(set(kinds)) != 1:
        raise ShapeError
    return kinds[0]


def _tested(kinds: Sequence[int], attributes: Attributes) -> int:
    _alike(kinds, attributes)
    return BOOL


def _chosen(kinds: Sequence[int], attributes: Attributes) -> int:
    if kinds[0] != BOOL:
        raise ShapeError
    return _alike(kinds[1:], attributes)


def _placed(kinds: Sequence[int], attributes: Attributes) -> int:
    """Floats, and a second input of positions."""
    if kinds[1] != INT64:
        raise ShapeError
    return _alike(kinds[:1], attributes)


def _cast(kinds: Sequence[int], attributes: Attributes) -> int:
    _alike(kinds, attributes)
    return _alike([attributes.get("to", 0)], attributes)


def _single(kinds: Sequence[int], _attributes: Attributes) -> int:
    if kinds[0] != FLOAT32:
        raise ShapeError
    return FLOAT32


def _without(shape: Shape, axes: set[int], *, keep: bool) -> Shape:
    if keep:
        return tuple(1 if n in axes else size for n, size in enumerate(shape))
    return tuple(size for n, size in enumerate(shape) if n not in axes)


_MANY = 4096
_AXIS = {"axis": INT}
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
_UNARY = "Abs Exp Identity Log Neg Relu Sigmoid Sqrt Tanh"

OPERATORS: Mapping[tuple[str, str], Operator] = {
    **{("", name): Operator((1, 1), _alike, _same, {}) for name in _UNARY.split()},
    **{("", n): Operator((2, 2), _alike, _same, {}) for n in ("Add", "Div", "Mul")},
    **{("", n): Operator((1, _MANY), _alike, _same, {}) for n in ("Max", "Min", "Sum")},
    ("", "Cast"): Operator((1, 1), _cast, _same, {"to": INT}),
    ("", "Concat"): Operator((1, _MANY), _alike, _concat, _AXIS),
    ("", "Gather"): Operator((2, 2), _placed, _gather, _AXIS),
    ("", "IsNaN"): Operator((1, 1), _tested, _same, {}),
    ("", "MatMul"): Operator((2, 2), _alike, _matmul, {}),
    ("", "ReduceSum"): Operator((2, 2), _placed, _summed, {"keepdims": INT}),
    ("", "Softmax"): Operator((1, 1), _alike, _softmax, _AXIS),
    ("", "Sub"): Operator((2, 2), _alike, _same, {}),
    ("", "Unsqueeze"): Operator((2, 2), _placed, _unsqueezed, {}),
    ("", "Where"): Operator((3, 3), _chosen, _same, {}),
    ("ai.onnx.ml", "TreeEnsembleRegressor"): Operator((1, 1), _single, _forest, _TREES),
}
"""The allow-list: what exports are made of, element-wise arithmetic, linear algebra and
trees. No control flow, so that nothing loops; nothing that makes a shape from a *value*,
random or custom; no type that a reader would have to round to."""
