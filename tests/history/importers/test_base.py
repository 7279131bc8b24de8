"""What is refused before it is read: no file may hang or flood an import."""

import gzip
import os
from pathlib import Path

import pytest

from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import
from toolkit.history.importers.table import rows

MAP = """kind = "load"
identity = ["n"]
[columns]
at = "at"
host = "host"
[constants]
provenance = "declared"
"""


@pytest.mark.timeout(20)
def test_a_fifo_a_device_and_an_endless_link_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "fifo.jsonl")
    (folder / "device.jsonl").symlink_to("/dev/zero")
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    (folder / "in").symlink_to(folder)
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("spool"), [folder], store)
        reasons = {row["file"]: row["reason"] for row in store.rejected()}

    assert report.refused_files == 3
    assert reasons["fifo.jsonl"] == reasons["device.jsonl"] == "not a regular file"


def test_a_gzipped_parquet_file_is_unpacked_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_UNPACKED_BYTES", 2**20)
    monkeypatch.setattr(rows, "UNPACK_BYTES", 2**16)
    (tmp_path / "bomb.parquet.gz").write_bytes(gzip.compress(b"PAR1" + bytes(2**21)))
    (tmp_path / "map.toml").write_text(MAP)
    source = open_source("table", map_path=tmp_path / "map.toml")
    with RecordStore(tmp_path / "store") as store:
        report = run_import(source, [tmp_path / "bomb.parquet.gz"], store)
        (row,) = store.rejected()

    assert report.refused_files == 1
    assert row["reason"] == "more than 1,048,576 bytes inside"
