"""Trees as one node of a graph, in 32 bits."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.export.graph import OPSET, OPSET_TREES, Graph
from toolkit.models.members import round_down

__all__ = ["boosted_node", "forest_node"]


def forest_node(graph: Graph, rows: str, trees: Sequence[Any], scale: float) -> str:
    """Append trees of scikit-learn whose leaves are added, each times a scale.

    They are written node by node. A threshold is rounded *down* to 32 bits, so that
    `x <= threshold` has the same answer for every 32-bit x.

    Parameters
    ----------
    graph : Graph
    rows : str
        32 bits, shape (n, columns).
    trees : sequence of fitted trees
    scale : float

    Returns
    -------
    str
        Name of the sum, 64 bits, shape (n, 1).
    """
    made = graph.node(
        "TreeEnsembleRegressor",
        [rows],
        domain="ai.onnx.ml",
        **_tree_arrays([each.tree_ for each in trees], scale),
    )
    return graph.to_double(made)


def boosted_node(graph: Graph, rows: str, trees: Any, width: int) -> str:
    """Append histogram-boosted trees, converted by skl2onnx.

    Parameters
    ----------
    graph : Graph
    rows : str
        32 bits, shape (n, width).
    trees : HistGradientBoostingRegressor
        Fitted, its thresholds 32-bit numbers.
    width : int

    Returns
    -------
    str
        Name of the sum, 64 bits, shape (n, 1).
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        # skl2onnx 1.20 hands numpy booleans to protobuf, which numpy deprecates; as an
        # error that warning surfaces as "Value out of range".
        warnings.simplefilter("ignore", DeprecationWarning)
        made = convert_sklearn(
            trees,
            initial_types=[("X", FloatTensorType([None, width]))],
            target_opset={"": OPSET, "ai.onnx.ml": OPSET_TREES},
        )
    (node,) = (n for n in made.graph.node if n.op_type == "TreeEnsembleRegressor")
    return graph.to_double(graph.append(node, [rows]))


def _tree_arrays(trees: Sequence[Any], scale: float) -> dict[str, Any]:
    """Lay out every node of the trees as the operator wants it."""
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
        "nodes_values": round_down(np.where(leaf, 0.0, threshold)).tolist(),
        "nodes_hitrates": [1.0] * len(ids),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "nodes_missing_value_tracks_true": [0] * len(ids),
        "target_treeids": owners[leaves].tolist(),
        "target_nodeids": ids[leaves].tolist(),
        "target_ids": [0] * len(leaves),
        "target_weights": (value[leaves] * scale).astype(np.float32).tolist(),
    }
