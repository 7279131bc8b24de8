"""A bundle is verified before it runs, and refused by the first check that fails."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.bundle_factory import NOW, SIZES, rewrite, small_bundle
from toolkit.bundle import (
    MANIFEST_NAME,
    MODEL_NAME,
    Manifest,
    read_bundle,
)
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError
from toolkit.policies import Problem
from toolkit.runtime.advice import LadderAdvisor


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


def replace_model(directory: Path, content: bytes) -> None:
    (directory / MODEL_NAME).write_bytes(content)
    rewrite(directory, lambda value: None)


def test_a_manifest_survives_its_round_trip(pristine: Path) -> None:
    manifest = read_bundle(pristine).manifest

    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_cheapest_size_falls_with_the_load(pristine: Path) -> None:
    model = read_bundle(pristine).policy().model
    assert model is not None

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


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden.json", "MODEL_CARD.md", "manifest.json"]
)
def test_one_altered_byte_in_any_file_is_refused(bundle_dir: Path, name: str) -> None:
    content = bytearray((bundle_dir / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle_dir / name).write_bytes(content)

    with pytest.raises(BundleRefusedError, match=name):
        read_bundle(bundle_dir)


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden.json", "manifest.json", "seal.json"]
)
def test_a_missing_file_is_refused(bundle_dir: Path, name: str) -> None:
    (bundle_dir / name).unlink()

    with pytest.raises(BundleRefusedError, match=name):
        read_bundle(bundle_dir)


def test_a_file_name_that_leaves_the_bundle_is_refused(bundle_dir: Path) -> None:
    rewrite(bundle_dir, lambda value: value["files"].update({"../x": "0" * 64}))

    with pytest.raises(BundleRefusedError, match="expected form"):
        read_bundle(bundle_dir)


def test_a_link_out_of_the_folder_is_refused(bundle_dir: Path) -> None:
    card = bundle_dir / "MODEL_CARD.md"
    card.rename(bundle_dir.parent / "card")
    card.symlink_to(bundle_dir.parent / "card")

    with pytest.raises(BundleRefusedError, match="a link that leaves the folder"):
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
        if tensor.data_type == TensorProto.DOUBLE:
            values = np.frombuffer(tensor.raw_data, dtype=np.float64) + 0.5
            tensor.raw_data = values.tobytes()
    replace_model(bundle_dir, graph.SerializeToString())

    with pytest.raises(BundleRefusedError, match="golden rows differ"):
        read_bundle(bundle_dir)


def test_bytes_that_are_not_onnx_are_refused(bundle_dir: Path) -> None:
    replace_model(bundle_dir, b"\xff" * 100)

    with pytest.raises(BundleRefusedError, match="not ONNX"):
        read_bundle(bundle_dir)


def test_a_mounted_configmap_is_served(bundle_dir: Path, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    (mount / "..2026").mkdir(parents=True)
    (mount / "..data").symlink_to("..2026")
    for path in bundle_dir.iterdir():
        (mount / "..2026" / path.name).write_bytes(path.read_bytes())
        (mount / path.name).symlink_to(f"..data/{path.name}")

    assert read_bundle(mount).manifest.name == "batch-size"


def test_a_graph_of_a_newer_onnx_names_both_versions(bundle_dir: Path) -> None:
    graph = onnx.load_model(bundle_dir / MODEL_NAME)
    graph.ir_version = 99
    replace_model(bundle_dir, graph.SerializeToString())

    with pytest.raises(BundleRefusedError, match=r"version 99, this toolkit reads 10;"):
        read_bundle(bundle_dir)


@pytest.mark.parametrize("file", ["golden.json", "seal.json", "manifest.json"])
def test_a_pipe_in_place_of_a_file_does_not_block(bundle_dir: Path, file: str) -> None:
    (bundle_dir / file).unlink()
    os.mkfifo(bundle_dir / file)

    with pytest.raises(BundleRefusedError, match="not a regular file"):
        read_bundle(bundle_dir)


def test_many_names_of_one_sparse_file_are_refused_by_their_sum(
    bundle_dir: Path,
) -> None:
    (bundle_dir / "s0").touch()
    os.truncate(bundle_dir / "s0", 2 << 20)
    digest = hashlib.sha256(bytes(2 << 20)).hexdigest()
    for number in range(1, 13):
        (bundle_dir / f"s{number}").hardlink_to(bundle_dir / "s0")
    names = {f"s{number}": digest for number in range(13)}
    rewrite(bundle_dir, lambda value: value["files"].update(names))

    with pytest.raises(BundleRefusedError, match="files are larger"):
        read_bundle(bundle_dir)


def test_what_the_graph_raises_when_asked_is_the_same_error(bundle_dir: Path) -> None:
    bundle = read_bundle(bundle_dir)

    with pytest.raises(BundleRefusedError, match="fails when it is asked"):
        bundle.model.log_cost(np.zeros((2, 3), dtype=np.float32))


def test_an_answer_that_is_no_bounded_number_is_refused(bundle_dir: Path) -> None:
    bundle = read_bundle(bundle_dir)
    rows = np.full((2, bundle.manifest.feature_schema.width), np.inf, np.float32)

    with pytest.raises(BundleRefusedError, match="not one bounded number a row"):
        bundle.model.log_cost(rows)


def test_an_advisor_answers_with_the_rule_when_the_graph_fails(
    bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = read_bundle(bundle_dir)
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))

    def fail(problem: Problem) -> None:
        raise BundleRefusedError("the graph fails", path=bundle_dir)

    monkeypatch.setattr(advisor.policy.model, "predict", fail)
    answer = advisor.decide({"operation_type": "todoWrite", "load_cpu": 0.5})

    assert answer.reason.code == "bundle_refused"
    assert answer.label == "10"
