"""Advice tables as an exported bundle holds them: hashed by a manifest under a seal."""

import json
from hashlib import sha256
from pathlib import Path

from toolkit.bundle import make_seal
from toolkit.bundle.seal import SigningKey

__all__ = ["write_table"]


def write_table(folder: Path, table: bytes, key: SigningKey | None = None) -> None:
    """Write a table with the two files that an installed hook checks it against."""
    folder.mkdir(exist_ok=True)
    (folder / "advice.json").write_bytes(table)
    files = {"files": {"advice.json": sha256(table).hexdigest()}}
    manifest = json.dumps(files).encode()
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "seal.json").write_bytes(make_seal(manifest, key))
