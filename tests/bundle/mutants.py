"""Bundles damaged by the thousand, as accidents damage them and as people would.

An accident changes bytes. A person knows the format: values of the manifest, nodes and
tensors of the graph and the golden rows are changed in their own terms, and the hashes
and the seal are computed again.
"""

import json
import random
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.checker import ValidationError

from toolkit.bundle import make_seal

__all__ = ["Files", "Mutant", "mutants"]

NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 0.5, 3.7, -5, 21, 1e-9, 1e6, 1e19, -1e9, 1e308, 1e309, 2**53, 2**63),
    *(2**64, -(2**63), 9**400, float("nan"), float("inf"), float("-inf")),
]
OTHERS: list[Any] = [
    *(None, True, False, "", "x", "-", "0", "\x1b]0;t\x07", "\n# heading", "\ud800"),
    *("../../etc/passwd", "x" * 10_000, "NaN", "2026-01-01T00:00:00+00:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *([], {}, [[]], [1, 2], {"a": 1}, [None] * 300, [[0.0, 0]] * 9, {"": {}}),
]
INTS = [0, 1, -1, 2, 3, 7, 64, 255, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63), 2**63 - 1]
NODES = [
    *("Add", "Mul", "MatMul", "Concat", "Expand", "Tile", "Loop", "ConstantOfShape"),
    *("Reshape", "Gather", "Cast", "ReduceSum", "Softmax", "Pow", "Exp", "Where"),
    *("Transpose", "Unsqueeze", "RandomNormal", "Range", "TreeEnsembleRegressor"),
]

Files = dict[str, bytes]


class Mutant:
    """One damaged bundle.

    Attributes
    ----------
    files : dict of str to bytes
        Contents by name.
    how : str
        What was done to it.
    sealed : bool
        Its hashes and seal were made good.
    """

    def __init__(self, files: Files, how: str, *, sealed: bool) -> None:
        self.files = files
        self.how = how
        self.sealed = sealed

    def only_seal_differs(self, good: Files) -> bool:
        """Check that an accident met blanks of the seal, or nothing."""
        return {**self.files, "seal.json": b""} == {**good, "seal.json": b""}


def mutants(good: Files, seed: int) -> Iterator[Mutant]:
    """Damage a bundle again and again; every second one has its hashes made good."""
    rng = random.Random(seed)
    names = sorted(name for name in good if name != "seal.json")
    number = 0
    while True:
        files = dict(good)
        if number % 2 == 0:
            name = rng.choice(sorted(good))
            files[name] = _bytes(rng, files[name])
            how = f"{name}: bytes"
        else:
            how = ""
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                name = rng.choice([*names, "manifest.json", "model.onnx"])
                files[name] = WAYS.get(name, _bytes)(rng, files[name])
                how += f"{name} "
            _seal(files)
        yield Mutant(files, f"{seed}/{number} {how}", sealed=number % 2 == 1)
        number += 1


def _seal(files: Files) -> None:
    """Compute hashes and seal again, where the manifest is one still."""
    try:
        manifest = json.loads(files["manifest.json"])
        for name in list(manifest["files"]):
            if name in files:
                manifest["files"][name] = sha256(files[name]).hexdigest()
        files["manifest.json"] = json.dumps(manifest).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    files["seal.json"] = make_seal(files["manifest.json"], None)


def _bytes(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        place = rng.randrange(len(changed) + 1)
        way = rng.randrange(5)
        if way == 0 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif way == 1 and place < len(changed):
            changed[place] = rng.randrange(256)
        elif way == 2:
            del changed[place : place + rng.randrange(1, 40)]
        elif way == 3:
            changed[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            start = rng.randrange(len(changed) + 1)
            changed[place:place] = changed[start : start + rng.randrange(1, 200)]
    return bytes(changed)


def _json(rng: random.Random, data: bytes) -> bytes:
    """Change one to three values of a document, anywhere in it."""
    try:
        document = json.loads(data)
    except ValueError:
        return data
    for _ in range(rng.choice([1, 1, 2, 3])):
        holders = list(_holders(document))
        if not holders:
            break
        holder = rng.choice(holders)
        place = rng.choice(
            list(holder) if isinstance(holder, dict) else range(len(holder))
        )
        way = rng.random()
        if way < 0.1:
            del holder[place]
        elif way < 0.15 and isinstance(holder, list):
            holder.insert(place, holder[place])
        elif way < 0.2 and isinstance(holder, dict):
            holder[rng.choice(["x", "", "\x1b", str(place) + "x"])] = holder[place]
        elif way < 0.3 and isinstance(holder[place], (int, float)):
            holder[place] = -holder[place] * rng.choice([1, 1000, 10**30])
        else:
            holder[place] = rng.choice(NUMBERS if rng.random() < 0.7 else OTHERS)
    return json.dumps(document).encode()


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value[:200]:
            yield from _holders(each)


def _graph(rng: random.Random, data: bytes) -> bytes:
    """Change nodes, attributes, tensors and ends of a graph."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # noqa: BLE001 - whatever protobuf raises: the bytes stay damaged
        return data
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        try:
            rng.choice(GRAPH_WAYS)(rng, model)
        except (ArithmeticError, LookupError, TypeError, ValueError, ValidationError):
            continue
    return bytes(model.SerializeToString())


def _node_type(rng: random.Random, model: onnx.ModelProto) -> None:
    rng.choice(model.graph.node).op_type = rng.choice(NODES)


def _node_wires(rng: random.Random, model: onnx.ModelProto) -> None:
    node = rng.choice(model.graph.node)
    names = [n.output[0] for n in model.graph.node if n.output]
    names += [t.name for t in model.graph.initializer] + ["features", "", "log_cost"]
    ends = rng.choice([node.input, node.output])
    if rng.random() < 0.3:
        ends.append(rng.choice(names))
    elif ends:
        ends[rng.randrange(len(ends))] = rng.choice(names)


def _node_order(rng: random.Random, model: onnx.ModelProto) -> None:
    nodes = model.graph.node
    first, second = rng.randrange(len(nodes)), rng.randrange(len(nodes))
    kept = onnx.NodeProto()
    kept.CopyFrom(nodes[first])
    nodes[first].CopyFrom(nodes[second])
    if rng.random() < 0.5:
        nodes[second].CopyFrom(kept)


def _attribute(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change a number of an attribute: trees are made of these."""
    held = [a for node in model.graph.node for a in node.attribute]
    attribute = rng.choice(held)
    if attribute.ints:
        place = rng.randrange(len(attribute.ints))
        near = attribute.ints[place] + rng.choice([-2, -1, 1, 2])
        attribute.ints[place] = rng.choice([near, near, rng.choice(INTS)])
        if rng.random() < 0.05:
            del attribute.ints[place]
    elif attribute.floats:
        place = rng.randrange(len(attribute.floats))
        attribute.floats[place] = rng.choice([0.0, -1e38, 1e38, float("nan"), 1e300])
    elif attribute.strings:
        place = rng.randrange(len(attribute.strings))
        attribute.strings[place] = rng.choice([b"LEAF", b"BRANCH_LT", b"BRANCH_LEQ"])
    elif rng.random() < 0.3:
        attribute.name = rng.choice(["axis", "to", "perm", "body", "keepdims"])
    else:
        attribute.i = rng.choice(INTS)


def _tensor(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = rng.choice(model.graph.initializer)
    way = rng.randrange(5)
    if way == 0:
        values = numpy_helper.to_array(tensor).copy().reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            values[rng.randrange(len(values))] = rng.choice([0, -1, 1e9, 1e300, -3])
        tensor.raw_data = values.tobytes()
    elif way == 1 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(INTS)
    elif way == 2:
        tensor.dims.append(rng.choice([1, 2, 2**40]))
    elif way == 3:
        tensor.data_type = rng.randrange(25)
    else:
        tensor.data_location = onnx.TensorProto.EXTERNAL


def _ends(rng: random.Random, model: onnx.ModelProto) -> None:
    value = rng.choice([*model.graph.input, *model.graph.output])
    kind = value.type.tensor_type
    way = rng.randrange(3)
    if way == 0:
        value.name = rng.choice(["features", "log_cost", "t0", "w0"])
    elif way == 1:
        kind.elem_type = rng.randrange(20)
    else:
        rng.choice(kind.shape.dim).dim_value = rng.choice(INTS)


def _versions(rng: random.Random, model: onnx.ModelProto) -> None:
    rng.choice(model.opset_import).version = rng.choice(INTS)


GRAPH_WAYS: list[Callable[[random.Random, onnx.ModelProto], None]] = [
    *(_node_type, _node_wires, _node_wires, _node_order, _ends, _versions),
    *([_attribute] * 6),
    *([_tensor] * 4),
]
WAYS = {"manifest.json": _json, "golden.json": _json, "model.onnx": _graph}
