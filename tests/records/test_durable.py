"""Writes that survive, and names that are never free."""

import os
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from toolkit.records import (
    Spool,
    draft_file,
    exchange,
    read_given,
    read_regular,
    replace_file,
)


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


@pytest.mark.parametrize("read", [read_given, partial(read_regular, max_bytes=9)])
def test_what_is_no_file_is_not_read_and_holds_up_none(
    read: Callable[[Path], bytes], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "endless").symlink_to("endless")

    for name in ("pipe", "device", "endless", "."):
        with pytest.raises(OSError, match=r"regular|[Ll]ink"):
            read(tmp_path / name)


def test_a_file_that_a_person_names_is_read_behind_its_link_up_to_a_size(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")

    assert read_given(tmp_path / "link") == b"content"
    with pytest.raises(OSError, match="larger than 6 bytes"):
        read_given(tmp_path / "link", max_bytes=6)
    with pytest.raises(OSError, match="link"):
        read_regular(tmp_path / "link", max_bytes=9)
