"""Logs that an editor or a shell of Windows has written again, with a byte order mark."""

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import SEEDS
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.history.importers.lines import BLOCK_BYTES, read_lines

LOGS = ("atif", "claude-code", "codex", "copilot", "gemini", "opencode", "otlp", "pi")

WRITTEN: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16 LE": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16 BE": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 LE, gzipped": lambda text: gzip.compress(text.encode("utf-16")),
}


def imported(source: str, store: Path, path: Path) -> ImportReport:
    with RecordStore(store) as opened:
        return run_import(open_source(source), [path], opened)


@pytest.mark.parametrize("source", LOGS)
def test_a_byte_order_mark_changes_nothing(source: str, tmp_path: Path) -> None:
    name, data = SEEDS[source]
    (tmp_path / name).write_bytes(data)
    plain = imported(source, tmp_path / "store", tmp_path / name)

    assert plain.added
    for way, write in WRITTEN.items():
        path = tmp_path / way / (f"{name}.gz" if "gzipped" in way else name)
        path.parent.mkdir()
        path.write_bytes(write(data.decode()))
        report = imported(source, tmp_path / way / "store", path)

        assert (report.added, report.rejected) == (plain.added, plain.rejected), way


def test_utf_16_is_the_same_text_across_blocks(tmp_path: Path) -> None:
    texts = ["x" * (BLOCK_BYTES - 3), "a\N{GRINNING FACE}b" * BLOCK_BYTES, "", "end"]
    path = tmp_path / "long.jsonl"
    path.write_bytes("\n".join(texts).encode("utf-16") + b"\0")

    assert [line for _, line in read_lines(path)] == [text.encode() for text in texts]


def test_half_a_character_of_utf_16_in_the_middle_refuses_the_file(
    tmp_path: Path,
) -> None:
    name, data = SEEDS["codex"]
    (tmp_path / name).write_bytes(codecs.BOM_UTF16_BE + b"\xdc\x00\xdc" + data)
    report = imported("codex", tmp_path / "store", tmp_path / name)

    assert report.refused_files == 1
