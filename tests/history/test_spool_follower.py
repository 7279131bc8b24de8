"""Following a live spool."""

import datetime as dt
from pathlib import Path

from toolkit.history.dataset import LocalDataset
from toolkit.records import (
    CoordinationEvent,
    LoadSample,
    Provenance,
    Record,
    Spool,
    SpoolFollower,
)

AT = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def event(number: int) -> CoordinationEvent:
    return CoordinationEvent(
        record_id=f"e{number}",
        at=AT,
        source="test",
        provenance=Provenance.MEASURED,
        agent_id="a",
        operation="look",
        action="read",
    )


def ids(follower: SpoolFollower) -> list[str]:
    return [each.record_id for each in follower.records(CoordinationEvent)]


def append(spool: Spool, record: Record) -> None:
    spool.append(record.to_json())


def test_each_line_is_read_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    follower = SpoolFollower(spool)
    append(spool, event(1))
    first = ids(follower)
    append(spool, event(2))

    assert (first, ids(follower), ids(follower)) == (["e1"], ["e2"], [])


def test_a_file_set_aside_is_not_read_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    follower = SpoolFollower(spool)
    append(spool, event(1))
    ids(follower)

    spool.seal()
    append(spool, event(2))

    assert ids(follower) == ["e2"]


def test_no_event_is_missed_whatever_compactions_pass(tmp_path: Path) -> None:
    spool, dataset = Spool(tmp_path / "spool"), LocalDataset(tmp_path / "dataset")
    follower = SpoolFollower(spool)
    seen = ids(follower)
    for number in range(40):
        append(spool, event(number))
        if number % 3 == 0:
            dataset.compact(spool)
        if number % 7 == 0:
            seen += ids(follower)
    seen += ids(follower)

    assert seen == [f"e{number}" for number in range(40)]
    assert follower.missed_segments == 0


def test_segments_that_are_gone_are_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    follower = SpoolFollower(spool)
    append(spool, event(1))
    ids(follower)
    for number in (2, 3):
        append(spool, event(number))
        spool.retire(spool.seal()[-1].number, keep_bytes=0)
    append(spool, event(4))

    assert (ids(follower), follower.missed_segments) == (["e2", "e4"], 1)


def test_a_torn_line_waits_for_its_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    follower = SpoolFollower(spool)
    append(spool, event(1))
    whole = spool.live.read_bytes()
    spool.live.write_bytes(whole + whole[:20])
    first = ids(follower)
    spool.live.write_bytes(whole + whole)

    assert (first, ids(follower)) == (["e1"], ["e1"])


def test_other_kinds_are_passed_over_and_bad_lines_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    follower = SpoolFollower(spool)
    append(
        spool,
        LoadSample(
            record_id="l",
            at=AT,
            source="test",
            provenance=Provenance.MEASURED,
            host="h",
        ),
    )
    spool.append({"kind": "coordination"})
    with spool.live.open("a") as stream:
        stream.write("not json\n")

    assert (ids(follower), follower.unreadable) == ([], 2)
