"""The form of a stored graph: which fields of ONNX may be there, and in which bytes.

ONNX has many ways to write one graph, and readers differ in what they make of the odd
ones. A bundle's graph has one form: the fields below and no other, in the bytes that a
serialiser writes (fields ascending, shortest numbers). What two readers could take for two
graphs is refused before either runs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["bytes_problem", "form_problem"]

FIELDS: dict[str, tuple[str, ...]] = {
    "ModelProto": (
        *("ir_version", "producer_name", "producer_version"),
        *("graph", "opset_import"),
    ),
    "OperatorSetIdProto": ("domain", "version"),
    "GraphProto": ("node", "name", "initializer", "input", "output"),
    "NodeProto": ("input", "output", "name", "op_type", "domain", "attribute"),
    "AttributeProto": ("name", "type", "f", "i", "s", "floats", "ints", "strings"),
    "TensorProto": ("dims", "data_type", "name", "raw_data"),
    "ValueInfoProto": ("name", "type"),
    "TypeProto": ("tensor_type",),
    "Tensor": ("elem_type", "shape"),
    "TensorShapeProto": ("dim",),
    "Dimension": ("dim_value",),
}
"""Fields that a message may have, by the message's name."""

HELD = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}
"""Where an attribute of a type holds its value."""


def bytes_problem(content: bytes, model: "ModelProto") -> str | None:
    """Say that bytes are not those in which a serialiser writes this model, or `None`."""
    if model.SerializeToString(deterministic=True) == content:
        return None
    return "its graph is not in the one form of its bytes; export the model again"


def form_problem(message: Any) -> str | None:
    """Say which field of a message, or of what it holds, may not be there, or `None`."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    kind = message.DESCRIPTOR.name
    if len(UnknownFieldSet(message)):
        return f"its graph has a field of {kind} that is not known"
    for field, value in message.ListFields():
        if field.name not in FIELDS[kind]:
            return f"its graph has `{field.name}` of {kind}, which is not allowed"
        if field.message_type is None and field.type != field.TYPE_STRING:
            continue  # numbers and bytes: trees have a million of them
        for each in value if field.is_repeated else [value]:
            if field.type == field.TYPE_STRING and not isinstance(each, str):
                return f"its graph has a `{field.name}` of {kind} that is no text"
            if field.message_type is not None and (problem := form_problem(each)):
                return problem
    return _attribute_problem(message) if kind == "AttributeProto" else None


def _attribute_problem(attribute: Any) -> str | None:
    """Check that an attribute holds a value of its type and no other."""
    held = HELD.get(attribute.type)
    given = {field.name for field, _ in attribute.ListFields()} - {"name", "type"}
    if held is None or not given <= {held} or (held in ("f", "i", "s") and not given):
        return f"its graph has an attribute `{attribute.name[:40]}` of two types"
    return None
