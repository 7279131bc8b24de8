"""Loads a bundle: every check first, then an onnxruntime session behind `CostModel`.

Order of the checks: manifest, sizes, hashes, operators, golden rows. The bytes that
were hashed are the bytes that run: files are read once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.golden import GOLDEN_NAME, TOLERANCE, GoldenRows
from toolkit.bundle.graph_check import INPUT_NAME, MAX_MODEL_BYTES, graph_problem
from toolkit.bundle.manifest import Manifest
from toolkit.errors import BundleRefusedError, SchemaError
from toolkit.policies import CostCurve, Floats, Problem

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["MODEL_NAME", "Bundle", "BundleModel", "read_bundle"]

MODEL_NAME = "model.onnx"


class BundleModel:
    """An exported graph as a cost model.

    Safe to share between threads: a session's `run` is.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    manifest : Manifest
    """

    def __init__(self, session: "InferenceSession", manifest: Manifest) -> None:
        self._session = session
        self._schema = manifest.feature_schema
        self._support = manifest.support
        self._low = manifest.conformal.low
        self._high = manifest.conformal.high

    def log_cost(self, features: Float32s) -> Floats:
        """Run the graph on encoded rows, shape (n, width) to (n,)."""
        output = self._session.run(None, {INPUT_NAME: features})[0]
        return np.asarray(output, dtype=np.float64).reshape(-1)

    def predict(self, problem: Problem) -> CostCurve:
        """Expect a cost of each action, with its interval and its support."""
        log_cost = self.log_cost(self._schema.encode(problem))
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost + self._low,
            log_high=log_cost + self._high,
            support=self._support.near(problem),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified bundle.

    Attributes
    ----------
    path : path
    manifest : Manifest
    model : BundleModel
    files : mapping of str to bytes
        Verified contents of every small file beside the graph, by name.
    """

    path: Path
    manifest: Manifest
    model: BundleModel
    files: Mapping[str, bytes]


def read_bundle(directory: Path) -> Bundle:
    """Verify and load a bundle.

    Raises
    ------
    BundleRefusedError
        Naming the first check that failed.
    """
    manifest = Manifest.read(directory)
    files = {
        name: _verified(directory, name, digest)
        for name, digest in manifest.files.items()
    }
    for name in (MODEL_NAME, GOLDEN_NAME):
        if name not in files:
            raise BundleRefusedError(f"the manifest lists no {name}", path=directory)
    model = BundleModel(_session(directory, files.pop(MODEL_NAME), manifest), manifest)
    _check_golden(directory, model, files[GOLDEN_NAME])
    return Bundle(path=directory, manifest=manifest, model=model, files=files)


def _verified(directory: Path, name: str, digest: str) -> bytes:
    path = directory / name
    if Path(name).name != name or path.is_symlink():
        raise BundleRefusedError(f"file name `{name[:80]}` leaves it", path=directory)
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise BundleRefusedError(
                f"{name} is larger than {MAX_MODEL_BYTES} bytes", path=directory
            )
        content = path.read_bytes()
    except OSError as error:
        raise BundleRefusedError(
            f"{name} cannot be read: {error.strerror}", path=directory
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleRefusedError(
            f"{name} was altered (its hash differs)", path=directory
        )
    return content


def _session(directory: Path, content: bytes, manifest: Manifest) -> "InferenceSession":
    import onnx
    import onnxruntime
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model_from_string(content)
    except (DecodeError, ValueError, RecursionError) as error:
        raise BundleRefusedError(f"{MODEL_NAME} is not ONNX", path=directory) from error
    if problem := graph_problem(graph, width=manifest.feature_schema.width):
        raise BundleRefusedError(problem, path=directory)
    try:
        return onnxruntime.InferenceSession(
            content, _options(onnxruntime), providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            name = type(error).__name__
            raise BundleRefusedError(
                f"onnxruntime cannot load the graph ({name})", path=directory
            ) from error
        raise


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check_golden(directory: Path, model: BundleModel, content: bytes) -> None:
    try:
        golden = GoldenRows.loads(content)
        got = model.log_cost(golden.features)
    except SchemaError as error:
        raise BundleRefusedError(str(error), path=directory) from error
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise BundleRefusedError(
                f"the graph fails on its golden rows ({type(error).__name__})",
                path=directory,
            ) from error
        raise
    worst = float(np.max(np.abs(got - golden.log_cost))) if len(got) else np.inf
    if not worst <= TOLERANCE:
        raise BundleRefusedError(
            f"golden rows differ by {worst:.3g}, at most {TOLERANCE:g} allowed",
            path=directory,
        )
