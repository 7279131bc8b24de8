"""Shipping: nothing acknowledged is lost, and nothing counts twice."""

import json
import shutil
from pathlib import Path

import pytest

from tests.history.objects.folder_objects import FolderObjects, Interrupted, Killed
from tests.history.objects.swarm import (
    all_records,
    batches,
    compacted,
    known,
    machine,
    shipped,
)
from tests.hostile import SEEDS
from toolkit.errors import InputDataError
from toolkit.history import RecordStore, compact_store, dataset, read_store
from toolkit.history.importers import open_source, run_import
from toolkit.history.objects import shipping
from toolkit.history.objects.shipping import ship
from toolkit.records import KINDS


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects")


def ids(first: int, last: int) -> list[str]:
    return sorted(row.record_id for row in batches(first, last))


def test_what_was_shipped_is_not_sent_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    first = shipped(tmp_path / "one", objects, batches(0, 5))
    nothing = shipped(tmp_path / "one", objects)
    more = shipped(tmp_path / "one", objects, batches(5, 7))

    assert (first.segments, first.lines) == (1, 5)
    assert (nothing.segments, nothing.lines) == (0, 0)
    assert (more.segments, more.lines) == (1, 2)
    assert known(objects, tmp_path / "cache") == ids(0, 7)


def test_without_its_note_a_store_sends_the_same_segments(
    tmp_path: Path, objects: FolderObjects
) -> None:
    shipped(tmp_path / "one", objects, batches(0, 5))
    (tmp_path / "one" / shipping.NAME).write_text("nonsense")
    again = shipped(tmp_path / "one", objects)

    assert (again.segments, again.already_there) == (0, 1)


def test_a_segment_that_was_compacted_and_removed_counts_once_when_it_comes_again(
    tmp_path: Path, objects: FolderObjects
) -> None:
    for n in range(4):
        shipped(tmp_path / "one", objects, batches(n, n + 1))
        compacted(objects, tmp_path / "cache", kept_s=0)
    again = ship(tmp_path / "one", objects, again=True)
    compacted(objects, tmp_path / "cache", kept_s=0)

    assert again.segments
    assert known(objects, tmp_path / "cache") == ids(0, 4)


@pytest.mark.parametrize("kept_bytes", [0, 2**26], ids=["retired", "kept"])
def test_a_store_that_compacts_between_two_shipments_ships_all(
    tmp_path: Path,
    objects: FolderObjects,
    monkeypatch: pytest.MonkeyPatch,
    kept_bytes: int,
) -> None:
    monkeypatch.setattr(dataset, "KEPT_SEGMENT_BYTES", kept_bytes)
    for n in range(0, 9, 3):
        with RecordStore(machine(tmp_path / "one", batches(n, n + 1))) as store:
            compact_store(store)
        shipped(tmp_path / "one", objects, batches(n + 1, n + 2))
        machine(tmp_path / "one", batches(n + 2, n + 3))
    shipped(tmp_path / "one", objects)

    assert known(objects, tmp_path / "cache") == ids(0, 9)


def test_every_field_of_a_compacted_store_arrives(
    tmp_path: Path, objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "KEPT_SEGMENT_BYTES", 0)
    root = tmp_path / "one"
    for name, (file, content) in SEEDS.items():
        if name in ("claude-code", "codex", "otlp"):
            place = tmp_path / "logs" / name / file
            place.parent.mkdir(parents=True)
            place.write_bytes(content)
            with RecordStore(root) as store:
                run_import(open_source(name), [place], store)
    with RecordStore(root) as store:
        compact_store(store)
    ship(root, objects)
    local = read_store(root)
    expected = [r for kind in KINDS if local.has(kind) for r in local.scan(kind)]

    found = all_records(objects, tmp_path / "cache")

    assert found == sorted(expected, key=lambda r: (r.kind, r.record_id))
    assert len(found) > 5
    compacted(objects, tmp_path / "cache")
    assert all_records(objects, tmp_path / "cache") == found


def test_machines_that_have_the_same_session_count_it_once(
    tmp_path: Path, objects: FolderObjects
) -> None:
    file, content = SEEDS["claude-code"]
    (tmp_path / file).write_bytes(content)
    for name in ("one", "two"):
        with RecordStore(tmp_path / name) as store:
            run_import(open_source("claude-code"), [tmp_path / file], store)
        ship(tmp_path / name, objects)
    local = read_store(tmp_path / "one")
    expected = {kind: local.count(kind) for kind in KINDS}

    def counted() -> dict[str, int]:
        found = [record.kind for record in all_records(objects, tmp_path / "cache")]
        return {kind: found.count(kind) for kind in KINDS}

    assert counted() == expected
    compacted(objects, tmp_path / "cache")
    assert counted() == expected


def test_a_spool_that_was_made_again_is_shipped_from_its_beginning(
    tmp_path: Path, objects: FolderObjects
) -> None:
    shipped(tmp_path / "one", objects, batches(0, 9))
    shutil.rmtree(tmp_path / "one" / "spool")
    (tmp_path / "one" / "known.sqlite").unlink()
    shipped(tmp_path / "one", objects, batches(20, 40))

    assert known(objects, tmp_path / "cache") == sorted(ids(0, 9) + ids(20, 40))


def test_a_torn_line_is_shipped_when_it_is_whole(
    tmp_path: Path, objects: FolderObjects
) -> None:
    root = machine(tmp_path / "one", batches(0, 2))
    live = root / "spool" / "live.jsonl"
    whole = live.read_bytes()
    line = json.dumps(batches(2, 3)[0].to_json()).encode()
    live.write_bytes(whole + line[:50])
    torn = ship(root, objects)
    live.write_bytes(whole + line + b"\n")
    ship(root, objects)

    assert torn.lines == 2
    assert known(objects, tmp_path / "cache") == ids(0, 3)


def test_long_spools_are_cut_into_segments_at_the_ends_of_lines(
    tmp_path: Path, objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "SEGMENT_BYTES", 1000)
    done = shipped(tmp_path / "one", objects, batches(0, 30))

    assert done.segments > 3
    assert done.lines == 30
    assert known(objects, tmp_path / "cache") == ids(0, 30)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_shipment_that_is_killed_at_any_request_is_taken_up_again(
    tmp_path: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise Killed

    monkeypatch.setattr(shipping, "SEGMENT_BYTES", 1000)
    for at in range(1, 20):
        objects = FolderObjects(tmp_path / f"objects{at}")
        root = machine(tmp_path / f"one{at}", batches(0, 20))
        dying = Interrupted(objects, at, die, after=after)
        try:
            ship(root, dying)
        except Killed:
            shipped(root, objects, batches(20, 22))
            assert (at, known(objects, tmp_path / "cache")) == (at, ids(0, 22))
            shutil.rmtree(tmp_path / "cache")
        else:
            assert at > 5
            return
    pytest.fail("a shipment never ended")


def test_what_a_shipment_that_died_left_is_removed(
    tmp_path: Path, objects: FolderObjects
) -> None:
    root = machine(tmp_path / "one", batches(0, 2))
    (root / ".ship-left").mkdir()
    ship(root, objects)

    assert not (root / ".ship-left").exists()


def test_a_store_that_is_not_there_is_not_shipped_as_an_empty_one(
    tmp_path: Path, objects: FolderObjects
) -> None:
    with pytest.raises(InputDataError, match="no such store"):
        ship(tmp_path / "missing", objects)

    assert list(tmp_path.iterdir()) == []
