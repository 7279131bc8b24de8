"""Bundles damaged by the thousand, as accidents damage them and as people would.

An accident changes bytes. A person knows the format: values of the manifest, nodes and
tensors of the graph and the golden rows are changed in their own terms, parts are taken
from other bundles, and the hashes and the seal are computed again.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.checker import ValidationError

from toolkit.bundle import GOLDEN_NAME, MANIFEST_NAME, MODEL_NAME, SEAL_NAME, make_seal
from toolkit.bundle.graph_wire import wire_problem

__all__ = ["SMALL", "Files", "Mutant", "Specimen", "wrapped"]

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
LARGEST_BYTES = 15 << 20
"""What a graph is made to hold at most: one byte over 16 MB and it is not even read."""
WALKED_BYTES = 1 << 20
"""A larger graph of too many fields is changed no further: to parse its small parts
takes gigabytes, which the trials would count, and no reader parses it."""
INTS = [0, 1, -1, 2, 3, 7, 64, 255, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63), 2**63 - 1]
NODES = [
    *("Add", "Mul", "MatMul", "Concat", "Expand", "Tile", "Loop", "ConstantOfShape"),
    *("Reshape", "Gather", "Cast", "ReduceSum", "Softmax", "Pow", "Exp", "Where"),
    *("Transpose", "Unsqueeze", "RandomNormal", "Range", "TreeEnsembleRegressor"),
]
TEXTS = [
    *(b"[" * 5_000, b'{"a":' * 2_000, b"9" * 10_000, b"\xef\xbb\xbf{}", b"", b"null"),
    *(b'"\\ud800"', b'{"a": 1, "a": 2}', b"NaN", b"-0", b"[1e999999]", b"{}\x00"),
]
"""Documents that parsers stumble over."""
ENCODINGS = ["utf-16", "utf-32", "utf-8-sig"]

Files = Mapping[str, bytes | None]
"""Contents by name; `None` is a file that is not there."""


class Mutant:
    """One damaged bundle.

    Attributes
    ----------
    changed : dict of str to bytes or None
        The files that differ, by name.
    how : str
        What was done to it.
    sealed : bool
        Its hashes and seal were made good.
    """

    def __init__(self, changed: Files, how: str, *, sealed: bool) -> None:
        self.changed = changed
        self.how = how
        self.sealed = sealed


class Specimen:
    """A good bundle that is damaged again and again.

    Parameters
    ----------
    name : str
        For messages.
    files : dict of str to bytes
        Contents by name.
    donors : sequence of dict of str to bytes
        Bundles from which parts are taken.
    """

    def __init__(
        self,
        name: str,
        files: Mapping[str, bytes],
        donors: Sequence[Mapping[str, bytes]],
    ) -> None:
        self.name = name
        self.files = files
        self._donors = donors
        self._digests = {n: sha256(c).hexdigest() for n, c in files.items()}
        self._hashed = sorted(n for n in files if n not in (MANIFEST_NAME, SEAL_NAME))

    def mutants(self, seed: int) -> Iterator[Mutant]:
        """Damage it without end; every second time its hashes are made good."""
        rng = random.Random(f"{self.name}/{seed}")  # the hash of a text is its own
        number = 0
        while True:
            sealed = number % 2 == 1
            changed, how = self._by_a_person(rng) if sealed else self._by_accident(rng)
            name = f"{self.name} {seed}/{number} {how}"
            yield Mutant(changed, name, sealed=sealed)
            number += 1

    def _by_accident(self, rng: random.Random) -> tuple[Files, str]:
        name = rng.choice(sorted(self.files))
        return {name: _bytes(rng, self.files[name])}, f"{name}: bytes"

    def _by_a_person(self, rng: random.Random) -> tuple[Files, str]:
        changed: dict[str, bytes | None] = {}
        how = []
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            name = rng.choice([*self._hashed, *[MANIFEST_NAME, MODEL_NAME] * 3])
            way = rng.choice(WAYS.get(name, PLAIN))
            content = changed.get(name, self.files[name])
            donor = rng.choice(self._donors)
            changed[name] = way(rng, content or b"", donor.get(name, b""))
            how.append(f"{name}: {way.__name__.strip('_')}")
        if rng.random() < 0.01:
            changed[rng.choice(self._hashed)] = None
            how.append("one gone")
        return self._sealed(changed), ", ".join(how)

    def _sealed(self, changed: dict[str, bytes | None]) -> Files:
        """Put new hashes in the place of the old ones, and seal."""
        manifest = changed.get(MANIFEST_NAME, self.files[MANIFEST_NAME]) or b""
        for name, content in changed.items():
            if name in self._hashed and content is not None:
                old, new = self._digests[name], sha256(content).hexdigest()
                manifest = manifest.replace(old.encode(), new.encode())
        return {
            **changed,
            MANIFEST_NAME: manifest,
            SEAL_NAME: make_seal(manifest, None),
        }


def _bytes(rng: random.Random, data: bytes, _donor: bytes = b"") -> bytes:
    """Flip, replace, cut, insert, repeat and truncate."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        place = rng.randrange(len(changed) + 1)
        way = rng.randrange(6)
        if way == 0 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif way == 1 and place < len(changed):
            changed[place] = rng.randrange(256)
        elif way == 2:
            del changed[place : place + rng.randrange(1, 40)]
        elif way == 3:
            changed[place:place] = rng.randbytes(rng.randrange(1, 9))
        elif way == 4 and rng.random() < 0.3:
            del changed[place:]
        else:
            start = rng.randrange(len(changed) + 1)
            changed[place:place] = changed[start : start + rng.randrange(1, 200)]
    return bytes(changed)


def _text(rng: random.Random, data: bytes, _donor: bytes) -> bytes:
    """Put a text in a document, or it in another form, that parsers stumble over."""
    if rng.random() < 0.2:
        text = data.decode("utf-8", "replace")
        return text.encode(rng.choice(ENCODINGS), "replace")
    colons = [place for place, byte in enumerate(data) if byte in b":["]
    if not colons or rng.random() < 0.2:
        return rng.choice(TEXTS)
    place = rng.choice(colons) + 1
    end = data.find(b",", place)
    return data[:place] + rng.choice(TEXTS) + data[end:]


def _values(rng: random.Random, data: bytes, _donor: bytes) -> bytes:
    """Change one to three values of a document, anywhere in it."""

    def change(holder: Any, place: Any) -> None:
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

    return _edited(rng, data, change)


def _meaning(rng: random.Random, data: bytes, _donor: bytes) -> bytes:
    """Change values to others of their kind, as one would who wants them believed."""

    def change(holder: Any, place: Any) -> None:
        value = holder[place]
        if isinstance(value, bool):
            holder[place] = not value
        elif isinstance(value, int):
            holder[place] = max(
                0, value + rng.choice([-1, 1, 1, 2, -value, 10, 10_000])
            )
        elif isinstance(value, float):
            holder[place] = rng.choice(
                [0.0, 1.0, -value, value * 2, value + 1e-3, 20.0]
            )
        elif isinstance(value, list) and value:
            way = rng.randrange(4)
            if way == 0:
                value.reverse()
            elif way == 1:
                del value[len(value) // 2 :]
            elif way == 2:
                value.append(value[-1])
            else:
                value.sort(key=str)
        elif isinstance(value, dict) and len(value) > 1:
            first, second = rng.sample(sorted(value), 2)
            value[first], value[second] = value[second], value[first]
        elif isinstance(value, str):
            others = [v for v in _leaves(holder) if isinstance(v, str)]
            holder[place] = rng.choice([*others, *WORDS])

    return _edited(rng, data, change)


WORDS = [
    *("batch_size", "agent_count", "table", "size", "agents", "number", "category"),
    *("batch_size_rule", "agent_count_rule", "table_rule", "constant", "learned"),
    *("tuned rule", "best constant", "rule", "log2", "fileOperations", "load_cpu"),
]


def _section(rng: random.Random, data: bytes, donor: bytes) -> bytes:
    """Take a section of the document from another bundle."""
    try:
        ours, theirs = json.loads(data), json.loads(donor)
        for name in rng.sample(sorted(theirs), rng.choice([1, 1, 2, 5])):
            if name != "files":
                ours[name] = theirs[name]
    except (ValueError, TypeError, RecursionError):
        return donor
    return json.dumps(ours).encode()


def _other(_rng: random.Random, data: bytes, donor: bytes) -> bytes:
    """Take the whole file from another bundle."""
    return donor or data


def _edited(
    rng: random.Random, data: bytes, change: Callable[[Any, Any], None]
) -> bytes:
    """Apply a change at one to three places of a document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    for _ in range(rng.choice([1, 1, 2, 3])):
        if (found := _place(rng, document)) is not None:
            change(*found)
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):  # a part may have been put into itself
        return data


def _place(rng: random.Random, document: Any) -> tuple[Any, Any] | None:
    """Walk down from the top: each section is as likely as any other."""
    found = None
    value = document
    while isinstance(value, (dict, list)) and value:
        place = rng.choice(
            list(value) if isinstance(value, dict) else range(len(value))
        )
        found = value, place
        if rng.random() < 0.15:
            break
        value = value[place]
    return found


def _leaves(holder: Any) -> list[Any]:
    return list(holder.values()) if isinstance(holder, dict) else list(holder)


def _graph(rng: random.Random, data: bytes, _donor: bytes) -> bytes:
    """Change nodes, attributes, tensors and ends of a graph."""
    if len(data) > WALKED_BYTES and wire_problem(data):
        return data
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


def _new_node(rng: random.Random, model: onnx.ModelProto) -> None:
    """Put a node between two that are wired: growing ones, again and again."""
    place = rng.randrange(len(model.graph.node))
    node = model.graph.node[place]
    wire = rng.randrange(len(node.input))
    last = node.input[wire]
    kind = rng.choice(["Concat", "Mul", "Exp", "Sum", "Identity", "MatMul", "Gather"])
    for number in range(rng.choice([1, 1, 4, 30])):
        made = onnx.NodeProto(op_type=kind, output=[f"new{place}-{number}"])
        made.input.extend([last] * rng.choice([1, 2, 2, 64]))
        if kind == "Concat":
            made.attribute.add(name="axis", type=2, i=rng.choice([0, 1, 1, -1, 2]))
        model.graph.node.insert(place, made)
        place, last = place + 1, made.output[0]
    model.graph.node[place].input[wire] = last


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


def _tree_links(rng: random.Random, model: onnx.ModelProto) -> None:
    """Point a child elsewhere in its tree, back to the root included."""
    tables = [
        attribute
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.name in ("nodes_truenodeids", "nodes_falsenodeids")
    ]
    table = rng.choice(tables)
    inner = [place for place, child in enumerate(table.ints) if child]
    place = rng.choice(inner)
    child = table.ints[place]
    table.ints[place] = rng.choice([0, 0, child - 1, child + 1, rng.choice(table.ints)])


def _tensor(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = rng.choice(model.graph.initializer)
    way = rng.randrange(6)
    if way in (0, 1):
        values = numpy_helper.to_array(tensor).copy().reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            near = values[0] * rng.choice([1 + 1e-9, 1.5, -1])
            values[rng.randrange(len(values))] = rng.choice([0, -1, 1e9, 1e300, near])
        tensor.raw_data = values.tobytes()
    elif way == 2 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(INTS)
    elif way == 3:
        tensor.dims.append(rng.choice([1, 2, 2**40]))
    elif way == 4:
        tensor.data_type = rng.randrange(25)
    else:
        tensor.data_location = onnx.TensorProto.EXTERNAL


def _large_tensor(rng: random.Random, model: onnx.ModelProto) -> None:
    """Make a stored tensor wider or longer, its size agreeing with its shape."""
    tensor = rng.choice(model.graph.initializer)
    values = numpy_helper.to_array(tensor)
    axis = rng.randrange(values.ndim)
    times = rng.choice([2, 7, 1 + _size(rng) // max(1, values.nbytes)])
    larger = np.repeat(values, times, axis=axis)
    tensor.CopyFrom(numpy_helper.from_array(larger, tensor.name))


def _size(rng: random.Random) -> int:
    """Draw a number of bytes: one in twenty times, that of the largest file."""
    if rng.random() < 0.05:
        return LARGEST_BYTES
    return rng.choice([100, 10_000, 300_000])


def _grown(rng: random.Random, model: onnx.ModelProto) -> None:
    """Compute with a stored tensor that was made large, again and again."""
    graph = model.graph
    tensor = rng.choice(graph.initializer)
    values = numpy_helper.to_array(tensor).reshape(-1)[:1]
    large = np.repeat(values, _size(rng) // values.itemsize)
    stored = numpy_helper.from_array(large, "large")
    graph.initializer.append(stored)
    last = "large"
    for number in range(rng.choice([1, 2, 8, 60])):
        kind = rng.choice(["Add", "Identity", "Cast", "Concat"])
        made = onnx.NodeProto(op_type=kind, input=[last], output=[f"grown{number}"])
        if kind in ("Add", "Concat"):
            made.input.append(last)
        if kind in ("Cast", "Concat"):
            name, value = ("to", 11) if kind == "Cast" else ("axis", 0)
            made.attribute.add(name=name, type=2, i=value)
        graph.node.insert(number, made)
        last = made.output[0]


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


def _rest(rng: random.Random, model: onnx.ModelProto) -> None:
    """Touch the parts of a model that bundles do not use."""
    way = rng.randrange(6)
    if way == 0:
        rng.choice(model.opset_import).version = rng.choice(INTS)
    elif way == 1:
        model.opset_import.add(domain=rng.choice(["", "x", "ai.onnx"]), version=21)
    elif way == 2:
        model.ir_version = rng.choice(INTS)
    elif way == 3:
        model.functions.add(name="f", domain="x")
    elif way == 4:
        model.graph.node[0].attribute.add(name="body", type=5).g.name = "inner"
    else:
        model.graph.sparse_initializer.add()


GRAPH, NODE, ATTRIBUTE = b"\x3a", b"\x0a", b"\x2a"
"""Tags of a model's graph, a graph's node and a node's attribute."""
SMALL: list[tuple[tuple[bytes, ...], bytes]] = [
    ((GRAPH,), b"\x0a\x00"),  # nodes
    ((GRAPH,), b"\x2a\x00"),  # stored tensors
    ((GRAPH,), b"\x6a\x00"),  # descriptions of values
    ((GRAPH,), b"\x72\x00"),  # quantisation
    ((GRAPH,), b"\x82\x01\x00"),  # notes
    ((), b"\x42\x00"),  # versions of operators
    ((), b"\xca\x01\x00"),  # functions
    ((GRAPH, NODE), b"\x0a\x00"),  # inputs
    ((GRAPH, NODE), b"\x2a\x00"),  # attributes
    *(
        ((GRAPH, NODE, ATTRIBUTE), part)
        for part in (
            *(b"\x40\x00", b"\x3d\x00\x00\x80\x3f"),  # whole numbers, fractions
            *(b"\x4a\x00", b"\x4a\x04LEAF"),  # texts
            *(b"\x52\x00", b"\x5a\x00"),  # tensors, graphs
        )
    ),
]
"""Parts of two bytes or so that take a hundred in memory, and what they lie in."""


def _many(rng: random.Random, data: bytes, _donor: bytes) -> bytes:
    """Append small parts to a graph: who parses it joins them to what it holds."""
    around, part = rng.choice(SMALL)
    size = _size(rng)
    return data + wrapped(part * (size // len(part)), around)


def wrapped(part: bytes, around: tuple[bytes, ...]) -> bytes:
    """Put bytes into messages of some tags, the innermost last."""
    for tag in reversed(around):
        part = tag + _varint(len(part)) + part
    return part


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


GRAPH_WAYS: list[Callable[[random.Random, onnx.ModelProto], None]] = [
    *(_node_type, _node_wires, _node_wires, _node_order, _new_node, _ends, _rest),
    *([_attribute] * 5),
    *([_tensor] * 5),
    *(_large_tensor, _grown, *[_tree_links] * 5),
]

Way = Callable[[random.Random, bytes, bytes], bytes]
PLAIN: list[Way] = [_bytes, _bytes, _other]
DOCUMENT: list[Way] = [_values, _values, _meaning, _meaning, _text, _bytes, _other]
WAYS: dict[str, list[Way]] = {
    MANIFEST_NAME: [*[_values] * 4, *[_meaning] * 5, _section, _section, _text, _other],
    GOLDEN_NAME: DOCUMENT,
    "advice.json": DOCUMENT,
    MODEL_NAME: [*[_graph] * 9, _many, _bytes, _other],
}
