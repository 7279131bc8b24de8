import ast
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.adapters.bench import Bench
from toolkit.errors import MissingExtraError
from toolkit.runtime import adapters
from toolkit.runtime.adapters.framework import framework

ADAPTERS = ["celery", "crewai", "langchain", "openai_agents", "ray"]


def test_the_calls_between_two_turns_are_one_batch() -> None:
    bench = Bench()
    for turn in range(2):
        bench.calls.turn("a")
        for call in range(3):
            bench.calls.started("a", f"{turn}/{call}", "grep")
        for call in range(3):
            error = OSError() if call == 2 else None
            bench.calls.ended(f"{turn}/{call}", error)
    bench.calls.close()

    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [(3, 2, 1)] * 2
    assert [event.outcome for event in bench.events()][:3] == [
        "succeeded",
        "succeeded",
        "failed",
    ]


def test_agents_have_batches_of_their_own() -> None:
    bench = Bench()
    for agent in "ab":
        bench.calls.started(agent, "1", "grep")
        bench.calls.ended("1")
    bench.calls.close()

    assert {batch.agent_id for batch in bench.batches()} == {"a", "b"}


def test_an_end_without_a_start_is_ignored() -> None:
    bench = Bench()
    bench.calls.ended("1")

    assert (bench.batches(), bench.events()) == ([], [])


def test_a_size_is_recommended() -> None:
    assert Bench().calls.size("shell") == 3


def test_work_is_cut_into_chunks_of_the_recommended_size() -> None:
    assert list(Bench().calls.chunks(range(7), "shell")) == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_one_short_file(name: str) -> None:
    whole = ast.parse(Path(adapters.__file__).with_name(f"{name}.py").read_text())
    for node in ast.walk(whole):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = node.body[ast.get_docstring(node) is not None :] or [ast.Pass()]
    lines = [line for line in ast.unparse(whole).splitlines() if line]

    assert 10 < len(lines) <= 50


def test_an_adapter_without_its_framework_names_the_extra() -> None:
    missing = framework("no_such_framework.callbacks", "langchain")

    base: Any = missing.Base

    class Handler(base):  # type: ignore[misc] # Any
        pass

    with pytest.raises(MissingExtraError, match="langchain"):
        Handler()
    with pytest.raises(MissingExtraError, match="langchain"):
        missing.task_prerun.connect(print)
