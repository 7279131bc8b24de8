"""What is fuzzed: each target takes bytes and may only end well or refuse.

They are plain functions, so that the test suite runs them on known inputs without the
fuzzer, and a crash that the fuzzer finds becomes a test by its bytes alone.
"""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.hostile import SEEDS
from toolkit.bundle import AdviceTable, make_seal, read_bundle
from toolkit.bundle.graph_check import graph_problem
from toolkit.capture.hook_handler import reduce_event
from toolkit.errors import BundleRefusedError, InputDataError, ToolkitError
from toolkit.history.importers import open_source
from toolkit.history.importers.hooks.spool import HookTail, Place
from toolkit.records import KINDS, Record

__all__ = ["TARGETS", "seeds_of"]


class _Nowhere:
    """A sink that keeps nothing, but writes each record as the store would."""

    def add(self, record: Record) -> None:
        json.dumps(record.to_json(), allow_nan=False)

    def add_row(self, row: dict[str, Any]) -> None:
        self.add(KINDS[row["kind"]].of_row(row))

    def reject(self, line: int, reason: str) -> None:
        assert reason
        assert len(reason) < 1000

    def pass_over(self, kind: str, count: int = 1) -> None:
        pass

    def met(self, noun: str, identity: str) -> None:
        assert noun
        assert identity

    def read(self, lines: int) -> None:
        assert lines >= 0

    def hidden(self, name: str) -> str:
        return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:20]


_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))


def _import(name: str, data: bytes) -> None:
    file = _FOLDER / SEEDS[name][0]
    file.write_bytes(data)
    with suppress(InputDataError):
        open_source(name).read(file, _Nowhere())


def claude_code(data: bytes) -> None:
    """Read a transcript."""
    _import("claude-code", data)


def hooks(data: bytes) -> None:
    """Join a hook spool."""
    _import("hooks", data)


def otlp(data: bytes) -> None:
    """Read an OTLP file."""
    _import("otlp", data)


def spool(data: bytes) -> None:
    """Read a spool of records."""
    _import("spool", data)


def claude_flow(data: bytes) -> None:
    """Read a file of load samples."""
    _import("claude-flow", data)


def handler(data: bytes) -> None:
    """Reduce a hook payload; what is not JSON the handler never gets to see."""
    with suppress(ValueError, RecursionError):
        payload = json.loads(data.decode("utf-8", "replace"))
        if isinstance(payload, dict):
            reduce_event(payload, b"k" * 32, 1)


def advice(data: bytes) -> None:
    """Read an advice table."""
    with suppress(ToolkitError):
        AdviceTable.loads(data)


def hook_tail(data: bytes) -> None:
    """Join a hook spool in two parts, as two compactions do."""
    file = _FOLDER / "tail.jsonl"
    file.write_bytes(data[: len(data) // 2])
    tail = HookTail(Place())
    tail.read(file, _Nowhere())
    file.write_bytes(data)
    tail.read(file, _Nowhere())


@cache
def _bundle() -> tuple[Path, dict[str, bytes]]:
    """A good bundle, made once, and its files; targets damage one of them."""
    from tests.bundle_factory import small_bundle

    path = small_bundle(_FOLDER / "bundle").path
    return path, {file.name: file.read_bytes() for file in path.iterdir()}


def manifest(data: bytes) -> None:
    """Open a bundle whose manifest is these bytes, beside its good other files."""
    path, _ = _bundle()
    (path / "manifest.json").write_bytes(data)
    (path / "seal.json").write_bytes(make_seal(data, None))
    with suppress(BundleRefusedError):
        read_bundle(path)


def graph(data: bytes) -> None:
    """Check a graph before anything would run it."""
    import onnx
    from google.protobuf.message import DecodeError

    with suppress(DecodeError, ValueError, RecursionError):
        graph_problem(onnx.load_model_from_string(data), width=3)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        claude_code,
        hooks,
        hook_tail,
        otlp,
        spool,
        claude_flow,
        handler,
        advice,
        manifest,
        graph,
    )
}
"""Every target by its name."""


def seeds_of(name: str) -> list[bytes]:
    """Give valid inputs that a target begins from."""
    from tests.hostile import EVENTS

    if name == "handler":
        return [json.dumps(event).encode() for event in EVENTS]
    if name == "hook_tail":
        return [SEEDS["hooks"][1]]
    if name == "advice":
        from tests.bundle.test_advice import tabulated

        return [tabulated().dumps()]
    if name in ("manifest", "graph"):
        file = {"manifest": "manifest.json", "graph": "model.onnx"}[name]
        return [_bundle()[1][file]]
    return [SEEDS[name.replace("_", "-")][1]]
