"""Writes a bundle, all of it or nothing."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import (
    GOLDEN_NAME,
    MANIFEST_NAME,
    MODEL_NAME,
    SEAL_NAME,
    Bundle,
    Float32s,
    GoldenRows,
    Manifest,
    installed_key,
    make_seal,
    read_bundle,
)
from toolkit.errors import GateRefusedError, UsageError
from toolkit.export.card import model_card
from toolkit.export.stack import to_onnx
from toolkit.export.verification import ROWS, probe_rows, verify_graph
from toolkit.records import (
    exchange,
    make_directory,
    open_regular,
    share_directory,
    sync_directory,
)

__all__ = ["CARD_NAME", "copy_bundle", "write_bundle"]

CARD_NAME = "MODEL_CARD.md"
GOLDEN_ROWS = 64


def write_bundle(
    directory: Path,
    *,
    model: Any,
    manifest: Manifest,
    X: Float32s,
    seed: int,
    probes: int = ROWS,
    limits: Sequence[str] = (),
    extra_files: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Convert, verify and write a fitted model; then load it as the runtime would.

    Parameters
    ----------
    directory : path
        New, empty, or an older bundle, which is replaced.
    model : estimator
        Fitted; predicts log cost.
    manifest : Manifest
        Complete but for `files`.
    X : array of shape (n, width)
        Training rows, from which the rows of the comparison are made.
    seed : int
    probes : int
        Rows compared; fewer only where many bundles are written to be graded at once.
    limits : sequence of str
        Sentences for the model card.
    extra_files : mapping of str to bytes, optional
        More files to ship, by name.

    Returns
    -------
    Bundle
        As it was read back.

    Raises
    ------
    GateRefusedError
        Where the graph is not the model, or the written bundle does not load.
    UsageError
        Where the directory holds something else.
    """
    _check_target(directory)
    graph = to_onnx(model, width=manifest.feature_schema.width)
    rows = probe_rows(manifest.feature_schema, X, seed=seed, count=probes)
    log_cost, worst = verify_graph(model, graph, rows)
    golden = GoldenRows(features=rows[:GOLDEN_ROWS], log_cost=log_cost[:GOLDEN_ROWS])
    files = {
        MODEL_NAME: graph.SerializeToString(),
        GOLDEN_NAME: golden.dumps().encode(),
        CARD_NAME: model_card(manifest, limits=limits, worst=worst).encode(),
        **(extra_files or {}),
    }
    return _install(directory, manifest, files)


def _install(directory: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    text = json.dumps(
        replace(manifest, files=digests).to_json(),
        indent=1,
        allow_nan=False,
        default=_plain,
    ).encode()
    sealed = {MANIFEST_NAME: text, SEAL_NAME: make_seal(text, installed_key())}
    make_directory(directory.parent)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        share_directory(draft)
        for name, data in {**files, **sealed}.items():
            _write_through(draft / name, data)
        read_bundle(draft)
        _swap(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return read_bundle(directory)


def _swap(draft: Path, directory: Path) -> None:
    """Put the draft in place; an older bundle is there until the moment it is not."""
    sync_directory(draft)
    if directory.exists():
        exchange(draft, directory)
        shutil.rmtree(draft)
    else:
        draft.rename(directory)
    sync_directory(directory.parent)


def _write_through(path: Path, data: bytes) -> None:
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _check_target(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a directory; name a new one")
    if (
        directory.is_dir()
        and any(directory.iterdir())
        and not (directory / MANIFEST_NAME).exists()
    ):
        raise UsageError(
            f"{directory} holds something other than a bundle; name a new directory"
        )


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise GateRefusedError(
        f"the manifest holds a {type(value).__name__}, which JSON has no form for"
    )


def copy_bundle(
    source: Path,
    directory: Path,
    *,
    extra_files: Mapping[str, bytes] | None = None,
    signed: bool = True,
) -> Bundle:
    """Install a verified copy of a bundle elsewhere, with more files where given.

    Parameters
    ----------
    source : path
        Folder of a bundle.
    directory : path
        New, empty, or an older bundle, which is replaced in one step.
    extra_files : mapping of str to bytes, optional
        More files to ship, by name.
    signed : bool
        Require the team's signature on the source where its key is installed.

    Returns
    -------
    Bundle
        As it was read back from the new place.

    Raises
    ------
    BundleRefusedError
        Where the source fails a check; nothing is written then.
    UsageError
        Where the target holds something other than a bundle.
    """
    bundle = read_bundle(source, signed=signed)
    _check_target(directory)
    files = {**bundle.files, MODEL_NAME: bundle.graph, **(extra_files or {})}
    return _install(directory, bundle.manifest, files)
