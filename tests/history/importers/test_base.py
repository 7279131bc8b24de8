"""What is refused before it is read: no file may hang or flood an import."""

import gzip
import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import SOURCES, open_source, run_import
from toolkit.history.importers.table import rows

MAP = """kind = "load"
identity = ["n"]
[columns]
at = "at"
host = "host"
[constants]
provenance = "declared"
"""


NAMES = ("s.jsonl", "s.jsonl.gz", "s.json", "s.csv", "s.parquet", "s.db", "s.sqlite")
SPECIAL = (
    "opencode.db",
    "memory.db",
    "hive.db",
    "events.jsonl",
    "rollout-2026-01-05.jsonl",
    "session-2026.json",
    "chat.json",
    "system-metrics.json",
)
PLACES = (
    "",
    "subagents",
    "sessions",
    "storage/session",
    "session-state/s",
    ".swarm",
    ".hive-mind",
    ".claude-flow/metrics",
)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_no_source_waits_for_a_pipe_a_device_or_an_endless_link(
    name: str, tmp_path: Path
) -> None:
    for number, place in enumerate(PLACES):
        folder = tmp_path / "in" / place
        folder.mkdir(parents=True, exist_ok=True)
        for file in (*NAMES, *SPECIAL):
            if number % 3 == 0:
                os.mkfifo(folder / file)
            else:
                target = "/dev/zero" if number % 3 == 1 else file
                (folder / file).symlink_to(target)
    (tmp_path / "map.toml").write_text(MAP)
    given = {"map_path": tmp_path / "map.toml"} if name == "table" else {}
    with RecordStore(tmp_path / "store") as store:
        with suppress(InputDataError):
            run_import(open_source(name, **given), [tmp_path / "in"], store)

        assert not Path(store.spool.live).exists()


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


def test_a_parquet_file_that_says_it_holds_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_UNPACKED_BYTES", 2**16)
    numbers = pa.table({"n": pa.array(range(2**15), pa.int64())})
    pq.write_table(numbers, tmp_path / "t.parquet", use_dictionary=False)

    with pytest.raises(InputDataError, match="bytes inside"):
        rows.read_table(tmp_path / "t.parquet")


def test_a_text_that_many_rows_share_is_held_once(tmp_path: Path) -> None:
    texts = pa.table({"text": ["x" * 2**14] * 2000 + [None]})
    pq.write_table(texts, tmp_path / "t.parquet")
    _, read = rows.read_table(tmp_path / "t.parquet")
    values = [row["text"] for _, row in read if isinstance(row, dict)]

    assert (tmp_path / "t.parquet").stat().st_size < 2**17
    assert len({id(value) for value in values[:-1]}) == 1
    assert values[-1] is None
