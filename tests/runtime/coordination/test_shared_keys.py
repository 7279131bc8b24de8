import pytest

from tests.runtime.coordination.agents import agent
from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.counts import (
    IS_DUPLICATE,
    IS_KEYED,
    IS_READ,
    IS_STALE_READ,
    IS_STALE_WRITE,
    IS_WRITE,
)
from toolkit.runtime.coordination.shared_keys import SharedKeys

HORIZON = 600e6
FLAGS = IS_STALE_READ | IS_STALE_WRITE | IS_DUPLICATE


class Swarm:
    """Two agents on one key, an operation a second unless an instant is named."""

    def __init__(self) -> None:
        self.keys = SharedKeys(horizon=HORIZON, most_keys=100)
        self.agents = {name: agent(name) for name in "ab"}
        self.now = 0.0

    def does(
        self,
        name: str,
        action: str | None,
        *,
        operation: str = "",
        seen: int | None = None,
        version: int | None = None,
        later: float = 1e6,
    ) -> int:
        me: AgentRecord = self.agents[name]
        self.now += later
        operation = operation or f"{name}:{action}"
        code = self.keys.classify(me, operation, "k", self.now, action, seen, version)
        me.operations += 1
        me.push(1, None, self.now)
        self.keys.commit(self.now)
        return code


@pytest.fixture
def swarm() -> Swarm:
    return Swarm()


def test_reads_and_writes_are_told_apart_from_what_is_neither(swarm: Swarm) -> None:
    assert swarm.does("a", "write") == IS_KEYED | IS_WRITE
    assert swarm.does("a", "read") == IS_KEYED | IS_READ
    assert swarm.does("a", None) == IS_KEYED


def test_a_write_over_anothers_that_was_not_read_is_stale(swarm: Swarm) -> None:
    swarm.does("a", "write")

    assert swarm.does("b", "write") & FLAGS == IS_STALE_WRITE


def test_a_write_after_reading_the_others_is_not_stale(swarm: Swarm) -> None:
    swarm.does("a", "write")
    swarm.does("b", "read")

    assert swarm.does("b", "write") & FLAGS == 0
    assert swarm.does("a", "write") & FLAGS == IS_STALE_WRITE


def test_versions_say_who_knew_the_newest(swarm: Swarm) -> None:
    swarm.does("a", "write", version=2)

    assert swarm.does("b", "read", seen=1) & FLAGS == IS_STALE_READ
    assert swarm.does("b", "write", seen=2, version=3) & FLAGS == 0
    assert swarm.does("a", "write", seen=2, version=4) & FLAGS == IS_STALE_WRITE


def test_what_another_has_just_done_is_done_twice(swarm: Swarm) -> None:
    swarm.does("a", None, operation="summarise")

    assert swarm.does("a", None, operation="summarise") & FLAGS == 0
    assert swarm.does("b", None, operation="summarise") & FLAGS == IS_DUPLICATE
    assert swarm.does("b", None, operation="translate") & FLAGS == 0


def test_a_write_makes_doing_it_again_worth_while(swarm: Swarm) -> None:
    swarm.does("a", None, operation="summarise")
    swarm.does("b", "write")

    assert swarm.does("b", None, operation="summarise") & FLAGS == 0


def test_what_is_older_than_the_horizon_is_forgotten(swarm: Swarm) -> None:
    swarm.does("a", "write", operation="edit")

    assert swarm.does("b", "write", operation="edit", later=HORIZON + 1) & FLAGS == 0


def test_two_writes_of_one_instant_have_not_seen_each_other(swarm: Swarm) -> None:
    swarm.now = 1e6
    codes = [
        swarm.keys.classify(me, f"write {me.name}", "k", swarm.now, "write", None, None)
        for me in swarm.agents.values()
    ]
    swarm.keys.commit(swarm.now)

    assert [code & FLAGS for code in codes] == [0, 0]
    assert swarm.does("a", "write") & FLAGS == 0  # both wrote the newest
