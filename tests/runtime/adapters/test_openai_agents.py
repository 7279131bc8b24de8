"""The processor in the real OpenAI Agents SDK, by its own spans."""

import pytest

pytest.importorskip("agents.tracing", reason="`make adapters` installs it")

from agents.tracing import (
    function_span,
    generation_span,
    set_trace_processors,
    trace,
)

from tests.runtime.adapters.bench import Bench
from tests.runtime.adapters.documented import batches, operations, run_example
from toolkit.runtime.adapters.openai_agents import SwarmTracingProcessor


def test_replies_and_functions_become_batches() -> None:
    bench = Bench()
    set_trace_processors([SwarmTracingProcessor(bench.calls)])
    with trace("work"):
        for failing in (False, True):
            with generation_span(model="m"):
                pass
            for number in range(3):
                with function_span("grep") as span:
                    if failing and number == 0:
                        span.set_error({"message": "not there", "data": None})

    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [
        (3, 3, 0),
        (3, 2, 1),
    ]
    assert len(bench.events()) == 6


def test_the_documented_agent_calls_its_tools_in_one_batch() -> None:
    names = run_example("OpenAI")

    assert names["answer"] == "3"
    assert batches(names) == [(3, 3)]
    assert operations(names) == {"length"}
