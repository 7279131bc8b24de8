"""Following a live spool."""

import datetime as dt
from pathlib import Path

from toolkit.history import SpoolTail
from toolkit.records import (
    CoordinationEvent,
    LoadSample,
    Provenance,
    Record,
    Spool,
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


def ids(tail: SpoolTail) -> list[str]:
    return [each.record_id for each in tail.read()]


def append(spool: Spool, record: Record) -> None:
    spool.append(record.to_json())


def test_each_line_is_read_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tail = SpoolTail(spool)
    append(spool, event(1))
    first = ids(tail)
    append(spool, event(2))

    assert (first, ids(tail), ids(tail)) == (["e1"], ["e2"], [])


def test_a_file_set_aside_is_not_read_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tail = SpoolTail(spool)
    append(spool, event(1))
    ids(tail)

    spool.seal()
    append(spool, event(2))

    assert ids(tail) == ["e2"]


def test_a_torn_line_waits_for_its_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tail = SpoolTail(spool)
    append(spool, event(1))
    whole = spool.live.read_bytes()
    spool.live.write_bytes(whole + whole[:20])
    first = ids(tail)
    spool.live.write_bytes(whole + whole)

    assert (first, ids(tail)) == (["e1"], ["e1"])


def test_other_kinds_are_passed_over_and_bad_lines_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tail = SpoolTail(spool)
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

    assert (ids(tail), tail.unreadable) == ([], 2)
