import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.bundle.folder import BundleFolder
from toolkit.errors import BundleRefusedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bundle"
    made.mkdir()
    (made / "file").write_text("content")
    (tmp_path / "outside").write_text("secret")
    return made


@pytest.fixture
def opened(folder: Path) -> Iterator[BundleFolder]:
    with BundleFolder(folder, max_bytes=20) as reading:
        yield reading


def test_a_link_that_stays_inside_is_followed(
    folder: Path, opened: BundleFolder
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "real").write_text("linked")
    (folder / "current").symlink_to("data")
    (folder / "link").symlink_to("current/../data/./real")

    assert opened.read("link", max_bytes=10) == b"linked"


@pytest.mark.parametrize(
    "target", ["../outside", "/dev/zero", "data/../../outside", ".", "link", "/"]
)
def test_a_link_out_of_the_folder_is_refused(
    folder: Path, opened: BundleFolder, target: str
) -> None:
    (folder / "data").mkdir()
    (folder / "link").symlink_to(target)

    with pytest.raises(BundleRefusedError, match="link cannot be read"):
        opened.read("link", max_bytes=10)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../outside", "a\0b"])
def test_a_name_of_more_than_one_component_is_refused(
    opened: BundleFolder, name: str
) -> None:
    with pytest.raises(BundleRefusedError, match="leaves it"):
        opened.read(name, max_bytes=10)


def test_a_pipe_and_a_folder_are_no_regular_files(
    folder: Path, opened: BundleFolder
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "below").mkdir()

    for name in ("pipe", "below"):
        with pytest.raises(BundleRefusedError, match="not a regular file"):
            opened.read(name, max_bytes=10)


def test_sizes_are_bounded_one_by_one_and_together(
    folder: Path, opened: BundleFolder
) -> None:
    (folder / "ten").write_bytes(bytes(10))

    with pytest.raises(BundleRefusedError, match="larger than 9 bytes"):
        opened.read("ten", max_bytes=9)
    opened.read("ten", max_bytes=10)
    opened.read("ten", max_bytes=10)
    with pytest.raises(BundleRefusedError, match="its files are larger than 20"):
        opened.read("ten", max_bytes=10)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(BundleRefusedError, match="cannot be opened"),
        BundleFolder(tmp_path / "file", max_bytes=1),
    ):
        pass


def test_a_folder_exchanged_while_it_is_read_changes_nothing(
    folder: Path, opened: BundleFolder
) -> None:
    folder.rename(folder.with_name("moved"))
    folder.mkdir()
    (folder / "file").write_text("other")

    assert opened.read("file", max_bytes=10) == b"content"
