"""Bounds what a serialised graph becomes in memory, before it is parsed.

A message of two bytes becomes an object of a hundred, so that a graph of 16 MB could
take gigabytes. The fields are walked as they lie in the file: only those that a bundle's
graph has, and no more of them than a bundle may hold.
"""

import re
from collections.abc import Iterator, Mapping

__all__ = ["graph_head", "wire_problem"]

MAX_FIELDS = 1 << 15
"""Most fields of all messages together, numbers and texts of attributes apart."""
MAX_ATTRIBUTE_BYTES = 12 << 20
"""Most bytes of all attributes together: a number has one byte or more, and eight in
memory."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of Protocol Buffers (encoding, "Message structure")."""

Kinds = Mapping[int, str | None]
"""Fields of a message by number: what message each holds, `None` for a plain value."""

PLAIN, UNKNOWN = None, ""
MESSAGES: Mapping[str, Kinds] = {
    "model": {
        **dict.fromkeys((1, 2, 3, 4, 5, 6), PLAIN),
        7: "graph",
        8: "opset",
    },
    "opset": {1: PLAIN, 2: PLAIN},
    "graph": {
        **dict.fromkeys((2, 10), PLAIN),
        1: "node",
        5: "tensor",
        11: "value",
        12: "value",
        13: "value",
    },
    "node": {**dict.fromkeys((1, 2, 3, 4, 6, 7, 8), PLAIN), 5: "attribute"},
    "attribute": dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 20, 21), PLAIN),
    "tensor": dict.fromkeys((1, 2, 8, 9, 12, 14), PLAIN),
    "value": {1: PLAIN, 2: "type", 3: PLAIN},
    "type": {1: "tensor type", 6: PLAIN},
    "tensor type": {1: PLAIN, 2: "shape"},
    "shape": {1: "dimension"},
    "dimension": {1: PLAIN, 2: PLAIN, 3: PLAIN},
}
"""What ONNX's messages hold, as far as bundles use it (onnx.proto of ONNX 1.17 and
later); nothing in it can hold itself."""

NUMBERS = re.compile(
    rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++"  # ints
    rb"|(?:\x3d[\x00-\xff]{4})++"  # floats
    rb"|(?:\x4a\x04LEAF|\x4a\x0aBRANCH_LEQ)++"  # kinds of tree nodes
)
"""Runs of the values of an attribute, one field each: trees have a million of them."""


def graph_head(content: bytes) -> bytes:
    """Cut out the fields that say which versions a graph is of, as a serialised model.

    Raises
    ------
    ValueError
        The bytes are no message.
    """
    walk = _Walk(content)
    return b"".join(
        content[begin:end]
        for tag, begin, _, end in walk.fields(0, len(content))
        if tag >> 3 in (1, 8)
    )


def wire_problem(content: bytes) -> str | None:
    """Say why a serialised graph is not parsed, or `None`.

    Parameters
    ----------
    content : bytes
        Of `model.onnx`.

    Examples
    --------
    >>> wire_problem(bytes([8, 10]))  # `ir_version` 10
    >>> wire_problem(bytes([8, 10, 0xA2, 1, 0]))  # 20 is `training_info`
    'its graph has field 20 of `model`, which is not used'
    """
    try:
        return _Walk(content).problem("model", 0, len(content))
    except ValueError as error:
        return f"its graph cannot be read: {error}"


class _Walk:
    """Walks the fields of a message and of those within it, and counts them."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._fields = 0
        self._attribute_bytes = 0

    def problem(self, name: str, begin: int, end: int) -> str | None:
        """Say what is wrong with the message between two places, or `None`."""
        kinds = MESSAGES[name]
        if name == "attribute":
            self._attribute_bytes += end - begin
            if self._attribute_bytes > MAX_ATTRIBUTE_BYTES:
                return f"its attributes hold over {MAX_ATTRIBUTE_BYTES} bytes"
        for tag, _, inside, after in self.fields(begin, end, name=name):
            inner = kinds.get(tag >> 3, UNKNOWN)
            if inner == UNKNOWN or (inner is not PLAIN and tag & 7 != BYTES):
                return f"its graph has field {tag >> 3} of `{name}`, which is not used"
            if inner is not PLAIN and (problem := self.problem(inner, inside, after)):
                return problem
        return None

    def fields(
        self, begin: int, end: int, *, name: str = ""
    ) -> Iterator[tuple[int, int, int, int]]:
        """Give each field's tag, where it begins, where its value does, its end."""
        content, place = self._content, begin
        while place < end:
            if name == "attribute" and (run := NUMBERS.match(content, place, end)):
                place = run.end()
                continue
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise ValueError(f"over {MAX_FIELDS} fields")
            tag, inside = self._varint(place, end)
            after = self._end(tag & 7, inside, end)
            if tag & 7 == BYTES:
                _, inside = self._varint(inside, end)
            yield tag, place, inside, after
            place = after

    def _end(self, kind: int, place: int, end: int) -> int:
        """Find where a value ends that begins at a place."""
        if kind == VARINT:
            after = self._varint(place, end)[1]
        elif kind == BYTES:
            size, place = self._varint(place, end)
            after = place + size
        elif kind in (FIXED32, FIXED64):
            after = place + (4 if kind == FIXED32 else 8)
        else:
            raise ValueError(f"wire type {kind}")
        if after > end:
            raise ValueError("a value leaves its message")
        return after

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while place < end and shift < 70:
            byte = self._content[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
            shift += 7
        raise ValueError("a number is cut off")
