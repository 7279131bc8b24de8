"""A sink that fails or blocks slows nothing, and what is lost is counted."""

import datetime as dt
import logging
import threading
import time
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.records import LoadSample, Provenance, Record, Spool
from toolkit.runtime.sinks import (
    FanOut,
    LoggingSink,
    MemorySink,
    QueuedSink,
    SpoolSink,
)


def sample(number: int = 0) -> LoadSample:
    return LoadSample(
        record_id=f"r{number}",
        at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
        source="test",
        provenance=Provenance.MEASURED,
        host="h",
        cpu=0.5,
    )


class Blocking:
    """Hangs at its first record until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    def emit(self, record: Record, /) -> None:
        self.entered.set()
        self.released.wait(30)

    def close(self) -> None: ...


class Failing:
    def emit(self, record: Record, /) -> None:
        raise ConnectionError("secret address")

    def close(self) -> None: ...


def test_a_queued_sink_delivers_everything() -> None:
    inner = MemorySink()
    sink = QueuedSink(inner, capacity=1000)

    for number in range(500):
        sink.emit(sample(number))
    sink.close()

    assert [record.record_id for record in inner.kept] == [
        f"r{number}" for number in range(500)
    ]


def test_a_blocked_sink_drops_and_counts() -> None:
    inner = Blocking()
    sink = QueuedSink(inner, capacity=10)
    sink.emit(sample())
    inner.entered.wait(5)

    for number in range(100):
        sink.emit(sample(number))

    seen = sink.statistics()
    inner.released.set()
    assert (seen.accepted, seen.dropped, seen.waiting) == (11, 90, 11)


def test_a_blocked_sink_costs_its_caller_next_to_nothing() -> None:
    inner = Blocking()
    sink = QueuedSink(inner, capacity=10)
    began_s = time.perf_counter()

    for number in range(2000):
        sink.emit(sample(number))

    spent_s = time.perf_counter() - began_s
    inner.released.set()
    assert spent_s < 5.0  # one blocked call alone would take 30 s


def test_closing_does_not_wait_for_one_that_hangs() -> None:
    inner = Blocking()
    sink = QueuedSink(inner, capacity=1)
    sink.emit(sample())
    inner.entered.wait(5)
    sink.emit(sample())

    sink.close(timeout_s=0.05)
    seen = sink.statistics()
    inner.released.set()

    assert seen.waiting == 2


def test_a_failing_sink_is_counted_by_type_without_its_text() -> None:
    sink = QueuedSink(Failing())

    for number in range(3):
        sink.emit(sample(number))
    sink.close()

    seen = sink.statistics()
    assert (seen.failed, seen.delivered, seen.last_error) == (3, 0, "ConnectionError")


def test_after_closing_everything_is_dropped() -> None:
    sink = QueuedSink(MemorySink())
    sink.close()
    sink.close()

    sink.emit(sample())

    assert sink.statistics().dropped == 1


def test_a_queue_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="capacity"):
        QueuedSink(MemorySink(), capacity=0)


def test_the_spool_keeps_every_record(tmp_path: Path) -> None:
    sink = SpoolSink(Spool(tmp_path))

    for number in range(3):
        sink.emit(sample(number))

    rows = [line.row for line in Spool(tmp_path).lines()]
    assert [LoadSample.from_json(row) for row in rows if row] == [
        sample(number) for number in range(3)
    ]


def test_a_full_disk_is_told_to_the_caller(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(OSError, match="file"):
        SpoolSink(Spool(blocked)).emit(sample())


def test_fan_out_reaches_each() -> None:
    left, right = MemorySink(), MemorySink()

    FanOut([left, right]).emit(sample())

    assert len(left.kept) == len(right.kept) == 1


def test_log_lines_carry_the_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="swarm"):
        LoggingSink(logging.getLogger("swarm")).emit(sample())

    assert caplog.records[0].__dict__["swarm"]["cpu"] == 0.5


def test_a_level_that_is_off_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="swarm"):
        LoggingSink(logging.getLogger("swarm")).emit(sample())

    assert caplog.records == []
