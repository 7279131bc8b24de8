"""Proof that a stored tree ensemble is a forest: each walk ends, in few steps.

onnxruntime follows the child ids as they are written, so that a child which points back
to an ancestor would be walked for ever. Here every node is counted, its children come
after it in its own tree, every node but the first has one parent, and no tree is deep.
"""

from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Ints

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["MAX_TREE_NODES", "forest_problem"]

MAX_TREE_NODES = 1 << 18
"""Most nodes of all trees of a graph: onnxruntime takes half a kilobyte for each."""
MAX_DEPTH = 256
"""onnxruntime builds trees recursively: deeper ones could exhaust its stack."""

MODES = (b"BRANCH_LEQ", b"LEAF")
FIXED = {"aggregate_function": (b"SUM", b"AVERAGE"), "post_transform": (b"NONE",)}


def forest_problem(node: "NodeProto", *, width: int) -> str | None:
    """Say what is wrong with a `TreeEnsembleRegressor`, or `None`.

    Parameters
    ----------
    node : onnx.NodeProto
        Its attributes are of the declared types.
    width : int
        Numbers in one row of its input.
    """
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, known in FIXED.items():
        if name in given and given[name].s not in known:
            return f"`{name}` is not one of {b', '.join(known).decode()}"
    if "n_targets" not in given or given["n_targets"].i != 1:
        return "has not one target"
    ints = {n: np.asarray(a.ints, dtype=np.int64) for n, a in given.items() if a.ints}
    floats = {n: np.asarray(a.floats) for n, a in given.items() if a.floats}
    problem = _nodes(given, ints, floats, width)
    return problem or _targets(given["nodes_modes"].strings, ints, floats)


def _nodes(
    given: Mapping[str, Any],
    ints: Mapping[str, Ints],
    floats: Mapping[str, NDArray[np.float64]],
    width: int,
) -> str | None:
    names = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
    if any(f"nodes_{name}" not in ints for name in names):
        return "lacks a table of nodes"
    trees, ids, features, true, false = (ints[f"nodes_{name}"] for name in names)
    size = len(trees)
    modes = list(given["nodes_modes"].strings) if "nodes_modes" in given else []
    columns: list[Sized] = [ids, features, true, false, modes]
    columns.append(floats.get("nodes_values", ()))
    columns += [
        floats.get(name, ints.get(name, ()))
        for name in ("nodes_hitrates", "nodes_missing_value_tracks_true")
        if name in given
    ]
    if ((trees < 0) | (trees > MAX_TREE_NODES)).any():
        return "a tree has an id out of bounds"
    if size > MAX_TREE_NODES or any(len(column) != size for column in columns):
        return f"tables of nodes differ in length, or hold over {MAX_TREE_NODES} nodes"
    if not set(modes) <= set(MODES):
        return "a node is neither a leaf nor a comparison by <="
    leaf = np.array([mode == b"LEAF" for mode in modes])
    if ((features < 0) | (features >= width))[~leaf].any():
        return "a node reads a column that is not there"
    if np.isnan(floats["nodes_values"]).any():
        return "a threshold is not a number"
    return _shape(trees, ids, true, false, leaf)


def _shape(
    trees: Ints, ids: Ints, true: Ints, false: Ints, leaf: NDArray[np.bool_]
) -> str | None:
    """Check that the nodes of each tree are numbered from 0, parents before children."""
    place = np.arange(len(trees))
    begins = np.flatnonzero(np.diff(trees, prepend=trees[0] - 1))
    if len(np.unique(trees[begins])) != len(begins):
        return "the nodes of a tree do not stand together"
    first = np.repeat(begins, np.diff(np.append(begins, len(trees))))
    if (ids != place - first).any():
        return "the nodes of a tree are not numbered from 0 in order"
    sizes = np.diff(np.append(begins, len(trees)))
    end = np.repeat(sizes, sizes)
    inner = ~leaf
    for child in (true, false):
        if ((child <= ids) | (child >= end))[inner].any():
            return "a child does not come after its parent in the same tree"
    children = np.concatenate([(first + true)[inner], (first + false)[inner]])
    parents = np.bincount(children, minlength=len(trees))
    parents[begins] += 1
    if (parents != 1).any():
        return "a node has no parent, or two"
    return _depth(first, true, false, leaf, begins)


def _depth(
    first: Ints, true: Ints, false: Ints, leaf: NDArray[np.bool_], begins: Ints
) -> str | None:
    level = begins
    for _ in range(MAX_DEPTH):
        level = level[~leaf[level]]
        if not len(level):
            return None
        level = np.concatenate(
            [first[level] + true[level], first[level] + false[level]]
        )
    return f"a tree is deeper than {MAX_DEPTH}"


def _targets(
    modes: Any, ints: Mapping[str, Ints], floats: Mapping[str, NDArray[np.float64]]
) -> str | None:
    """Check that each leaf has one target, and nothing else has any."""
    trees, ids = ints.get("target_treeids"), ints.get("target_nodeids")
    weights, targets = floats.get("target_weights"), ints.get("target_ids")
    if trees is None or ids is None or weights is None or targets is None:
        return "lacks a table of targets"
    if not len(trees) == len(ids) == len(weights) == len(targets):
        return "tables of targets differ in length"
    leaf = np.array([mode == b"LEAF" for mode in modes])
    leaves = _keys(ints["nodes_treeids"][leaf], ints["nodes_nodeids"][leaf])
    if (targets != 0).any() or not np.array_equal(leaves, _keys(trees, ids)):
        return "the targets are not one for each leaf"
    base = floats.get("base_values", np.zeros(1))
    if len(base) != 1 or not np.isfinite([*base, *weights]).all():
        return "a weight is no finite number"
    return None


def _keys(trees: Ints, ids: Ints) -> Ints:
    return np.sort(trees * MAX_TREE_NODES + ids)
