"""The handler in real LangChain: a chat model's turns and real tools."""

import pytest

pytest.importorskip("langchain_core", reason="`make adapters` installs it")

from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.tools import ToolException, tool

from tests.runtime.adapters.bench import Bench
from tests.runtime.adapters.documented import batches, operations, run_example
from toolkit.runtime.adapters.langchain import SwarmCallbackHandler


@tool
def look(name: str) -> str:
    """Look something up."""
    if name == "bad":
        raise ToolException("not there")
    return name


def test_turns_and_tools_become_batches() -> None:
    bench = Bench()
    handler = SwarmCallbackHandler(bench.calls)
    model = FakeListChatModel(responses=["one", "two"])
    config = handler.config("shell")
    for names in (["a", "b"], ["c", "bad"]):
        model.invoke("go on", config=config)
        for name in names:
            try:
                look.invoke({"name": name}, config=config)
            except ToolException:
                continue
    bench.calls.close()

    assert config["max_concurrency"] == 3
    assert [(b.size, b.succeeded, b.failed) for b in bench.batches()] == [
        (2, 2, 0),
        (2, 1, 1),
    ]
    assert {event.operation for event in bench.events()} == {"look"}


def test_the_documented_run_leaves_a_batch_for_each_turn() -> None:
    names = run_example("LangChain")

    assert names["config"]["max_concurrency"] == 3
    assert batches(names) == [(3, 3), (2, 2)]
    assert operations(names) == {"length"}
