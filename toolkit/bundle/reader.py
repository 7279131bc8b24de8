"""Loads a bundle: every check first, then an onnxruntime session behind `CostModel`.

Order of the checks: manifest, sizes, hashes, versions, seal and signature, graph, golden
rows. The bytes that were hashed are the bytes that run: files are read once. Each
failure is a `BundleRefusedError`, on loading and when the model is asked.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.folder import BundleFolder
from toolkit.bundle.golden import (
    GOLDEN_MAX_BYTES,
    GOLDEN_NAME,
    TOLERANCE,
    GoldenRows,
)
from toolkit.bundle.graph_check import (
    INPUT_NAME,
    MAX_MODEL_BYTES,
    graph_problem,
    version_problem,
)
from toolkit.bundle.graph_form import bytes_problem
from toolkit.bundle.graph_wire import graph_head, wire_problem
from toolkit.bundle.manifest import MANIFEST_MAX_BYTES, MANIFEST_NAME, Manifest
from toolkit.bundle.onnx_runtime import evaluate, make_session, raised_by_onnxruntime
from toolkit.bundle.seal import (
    SEAL_MAX_BYTES,
    SEAL_NAME,
    SigningKey,
    installed_key,
    seal_problem,
)
from toolkit.errors import (
    BundleRefusedError,
    MissingExtraError,
    SchemaError,
    UsageError,
)
from toolkit.policies import CostCurve, Floats, Problem

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

    from toolkit.policies import Ladder

__all__ = ["MODEL_NAME", "Bundle", "BundleModel", "read_bundle"]

MODEL_NAME = "model.onnx"
MAX_BUNDLE_BYTES = 24 << 20
"""Bound on the sum of all files."""

OTHER_MAX_BYTES = 2 << 20
"""Bound on any file that is neither graph nor manifest."""

LIMITS = {MODEL_NAME: MAX_MODEL_BYTES, GOLDEN_NAME: GOLDEN_MAX_BYTES}

FIRST_LIMIT_S = 2.0
"""The first evaluation is ended after this time."""

LOG_COST_LIMIT = 100.0
"""A predicted log cost beyond this, either way, is no answer: e^100 of any unit."""


class BundleModel:
    """An exported graph as a cost model.

    Safe to share between threads: a session's `run` is.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    manifest : Manifest
    path : path
        The bundle, for errors.
    """

    def __init__(
        self, session: "InferenceSession", manifest: Manifest, path: Path
    ) -> None:
        self._session = session
        self._schema = manifest.feature_schema
        self._support = manifest.support
        self._low = manifest.conformal.low
        self._high = manifest.conformal.high
        self._path = path

    def log_cost(self, features: Float32s, *, limit_s: float | None = None) -> Floats:
        """Run the graph on encoded rows, shape (n, width) to (n,).

        Raises
        ------
        BundleRefusedError
            The graph fails, takes longer than `limit_s`, or its answer is not one
            finite number a row.
        """
        try:
            output = evaluate(self._session, {INPUT_NAME: features}, limit_s=limit_s)
        except Exception as error:
            if not raised_by_onnxruntime(error):
                raise
            raise BundleRefusedError(
                f"the graph fails when it is asked ({type(error).__name__})",
                path=self._path,
            ) from error
        answer = np.asarray(output, dtype=np.float64).reshape(-1)
        if (
            answer.shape != (len(features),)
            or not (np.abs(answer) <= LOG_COST_LIMIT).all()
        ):
            raise BundleRefusedError(
                "the graph's answer is not one bounded number a row", path=self._path
            )
        return answer

    def predict(self, problem: Problem) -> CostCurve:
        """Expect a cost of each action, with its interval and its support.

        Raises
        ------
        BundleRefusedError
            The model decides over other actions, or fails; see `log_cost`.
        SchemaError
            A value of the context is none that its column may hold.
        """
        try:
            rows = self._schema.encode(problem)
        except SchemaError as error:
            if error.field != "action_columns":
                raise
            raise BundleRefusedError(str(error), path=self._path) from error
        log_cost = self.log_cost(rows)
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost + self._low,
            log_high=log_cost + self._high,
            support=self._support.rows_near(problem),
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
        Verified contents of every file but manifest, seal and graph, by name.
    graph : bytes
        Verified content of the graph.
    signed_by : str or None
        Id of the key whose signature was verified.
    """

    path: Path
    manifest: Manifest
    model: BundleModel
    files: Mapping[str, bytes]
    graph: bytes
    signed_by: str | None = None

    def policy(self) -> "Ladder":
        """Build the ladder of answers: what serves, what is judged, what is tabulated.

        Returns
        -------
        Ladder
        """
        from toolkit.bundle.policy import policy_of

        return policy_of(self)


MOST_EXCHANGES = 3
"""Times that reading begins again because an export put another bundle in place."""


def read_bundle(directory: Path, *, signed: bool = True) -> Bundle:
    """Verify and load a bundle.

    Parameters
    ----------
    directory : path
    signed : bool
        Require the team's signature where its key is installed; False is for a person
        who vouches for the bundle and is about to sign it.

    Returns
    -------
    Bundle
        Checked: files, graph, manifest, golden rows and, where asked for, signature.

    Raises
    ------
    BundleRefusedError
        Naming the first check that failed.
    """
    key = _required_key(directory) if signed else None
    for _ in range(MOST_EXCHANGES):
        folder = BundleFolder(directory, max_bytes=MAX_BUNDLE_BYTES)
        try:
            return _read(folder, directory, key)
        except BundleRefusedError:
            if not folder.was_exchanged():
                raise
    return _read(BundleFolder(directory, max_bytes=MAX_BUNDLE_BYTES), directory, key)


def _read(folder: BundleFolder, directory: Path, key: SigningKey | None) -> Bundle:
    with folder:
        text = folder.read(MANIFEST_NAME, max_bytes=MANIFEST_MAX_BYTES)
        manifest = Manifest.loads(text, path=directory)
        files = {
            name: _verified(folder, name, digest)
            for name, digest in manifest.files.items()
        }
        if missing := {MODEL_NAME, GOLDEN_NAME} - set(files):
            raise BundleRefusedError(
                f"the manifest lists no {min(missing)}", path=directory
            )
        content = files.pop(MODEL_NAME)
        _check_version(content, directory)
        _check_seal(folder, text, key)
    _check_graph(content, manifest, directory)
    golden = _golden(files[GOLDEN_NAME], manifest, directory)
    model = BundleModel(_session(content, directory), manifest, directory)
    _check_golden(directory, model, golden)
    return Bundle(
        path=directory,
        manifest=manifest,
        model=model,
        files=files,
        graph=content,
        signed_by=None if key is None else key.key_id,
    )


def _required_key(directory: Path) -> SigningKey | None:
    try:
        return installed_key()
    except UsageError as error:
        raise BundleRefusedError(str(error), path=directory) from error


def _verified(folder: BundleFolder, name: str, digest: str) -> bytes:
    content = folder.read(name, max_bytes=LIMITS.get(name, OTHER_MAX_BYTES))
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleRefusedError(
            f"{name} was altered (its hash differs)", path=folder.path
        )
    return content


def _check_seal(folder: BundleFolder, manifest: bytes, key: SigningKey | None) -> None:
    content = folder.read(SEAL_NAME, max_bytes=SEAL_MAX_BYTES)
    if (problem := seal_problem(content, manifest, key)) is not None:
        raise BundleRefusedError(problem, path=folder.path)


def _check_version(content: bytes, directory: Path) -> None:
    """Say that a graph is for other versions before anything else is said of it."""
    try:
        head = graph_head(content)
    except ValueError as error:
        raise BundleRefusedError(f"{MODEL_NAME} is not ONNX", path=directory) from error
    if problem := version_problem(_parsed(head, directory)):
        raise BundleRefusedError(problem, path=directory)


def _check_graph(content: bytes, manifest: Manifest, directory: Path) -> None:
    """Parse the graph, and let go of it: onnxruntime parses the bytes again."""
    if problem := wire_problem(content):
        raise BundleRefusedError(problem, path=directory)
    graph = _parsed(content, directory)
    width = manifest.feature_schema.width
    if problem := graph_problem(graph, width=width) or bytes_problem(content, graph):
        raise BundleRefusedError(problem, path=directory)


def _parsed(content: bytes, directory: Path) -> "ModelProto":
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError("an exported model", "bundle") from error

    try:
        return onnx.load_model_from_string(content)
    except (DecodeError, ValueError, RecursionError) as error:
        raise BundleRefusedError(f"{MODEL_NAME} is not ONNX", path=directory) from error


def _session(content: bytes, directory: Path) -> "InferenceSession":
    try:
        return make_session(content)
    except Exception as error:
        if not raised_by_onnxruntime(error):
            raise
        raise BundleRefusedError(
            f"onnxruntime cannot load the graph ({type(error).__name__})",
            path=directory,
        ) from error


def _golden(content: bytes, manifest: Manifest, directory: Path) -> GoldenRows:
    try:
        return GoldenRows.loads(content, width=manifest.feature_schema.width)
    except SchemaError as error:
        raise BundleRefusedError(str(error), path=directory) from error


def _check_golden(directory: Path, model: BundleModel, golden: GoldenRows) -> None:
    got = model.log_cost(golden.features, limit_s=FIRST_LIMIT_S)
    worst = float(np.max(np.abs(got - golden.log_cost)))
    if not worst <= TOLERANCE:
        raise BundleRefusedError(
            f"golden rows differ by {worst:.3g}, at most {TOLERANCE:g} allowed",
            path=directory,
        )
