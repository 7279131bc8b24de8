"""A serialised graph is refused for what it would become before it is parsed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.bundle.mutants import SMALL, wrapped
from tests.bundle_factory import small_bundle
from toolkit.bundle import MODEL_NAME
from toolkit.bundle.graph_wire import graph_head, wire_problem


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    bundle = small_bundle(tmp_path_factory.mktemp("bundle") / "b").path
    return (bundle / MODEL_NAME).read_bytes()


def test_a_graph_of_ours_is_let_through(content: bytes) -> None:
    assert wire_problem(content) is None


@pytest.mark.parametrize(("around", "part"), SMALL, ids=str)
def test_parts_without_end_are_refused(
    around: tuple[bytes, ...], part: bytes, content: bytes
) -> None:
    many = wrapped(part * ((13 << 20) // len(part)), around)

    assert wire_problem(content + many) is not None


@pytest.mark.parametrize(
    "field",
    [
        *("functions", "training_info", "metadata_props"),
        *("graph.sparse_initializer", "graph.metadata_props"),
        "graph.quantization_annotation",
    ],
)
def test_what_bundles_do_not_use_is_refused(field: str, content: bytes) -> None:
    model = onnx.load_model_from_string(content)
    holder = model.graph if field.startswith("graph.") else model
    getattr(holder, field.rpartition(".")[2]).add()

    assert "which is not used" in str(wire_problem(model.SerializeToString()))


def test_a_graph_within_an_attribute_is_refused() -> None:
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=body)
    model = helper.make_model(helper.make_graph([node], "g", [], []))

    assert "of `attribute`" in str(wire_problem(model.SerializeToString()))


def test_weights_outside_the_file_are_refused() -> None:
    tensor = numpy_helper.from_array(np.zeros(3), "w")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    model = helper.make_model(helper.make_graph([], "g", [], [], [tensor]))

    assert "field 13 of `tensor`" in str(wire_problem(model.SerializeToString()))


@pytest.mark.parametrize(
    "bad",
    [
        b"\x08",  # a number that is cut off
        b"\x08" + b"\xff" * 12,  # one that does not end
        b"\x3a\x05\x0a",  # a graph that is cut off
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # one of 2^64 bytes
        b"\x38\x01",  # a graph that is a number
        b"\x0b",  # a group, which Protocol Buffers have given up
        b"\x3a\x02\x0a\x7f",  # a node beyond its graph
    ],
)
def test_what_is_no_message_is_refused(bad: bytes) -> None:
    assert wire_problem(bad) is not None


def test_the_head_of_a_graph_names_its_versions_alone(content: bytes) -> None:
    head = onnx.load_model_from_string(graph_head(content))

    assert head.ir_version == 10
    assert {o.domain for o in head.opset_import} >= {""}
    assert not head.graph.node


def test_no_more_fields_are_walked_than_a_bundle_may_hold(content: bytes) -> None:
    many = wrapped(b"\x0a\x01a" * (1 << 18), (b"\x3a", b"\x0a"))

    assert "over 32768 fields" in str(wire_problem(content + many))
