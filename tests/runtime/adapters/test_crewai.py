"""The listener on the event bus of real CrewAI: a crew, its tools, and its events."""

import pytest

pytest.importorskip("crewai", reason="`make adapters` installs it")

from crewai.events import (
    LLMCallStartedEvent,
    ToolUsageErrorEvent,
    ToolUsageFinishedEvent,
    ToolUsageStartedEvent,
    crewai_event_bus,
)

from tests.runtime.adapters.bench import Bench
from tests.runtime.adapters.documented import batches, operations, run_example
from toolkit.clock import SystemClock
from toolkit.runtime.adapters.crewai import SwarmEventListener


@pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")
def test_the_documented_crew_leaves_a_batch_for_each_task() -> None:
    with crewai_event_bus.scoped_handlers():
        names = run_example("CrewAI")

    assert names["answers"] == ["3", "3"]
    assert batches(names) == [(1, 1), (1, 1)]
    assert operations(names) == {"length"}


def test_replies_begin_batches_and_errors_are_failures() -> None:
    bench, now = Bench(), SystemClock().now()
    tool = {"tool_name": "grep", "tool_args": {}, "agent_role": "a"}
    with crewai_event_bus.scoped_handlers():
        SwarmEventListener(bench.calls)
        for failing in (False, True):
            crewai_event_bus.emit(
                None, LLMCallStartedEvent(call_id="c", model="m", agent_role="a")
            )
            for number in range(2):
                crewai_event_bus.emit(None, ToolUsageStartedEvent(**tool))
                ended = ToolUsageFinishedEvent(
                    **tool, started_at=now, finished_at=now, output=""
                )
                if failing and number == 0:
                    ended = ToolUsageErrorEvent(**tool, error="not there")
                crewai_event_bus.emit(None, ended)
        crewai_event_bus.flush()
    bench.calls.close()

    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [
        (2, 2, 0),
        (2, 1, 1),
    ]
