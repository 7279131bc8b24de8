"""Compaction on object storage, request by request, in a folder of objects."""

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.objects.folder_objects import FolderObjects, Interrupted, Killed
from tests.history.objects.swarm import (
    all_records,
    batches,
    cache,
    compacted,
    known,
    machine,
    shipped,
)
from tests.records.records import a_batch, records
from tests.thorough import sampled
from toolkit.errors import InputDataError
from toolkit.history import compact_store, read_store
from toolkit.history.objects.commits import CommitLog
from toolkit.history.objects.reading import ObjectDataset
from toolkit.history.objects.shipping import ship
from toolkit.history.store import RecordStore
from toolkit.records import KINDS, Record

MOST_REQUESTS = 60
STEP = sampled(11, whole=6)
"""Some of the requests here; all of them on a real server (`tests/engines`)."""


def ids(rows: list[Record]) -> list[str]:
    return sorted(row.record_id for row in rows)


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects")


def two_machines(tmp_path: Path, objects: FolderObjects) -> list[str]:
    """A commit, and segments of two machines that share some records."""
    shipped(tmp_path / "one", objects, batches(0, 9))
    compacted(objects, tmp_path / "cache", kept_s=0)
    shipped(tmp_path / "one", objects, batches(9, 12))
    shipped(tmp_path / "two", objects, batches(6, 15))
    return ids(batches(0, 15))


@pytest.mark.slow
@settings(max_examples=sampled(3, whole=5), deadline=None)
@given(
    st.lists(
        st.lists(records(ids=st.sampled_from("abcdefgh")), max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_machines_together_give_what_one_store_of_all_would(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[list[Record]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("swarm")
    objects = FolderObjects(tmp_path / "objects")
    for number, rows in enumerate(drawn):
        shipped(tmp_path / f"machine{number % 2}", objects, rows)
        if number % 2:
            compacted(objects, tmp_path / "cache")
    machine(tmp_path / "all", [row for rows in drawn for row in rows])
    with RecordStore(tmp_path / "all") as store:
        compact_store(store)
    dataset = read_store(tmp_path / "all")
    expected = [r for kind in KINDS if dataset.has(kind) for r in dataset.scan(kind)]

    found = all_records(objects, tmp_path / "cache")

    def by_id(record: Record) -> tuple[str, str]:
        return record.kind, record.record_id

    assert found == sorted(expected, key=by_id)
    compacted(objects, tmp_path / "cache")
    assert all_records(objects, tmp_path / "cache") == found


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_request_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, after: bool
) -> None:
    def die() -> None:
        raise Killed

    for at in range(2, MOST_REQUESTS, STEP):
        objects = FolderObjects(tmp_path / f"objects{at}")
        expected = two_machines(tmp_path / f"{at}", objects)
        dying = Interrupted(objects, at, die, after=after)
        try:
            compacted(dying, tmp_path / f"cache{at}", kept_s=0)
        except Killed:
            found = known(objects, tmp_path / "reader")
            compacted(objects, tmp_path / "other", kept_s=0)
            assert (at, found) == (at, expected)
            assert known(objects, tmp_path / "reader") == expected
        else:
            assert at > 15
            return
    pytest.fail("a compaction never ended")


@pytest.mark.slow
@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies"])
def test_two_compactions_that_meet_at_any_request_lose_nothing(
    tmp_path: Path, dies: bool
) -> None:
    for at in range(2, MOST_REQUESTS, STEP):
        objects = FolderObjects(tmp_path / f"objects{at}")
        expected = two_machines(tmp_path / f"{at}", objects)
        seen: list[list[str]] = []

        def other(
            at: int = at,
            objects: FolderObjects = objects,
            seen: list[list[str]] = seen,
        ) -> None:
            seen.append(known(objects, tmp_path / "reader"))
            compacted(objects, tmp_path / f"other{at}", kept_s=0)
            shipped(tmp_path / f"{at}" / "three", objects, batches(15, 18))
            compacted(objects, tmp_path / f"other{at}", kept_s=0)
            if dies:
                raise Killed

        meeting = Interrupted(objects, at, other)
        with suppress(Killed):
            compacted(meeting, tmp_path / f"cache{at}", kept_s=0)
        if not seen:
            assert at > 15
            return
        found = known(objects, tmp_path / "reader")
        compacted(objects, tmp_path / "last", kept_s=0)
        assert (at, seen) == (at, [expected])
        assert found == known(objects, tmp_path / "reader")
        assert found == ids(batches(0, 18))
    pytest.fail("a compaction never ended")


def test_a_commit_whose_answer_was_lost_is_known_as_ours(
    tmp_path: Path, objects: FolderObjects
) -> None:
    log = CommitLog(objects)
    before = log.newest()
    commit = type(before)(number=1, writer="me")
    log.append(commit)

    assert log.append(commit)
    assert not log.append(type(before)(number=1, writer="other"))


def test_a_commit_to_a_number_that_was_let_go_counts_for_nothing(
    tmp_path: Path, objects: FolderObjects
) -> None:
    two_machines(tmp_path, objects)
    for n in range(15, 18):
        shipped(tmp_path / "one", objects, batches(n, n + 1))
        compacted(objects, tmp_path / "cache", kept_s=0)
    log = CommitLog(objects)
    newest = log.newest()
    late = type(newest)(number=1, writer="late")

    assert log.numbers() == [newest.number - 1, newest.number]
    assert not log.append(late)
    assert known(objects, tmp_path / "reader") == ids(batches(0, 18))


def test_what_no_kept_commit_needs_is_removed(
    tmp_path: Path, objects: FolderObjects
) -> None:
    two_machines(tmp_path, objects)
    for n in range(15, 18):
        shipped(tmp_path / "one", objects, batches(n, n + 1))
        compacted(objects, tmp_path / "cache", kept_s=0)
    log = CommitLog(objects)
    needed = set().union(*(log.read(number).objects() for number in log.numbers()))

    assert {entry.name for entry in objects.list("parts")} == needed
    assert len(objects.list("segments")) == 1


def test_commits_are_kept_for_slow_readers(
    tmp_path: Path, objects: FolderObjects
) -> None:
    two_machines(tmp_path, objects)
    for n in range(15, 18):
        shipped(tmp_path / "one", objects, batches(n, n + 1))
        compacted(objects, tmp_path / "cache")

    # Commit 1 was made with nothing kept before it; all later ones are there.
    assert CommitLog(objects).numbers() == [1, 2, 3, 4]


def test_a_reader_goes_on_with_its_commit_while_others_compact(
    tmp_path: Path, objects: FolderObjects
) -> None:
    expected = two_machines(tmp_path, objects)
    dataset = ObjectDataset(objects, cache(tmp_path / "reader"))
    with dataset.snapshot() as snapshot:
        shipped(tmp_path / "one", objects, batches(15, 18))
        compacted(objects, tmp_path / "cache", kept_s=0)
        found = [record.record_id for record in snapshot.scan("batch")]

    assert sorted(found) == expected


def test_what_was_compacted_is_not_merged_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    two_machines(tmp_path, objects)
    first = compacted(objects, tmp_path / "cache")
    again = compacted(objects, tmp_path / "cache")

    assert (first.spool_files, again.spool_files, again.partitions) == (2, 0, 0)


def test_lines_that_are_no_records_are_kept_beside_and_the_rest_is_merged(
    tmp_path: Path, objects: FolderObjects
) -> None:
    with RecordStore(tmp_path / "one") as store:
        store.add(a_batch())
        store.flush()
        store.spool.append_encoded([b"nonsense\n", b'{"kind":"batch","size":"x"}\n'])
    shipped(tmp_path / "one", objects)
    done = compacted(objects, tmp_path / "cache")
    (aside,) = objects.list("refused")

    assert known(objects, tmp_path / "reader") == ["b1"]
    assert [line.line for line in done.refused] == [2, 3]
    assert objects.read(aside.name).startswith(b"nonsense\n")


def test_a_damaged_segment_is_left_out_set_aside_and_can_be_shipped_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    expected = two_machines(tmp_path, objects)
    merged = CommitLog(objects).newest().merged
    entry = next(e for e in objects.list("segments") if e.name not in merged)
    (objects.folder / entry.name).write_bytes(gzip.compress(b"other\n"))
    fewer = known(objects, tmp_path / "reader")
    done = compacted(objects, tmp_path / "cache")
    for name in ("one", "two"):
        ship(tmp_path / name, objects, again=True)

    assert [str(path) for path in done.damaged] == [entry.name]
    assert set(fewer) < set(expected)
    assert known(objects, tmp_path / "reader") == expected


def test_a_part_that_is_lost_is_reported_and_can_be_shipped_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    expected = two_machines(tmp_path, objects)
    compacted(objects, tmp_path / "cache", kept_s=0)
    for entry in objects.list("parts"):
        (objects.folder / entry.name).unlink()
    fewer = known(objects, tmp_path / "fresh")
    done = compacted(objects, tmp_path / "other", kept_s=0)
    for name in ("one", "two"):
        ship(tmp_path / name, objects, again=True)

    assert fewer == []
    assert done.damaged
    assert known(objects, tmp_path / "fresh") == expected


def test_a_store_of_a_newer_version_is_refused_by_all(
    tmp_path: Path, objects: FolderObjects
) -> None:
    two_machines(tmp_path, objects)
    objects.create("store/format-0001-schema-0099", b"")

    for use in (
        lambda: known(objects, tmp_path / "reader"),
        lambda: compacted(objects, tmp_path / "cache"),
        lambda: shipped(tmp_path / "one", objects),
    ):
        with pytest.raises(InputDataError, match="newer version"):
            use()


def test_a_store_that_is_not_there_is_not_made_by_a_compaction(
    tmp_path: Path, objects: FolderObjects
) -> None:
    with pytest.raises(InputDataError, match="no such store"):
        compacted(objects, tmp_path / "cache")

    assert not objects.folder.exists()


class Forgetful(FolderObjects):
    """A server that replaces what a condition protects."""

    def create(self, name: str, data: bytes) -> bool:
        self.remove([name])
        return super().create(name, data)


def test_a_server_that_does_not_honour_the_condition_is_refused(
    tmp_path: Path,
) -> None:
    objects = Forgetful(tmp_path / "objects")

    with pytest.raises(InputDataError, match="If-None-Match"):
        shipped(tmp_path / "one", objects, batches(0, 1))
