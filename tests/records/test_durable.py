"""Writes that survive, and names that are never free."""

import os
import stat
import threading
from pathlib import Path

import pytest

from toolkit.records import Spool, draft_file, exchange, replace_file


def test_a_replacement_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    replace_file(target, b"old")
    with pytest.raises(TypeError), draft_file(target) as stream:
        stream.writelines([b"new", "no bytes"])  # type: ignore[list-item]  # on purpose

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert target.read_bytes() == b"old"


def test_exchanged_directories_leave_no_moment_without_one(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    missing = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            if not (one / "name").exists():
                missing.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(501):
        exchange(other, one)
    done.set()
    watcher.join()

    assert (one / "name").read_text() == "other"
    assert missing == []


def test_a_shared_store_is_writable_for_its_group_and_nobody_else(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o2770)
    before = os.umask(0o077)
    try:
        Spool(store / "spool").append({"a": 1})
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in store.rglob("*")}

    assert modes == {"spool": 0o2770, "live.jsonl": 0o660, ".lock": 0o660}
