"""What every kind of objects does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from toolkit.history.objects.base import MissingObjectError, Objects

__all__ = ["CHECKS"]


def check_what_is_created_is_listed_and_read(objects: Objects, folder: Path) -> None:
    assert objects.create("log/2.json", b"two")
    assert objects.create("log/1.json", b"one")
    assert objects.create("logs/3.json", b"three")

    assert [(e.name, e.size) for e in objects.list("log")] == [
        ("log/1.json", 3),
        ("log/2.json", 3),
    ]
    assert objects.read("log/1.json") == b"one"
    assert all(e.modified.tzinfo for e in objects.list("log"))


def check_a_create_does_not_replace(objects: Objects, folder: Path) -> None:
    objects.create("log/1.json", b"one")

    assert not objects.create("log/1.json", b"other")
    assert objects.read("log/1.json") == b"one"


def check_of_creates_at_once_one_wins(objects: Objects, folder: Path) -> None:
    def create(writer: int) -> bool:
        return objects.create("log/1.json", b"%d" % writer)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))

    assert won.count(True) == 1
    assert objects.read("log/1.json") == b"%d" % won.index(True)


def check_files_go_and_come_whole(objects: Objects, folder: Path) -> None:
    sizes = {"empty": 0, "small": 100, "large": 20 * 2**20 + 3}
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(range(256)) * (size // 256 + 1))
        with (folder / name).open("r+b") as stream:
            stream.truncate(size)
        objects.upload(f"parts/{name}", folder / name)
        objects.fetch(f"parts/{name}", folder / f"{name}-again")

        assert (folder / name).read_bytes() == (folder / f"{name}-again").read_bytes()


def check_what_is_removed_is_gone(objects: Objects, folder: Path) -> None:
    objects.create("log/1.json", b"one")
    objects.create("log/2.json", b"two")
    objects.remove(["log/1.json", "log/never.json"])
    objects.remove([])

    assert [entry.name for entry in objects.list("log")] == ["log/2.json"]


def check_what_is_missing_is_named(objects: Objects, folder: Path) -> None:
    with pytest.raises(MissingObjectError, match="never"):
        objects.read("log/never.json")
    with pytest.raises(MissingObjectError, match="never"):
        objects.fetch("log/never.json", folder / "copy")
    assert objects.list("nothing") == []


def check_long_lists_are_whole(objects: Objects, folder: Path) -> None:
    names = [f"segments/{n:04d}" for n in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: objects.create(name, b"x"), names))

    assert [entry.name for entry in objects.list("segments")] == names
    objects.remove(names)
    assert objects.list("segments") == []


CHECKS: list[Callable[[Objects, Path], None]] = [
    value for name, value in sorted(globals().items()) if name.startswith("check_")
]
