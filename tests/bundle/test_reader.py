"""A bundle is verified before it runs, and refused by the first check that fails."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.bundle_factory import SIZES, small_bundle
from toolkit.bundle import (
    MANIFEST_NAME,
    MODEL_NAME,
    Manifest,
    graph_problem,
    read_bundle,
)
from toolkit.errors import BundleRefusedError
from toolkit.policies import Problem


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("bundle") / "b").path


@pytest.fixture
def bundle_dir(pristine: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "b"
    copy.mkdir()
    for path in pristine.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def rewrite(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / MANIFEST_NAME
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def replace_model(directory: Path, content: bytes) -> None:
    (directory / MODEL_NAME).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(directory, lambda value: value["files"].update({MODEL_NAME: digest}))


def test_a_manifest_survives_its_round_trip(pristine: Path) -> None:
    manifest = Manifest.read(pristine)

    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_cheapest_size_falls_with_the_load(pristine: Path) -> None:
    model = read_bundle(pristine).model

    def best(load: float) -> float:
        problem = Problem.of(
            "size",
            SIZES,
            operation_type="todoWrite",
            load_cpu=load,
            operation_bytes=1e3,
        )
        return SIZES[int(np.argmin(model.predict(problem).log_cost))]

    assert best(0.95) < best(0.05)


@pytest.mark.parametrize("name", ["model.onnx", "golden.json", "MODEL_CARD.md"])
def test_one_altered_byte_in_any_file_is_refused(bundle_dir: Path, name: str) -> None:
    content = bytearray((bundle_dir / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle_dir / name).write_bytes(content)

    with pytest.raises(BundleRefusedError, match=f"{name} was altered"):
        read_bundle(bundle_dir)


@pytest.mark.parametrize("name", ["model.onnx", "golden.json", "manifest.json"])
def test_a_missing_file_is_refused(bundle_dir: Path, name: str) -> None:
    (bundle_dir / name).unlink()

    with pytest.raises(BundleRefusedError, match=name):
        read_bundle(bundle_dir)


def test_a_file_name_that_leaves_the_bundle_is_refused(bundle_dir: Path) -> None:
    rewrite(bundle_dir, lambda value: value["files"].update({"../x": "0" * 64}))

    with pytest.raises(BundleRefusedError, match="leaves it"):
        read_bundle(bundle_dir)


def test_a_symlink_is_refused(bundle_dir: Path) -> None:
    card = bundle_dir / "MODEL_CARD.md"
    card.rename(bundle_dir.parent / "card")
    card.symlink_to(bundle_dir.parent / "card")

    with pytest.raises(BundleRefusedError, match="leaves it"):
        read_bundle(bundle_dir)


def test_another_schema_version_is_refused_with_the_way_out(bundle_dir: Path) -> None:
    rewrite(bundle_dir, lambda value: value.update(schema_version=99))

    with pytest.raises(BundleRefusedError, match="export the model again"):
        read_bundle(bundle_dir)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", "[" * 100_000],
    ids=["empty", "list", "cut", "null", "deep"],
)
def test_a_manifest_that_is_no_object_is_refused(bundle_dir: Path, text: str) -> None:
    (bundle_dir / MANIFEST_NAME).write_text(text)

    with pytest.raises(BundleRefusedError):
        read_bundle(bundle_dir)


def test_a_model_with_other_outputs_fails_its_golden_rows(bundle_dir: Path) -> None:
    graph = onnx.load_model(bundle_dir / MODEL_NAME)
    for tensor in graph.graph.initializer:
        if tensor.dims == [1, 3] and tensor.data_type == TensorProto.DOUBLE:
            values = np.frombuffer(tensor.raw_data, dtype=np.float64) + 0.5
            tensor.raw_data = values.tobytes()
    replace_model(bundle_dir, graph.SerializeToString())

    with pytest.raises(BundleRefusedError, match="golden rows differ"):
        read_bundle(bundle_dir)


def test_bytes_that_are_not_onnx_are_refused(bundle_dir: Path) -> None:
    replace_model(bundle_dir, b"\xff" * 100)

    with pytest.raises(BundleRefusedError, match="not ONNX"):
        read_bundle(bundle_dir)


def model_with(node: onnx.NodeProto, **graph_parts: Any) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("log_cost", TensorProto.FLOAT, [None, 1])],
        **graph_parts,
    )
    return helper.make_model(graph)


def test_a_loop_is_not_an_allowed_operator() -> None:
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("Loop", ["features"], ["log_cost"], body=body)

    assert "`Loop` is not allowed" in str(graph_problem(model_with(node), width=3))


@pytest.mark.parametrize(
    "operator",
    ["ConstantOfShape", "Expand", "Tile", "Range", "RandomNormal", "If", "Scan"],
)
def test_operators_that_allocate_or_branch_are_not_allowed(operator: str) -> None:
    node = helper.make_node(operator, ["features"], ["log_cost"])

    assert "is not allowed" in str(graph_problem(model_with(node), width=3))


def test_a_foreign_domain_is_not_allowed() -> None:
    node = helper.make_node("Add", ["features"], ["log_cost"], domain="com.example")

    assert "com.example.Add" in str(graph_problem(model_with(node), width=3))


def test_weights_outside_the_file_are_not_allowed() -> None:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    node = helper.make_node("Add", ["features", "w"], ["log_cost"])

    model = model_with(node, initializer=[tensor])

    assert graph_problem(model, width=3) == "weights lie outside the file"


def test_a_huge_tensor_is_refused_by_its_declared_shape() -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 20, 1 << 20])
    node = helper.make_node("Add", ["features", "w"], ["log_cost"])

    problem = graph_problem(model_with(node, initializer=[tensor]), width=3)

    assert "stored tensor" in str(problem)


def test_another_input_width_is_refused() -> None:
    node = helper.make_node("Identity", ["features"], ["log_cost"])

    assert "must have 4 columns" in str(graph_problem(model_with(node), width=4))
