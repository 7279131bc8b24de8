"""A small builder of ONNX graphs: one method an operator that our models need."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OPSET", "OPSET_TREES", "Graph"]

OPSET = 21
OPSET_TREES = 3
"""Versions that onnxruntime reads on Python and on Node alike."""


class Graph:
    """Collects nodes and weights; tensors are referred to by name.

    Parameters
    ----------
    width : int
        Numbers in one encoded row.

    Examples
    --------
    >>> graph = Graph(2)
    >>> doubled = graph.node("Add", [graph.input, graph.input])
    >>> graph.model(graph.node("ReduceSum", [doubled, graph.integers([1])])).ir_version
    10
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.input = INPUT_NAME
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def node(
        self, operator: str, inputs: list[str], *, domain: str = "", **attributes: Any
    ) -> str:
        """Append an operator and return the name of its output."""
        from onnx import helper

        output = f"t{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operator, inputs, [output], domain=domain, **attributes)
        )
        return output

    def append(self, node: Any, inputs: list[str]) -> str:
        """Append a finished node with other inputs and return its output's name."""
        output = f"t{len(self._nodes)}"
        del node.input[:]
        del node.output[:]
        node.input.extend(inputs)
        node.output.append(output)
        node.name = output
        self._nodes.append(node)
        return output

    def doubles(self, values: Any) -> str:
        """Store 64-bit weights."""
        return self._store(np.asarray(values, dtype=np.float64))

    def floats(self, values: Any) -> str:
        """Store 32-bit weights."""
        return self._store(np.asarray(values, dtype=np.float32))

    def integers(self, values: Any) -> str:
        """Store integers: axes and positions."""
        return self._store(np.asarray(values, dtype=np.int64))

    def columns(self, tensor: str, positions: list[int]) -> str:
        """Take columns of a tensor by position."""
        return self.node("Gather", [tensor, self.integers(positions)], axis=1)

    def to_double(self, tensor: str) -> str:
        """Cast to 64 bits."""
        from onnx import TensorProto

        return self.node("Cast", [tensor], to=TensorProto.DOUBLE)

    def to_single(self, tensor: str) -> str:
        """Cast to 32 bits."""
        from onnx import TensorProto

        return self.node("Cast", [tensor], to=TensorProto.FLOAT)

    def model(self, output: str) -> "ModelProto":
        """Finish the graph: `output`, shape (n, 1), becomes the log cost in 32 bits."""
        from onnx import TensorProto, checker, helper

        last = self.node("Cast", [output], to=TensorProto.FLOAT)
        self._nodes.append(helper.make_node("Identity", [last], [OUTPUT_NAME]))
        rows = [None, self.width]
        graph = helper.make_graph(
            self._nodes,
            "cost",
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, rows)],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [None, 1])],
            self._weights,
        )
        made = helper.make_model(
            graph,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid("ai.onnx.ml", OPSET_TREES),
            ],
            ir_version=10,
        )
        checker.check_model(made)
        return made

    def _store(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name
