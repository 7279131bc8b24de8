"""What every sink promises, asked of each of them."""

import inspect
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from tests.runtime.sinks.rows import rows
from toolkit.records import Spool
from toolkit.runtime import sinks
from toolkit.runtime.sinks import MemorySink, Sink

MEMBERS: dict[str, Callable[[Path], Sink]] = {
    "FanOut": lambda _: sinks.FanOut([MemorySink()]),
    "LoggingSink": lambda _: sinks.LoggingSink(logging.getLogger("swarm")),
    "MemorySink": lambda _: MemorySink(),
    "OpenTelemetrySink": lambda _: sinks.OpenTelemetrySink(TracerProvider()),
    "PrometheusSink": lambda _: sinks.PrometheusSink(CollectorRegistry()),
    "QueuedSink": lambda _: sinks.QueuedSink(MemorySink()),
    "SettledSink": lambda _: sinks.SettledSink(MemorySink()),
    "SpoolSink": lambda folder: sinks.SpoolSink(Spool(folder)),
}

every_sink = pytest.mark.parametrize("name", MEMBERS)


def test_every_sink_of_the_room_is_enrolled() -> None:
    classes = {
        name
        for name in sinks.__all__
        if inspect.isclass(found := getattr(sinks, name))
        and name.endswith(("Sink", "FanOut"))
        and hasattr(found, "emit")
    }

    assert classes - {"Sink"} == set(MEMBERS)


@every_sink
def test_it_takes_every_kind_of_record(name: str, tmp_path: Path) -> None:
    sink = MEMBERS[name](tmp_path)

    for row in rows():
        sink.emit(row)
    sink.close()

    assert isinstance(sink, Sink)


@every_sink
def test_closing_twice_is_closing_once(name: str, tmp_path: Path) -> None:
    sink = MEMBERS[name](tmp_path)

    sink.close()
    sink.close()

    assert isinstance(sink, Sink)
