import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.importers.claude_code.transcripts import Session, import_paths, write
from tests.records.records import a_batch, records
from tests.thorough import sampled
from toolkit.errors import InputDataError, StorageError
from toolkit.history import Addition, RecordStore, check_version, read_store
from toolkit.history import store as record_store
from toolkit.history.store import Rejection
from toolkit.history.version import STORE_FORMAT
from toolkit.records import KINDS, Record, Spool

FEW_IDS = st.sampled_from(["a", "b", "c"])
FEW_RECORDS = st.lists(
    records("batch", FEW_IDS) | records("coordination", FEW_IDS), max_size=8
)


def contents(store: RecordStore) -> list[Record]:
    store.compact()
    return [
        record
        for kind in KINDS
        if store.dataset.days(kind)
        for record in store.dataset.scan(kind)
    ]


def test_a_record_is_added_once(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        said = [store.add(a_batch()), store.add(a_batch())]

    assert said == [Addition.ADDED, Addition.DUPLICATE]


def test_a_fuller_copy_updates_and_a_poorer_one_does_not(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        said = [
            store.add(a_batch(succeeded=1)),
            store.add(a_batch(succeeded=2)),
            store.add(a_batch(succeeded=1)),
        ]
        found = contents(store)

    assert said == [Addition.ADDED, Addition.UPDATED, Addition.DUPLICATE]
    assert found == [a_batch(succeeded=2)]


def test_the_store_remembers_after_it_was_closed(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch())
    with RecordStore(tmp_path) as store:
        said = store.add(a_batch())

    assert said is Addition.DUPLICATE


@pytest.mark.parametrize(
    ("session", "said"), [("s1", Addition.UPDATED), ("s2", Addition.SHARED)]
)
def test_what_only_other_sessions_gave_is_shared(
    tmp_path: Path, session: str, said: Addition
) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch(session_id="s1"))
    with RecordStore(tmp_path) as store:
        added = store.add(a_batch(session_id=session, size=2))

    assert added is said


def test_an_index_of_an_older_form_is_made_again(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch(session_id="s1"))
    with closing(sqlite3.connect(tmp_path / "known.sqlite")) as index, index:
        index.execute("PRAGMA user_version=0")
        index.execute("UPDATE known SET digest = digest & 0xFFFFFFFF")
    with RecordStore(tmp_path) as store:
        store.absorb_spool()
        said = store.add(a_batch(session_id="s1"))

    assert said is Addition.DUPLICATE


def test_copies_in_one_call_count_once(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        said = store.add_all([a_batch(), a_batch(), a_batch(size=2)])

    assert said == [Addition.ADDED, Addition.DUPLICATE, Addition.UPDATED]


@settings(max_examples=sampled(3, whole=5), deadline=None)
@given(FEW_RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Record], chance: object
) -> None:
    shuffled = list(drawn)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random
    with RecordStore(tmp_path_factory.mktemp("one")) as one:
        one.add_all(drawn)
        first = contents(one)
    with RecordStore(tmp_path_factory.mktemp("two")) as two:
        for record in shuffled:
            two.add(record)
            two.compact()
        second = contents(two)

    assert first == second


@settings(max_examples=sampled(3, whole=5), deadline=None)
@given(FEW_RECORDS)
def test_adding_everything_again_adds_nothing(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Record]
) -> None:
    root = tmp_path_factory.mktemp("store")
    with RecordStore(root) as store:
        store.add_all(drawn)
    with RecordStore(root) as store:
        said = store.add_all(drawn)

    assert set(said) <= {Addition.DUPLICATE}


def test_what_others_spooled_is_known_once_absorbed(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.spool.append(a_batch().to_json())
        lines = store.absorb_spool()

        assert lines == 1
        assert store.add(a_batch()) is Addition.DUPLICATE


def test_what_this_store_wrote_is_not_read_again(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch())
        store.flush()

        assert store.absorb_spool() == 0


def test_what_others_wrote_in_between_is_read(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.spool.append(a_batch("other").to_json())
        store.add(a_batch())
        store.flush()
        store.absorb_spool()

        assert store.add(a_batch("other")) is Addition.DUPLICATE


def test_a_lost_index_costs_copies_in_the_spool_only(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch())
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    with RecordStore(tmp_path) as store:
        store.add(a_batch())

        assert contents(store) == [a_batch()]


def test_a_broken_index_is_made_anew_from_the_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch("compacted"))
        store.compact()
        store.add(a_batch("spooled"))
    (tmp_path / "known.sqlite").write_bytes(b"not a database at all" * 100)
    with RecordStore(tmp_path) as store:
        store.absorb_spool()
        again = store.add_all([a_batch("compacted"), a_batch("spooled")])

    assert again == [Addition.DUPLICATE] * 2
    assert "damaged" in caplog.text


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_lost_part_is_healed_by_the_next_import(tmp_path: Path, damage: str) -> None:
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (5, 6)]
    rows = [a_batch(f"r{at.day}", at=at) for at in days]
    with RecordStore(tmp_path) as store:
        store.add_all(rows)
        store.compact()
    part = store.dataset.files("batch")[0]
    whole = part.read_bytes()
    part.unlink()
    if damage != "missing":
        part.write_bytes(b"" if damage == "empty" else whole[:-50])
    with RecordStore(tmp_path) as store:
        again = store.add_all(rows)

    assert again == [Addition.ADDED, Addition.DUPLICATE]
    assert list(store.dataset.scan("batch")) == rows


def test_spool_lines_that_were_lost_are_added_again(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(a_batch())
    store.spool.live.unlink()
    with RecordStore(tmp_path) as store:
        again = store.add(a_batch())

    assert again is Addition.ADDED


def test_a_newer_store_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text('{"format": 99, "schema": 1}')

    with (
        pytest.raises(InputDataError, match="upgrade the toolkit"),
        RecordStore(tmp_path) as store,
    ):
        store.add(a_batch())
    with pytest.raises(InputDataError, match="newer version"):
        read_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["store.json"]


def test_a_store_of_the_first_format_is_read_and_then_raised(tmp_path: Path) -> None:
    Spool(tmp_path / "spool").append(a_batch("old").to_json())
    before = check_version(tmp_path)
    found = [record.record_id for record in read_store(tmp_path).scan("batch")]
    with RecordStore(tmp_path) as store:
        store.add(a_batch("new"))

    assert (before.format, found) == (1, ["old"])
    assert check_version(tmp_path).format == STORE_FORMAT
    with (
        closing(sqlite3.connect(tmp_path / "index.sqlite")) as index,
        pytest.raises(sqlite3.DatabaseError),  # where code of that time stops
    ):
        index.execute("SELECT 1 FROM known")


def test_a_full_disk_is_one_error_and_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = RecordStore(tmp_path)
    store.add(a_batch())
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        store.close()
    monkeypatch.undo()
    with RecordStore(tmp_path) as store:
        again = store.add(a_batch())

    assert again is Addition.ADDED
    assert store.dataset.count("batch") == 1


def test_a_rejection_is_noted_once_and_hides_its_folder(tmp_path: Path) -> None:
    refused = Rejection(file=tmp_path / "secret" / "a.jsonl", line=3, reason="torn")
    with RecordStore(tmp_path / "store") as store:
        store.reject(refused)
        store.reject(refused)
        rows = list(store.rejected())

    assert [(r["file"], r["line"], r["reason"]) for r in rows] == [
        ("a.jsonl", 3, "torn")
    ]
    assert "secret" not in json.dumps(rows)


def test_keyed_hashes_differ_between_stores_and_not_within_one(tmp_path: Path) -> None:
    one, two = RecordStore(tmp_path / "1"), RecordStore(tmp_path / "2")

    assert one.hidden("x") == one.hidden("x")
    assert one.hidden("x") != two.hidden("x")


def test_the_index_grows_by_one_row_a_copy(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add_all([a_batch(), a_batch(source="other"), a_batch()])
    connection = sqlite3.connect(tmp_path / "known.sqlite")
    (rows,) = connection.execute("SELECT count(*) FROM known").fetchone()
    connection.close()

    assert rows == 2


def test_held_rows_are_written_when_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_store, "FLUSH_ROWS", 2)
    store = RecordStore(tmp_path)
    store.add_all([a_batch("a"), a_batch("b")])
    lines = len(list(store.spool.lines()))
    store.close()

    assert lines == 2


ADDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from toolkit.history import RecordStore
from toolkit.records import Batch, Provenance
first = int(sys.argv[2])
with RecordStore(Path(sys.argv[1])) as store:
    for number in range(first, first + 60):
        store.add(Batch(
            record_id=f"r{number}", at=datetime(2026, 1, 5, tzinfo=UTC), source="test",
            provenance=Provenance.DERIVED, operation_type="shell", size=1,
        ))
        store.flush()
"""


@pytest.mark.slow
def test_sixteen_processes_add_overlapping_records_at_once(tmp_path: Path) -> None:
    adders = [
        subprocess.Popen([sys.executable, "-c", ADDER, str(tmp_path), str(first * 20)])
        for first in range(16)
    ]
    ended = [process.wait() for process in adders]
    with RecordStore(tmp_path) as store:
        found = contents(store)

    assert ended == [0] * 16
    assert {r.record_id for r in found} == {f"r{n}" for n in range(360)}
    assert len(found) == 360


IMPORTER = """
import sys
from pathlib import Path
import toolkit.history.importers.gathering as gathering
import toolkit.history.importers.workers as workers
from toolkit.history.store import RecordStore
from toolkit.history.importers import open_source, run_import
import toolkit.history.store as module
gathering.HOLD_ROWS = module.FLUSH_ROWS = 50
workers.WORTH_BYTES = 1
told = lambda done, total, what: print(done, flush=True)
with RecordStore(Path(sys.argv[2])) as store:
    run_import(
        open_source("claude-code"),
        [Path(sys.argv[1])],
        store,
        progress=told,
        workers=int(sys.argv[3]),
    )
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files_before_the_kill", "processes"), [(2, 1), (15, 2), (35, 1)]
)
def test_an_import_killed_in_the_middle_is_finished_by_another(
    tmp_path: Path, files_before_the_kill: int, processes: int
) -> None:
    for number in range(40):
        session = Session(f"s{number}")
        for call in range(30):
            session.call(call, f"c{number}-{call}", message=f"m{call}")
            session.result(call + 0.5, f"c{number}-{call}")
        write(tmp_path / "p" / f"s{number}.jsonl.gz", session.lines)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            IMPORTER,
            str(tmp_path / "p"),
            str(tmp_path / "killed"),
            str(processes),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while int(process.stdout.readline()) < files_before_the_kill:
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stores = [RecordStore(tmp_path / "killed"), RecordStore(tmp_path / "whole")]
    reports = [import_paths(store, tmp_path / "p") for store in stores]
    killed, whole = (
        [(r.kind, r.record_id) for r in contents(store)] for store in stores
    )
    for store in stores:
        store.close()

    assert killed == whole
    assert reports[0].batches == reports[1].batches == 1200
    assert reports[0].duplicates > 0
