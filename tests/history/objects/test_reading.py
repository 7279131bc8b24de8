"""Reading: what is fetched, what stays on this machine, and that nothing is written."""

from pathlib import Path

import pytest

from tests.history.objects.folder_objects import FolderObjects, Interrupted
from tests.history.objects.swarm import batches, cache, compacted, known, shipped
from toolkit.errors import InputDataError, UsageError
from toolkit.history.objects.cache import cache_of
from toolkit.history.objects.reading import ObjectDataset


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    objects = FolderObjects(tmp_path / "objects")
    shipped(tmp_path / "one", objects, batches(0, 60))
    compacted(objects, tmp_path / "compacting")
    shipped(tmp_path / "one", objects, batches(60, 65))
    return objects


def ids() -> list[str]:
    return sorted(row.record_id for row in batches(0, 65))


def copies(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_a_second_reading_fetches_nothing(
    tmp_path: Path, objects: FolderObjects
) -> None:
    known(objects, tmp_path / "cache")
    counted = Interrupted(objects)
    found = known(counted, tmp_path / "cache")

    assert found == ids()
    assert counted.requests == ["list", "list", "list", "read"]


def test_reading_asks_and_never_writes(tmp_path: Path, objects: FolderObjects) -> None:
    counted = Interrupted(objects)
    known(counted, tmp_path / "cache")

    assert set(counted.requests) == {"list", "read", "fetch"}


def test_only_the_kinds_that_are_asked_for_are_fetched(
    tmp_path: Path, objects: FolderObjects
) -> None:
    dataset = ObjectDataset(objects, cache(tmp_path / "cache"))

    assert not dataset.has("turn")
    assert copies(tmp_path / "cache") == []
    assert dataset.has("batch")
    assert copies(tmp_path / "cache")


def test_a_copy_that_is_cut_or_altered_is_fetched_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    known(objects, tmp_path / "cache")
    first, second, *_ = copies(tmp_path / "cache")
    first.write_bytes(first.read_bytes()[:-9])
    data = bytearray(second.read_bytes())
    data[9] ^= 1
    second.write_bytes(bytes(data))
    (segment,) = (tmp_path / "cache" / "segments").iterdir()
    segment.write_bytes(segment.read_bytes()[:-4])

    assert known(objects, tmp_path / "cache") == ids()


def test_copies_over_the_limit_are_let_go_those_of_long_ago_first(
    tmp_path: Path, objects: FolderObjects
) -> None:
    known(objects, tmp_path / "cache")
    sizes = sum(path.stat().st_size for path in copies(tmp_path / "cache"))
    small = cache(tmp_path / "cache", limit_bytes=sizes)
    shipped(tmp_path / "two", objects, batches(500, 560))
    compacted(objects, tmp_path / "compacting")
    with pytest.raises(InputDataError, match="TOOLKIT_CACHE"):
        list(ObjectDataset(objects, small).scan("batch"))
    with small.held():
        pass
    left = sum(path.stat().st_size for path in copies(tmp_path / "cache"))

    assert 0 < left <= sizes
    assert len(known(objects, tmp_path / "cache")) == 125


def test_the_cache_has_a_size_and_a_place_of_the_environment(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path), "TOOLKIT_CACHE": "500MB"}
    found = cache_of("s3://bucket/a", environment)
    other = cache_of("s3://bucket/b", environment)
    elsewhere = cache_of(
        "s3://bucket/a", environment | {"AWS_ENDPOINT_URL": "http://x"}
    )

    assert found.limit_bytes == 500 * 2**20
    assert found.folder.is_relative_to(tmp_path)
    assert len({found.folder, other.folder, elsewhere.folder}) == 3
    with pytest.raises(UsageError, match="TOOLKIT_CACHE"):
        cache_of("s3://bucket/a", {"TOOLKIT_CACHE": "much"})


def test_copies_are_their_users_alone(tmp_path: Path, objects: FolderObjects) -> None:
    known(objects, tmp_path / "cache")
    folders = [path for path in (tmp_path / "cache").rglob("*") if path.is_dir()]

    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folders)
