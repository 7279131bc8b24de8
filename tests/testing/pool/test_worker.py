"""The agent's own side, driven turn by turn in this process."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from toolkit.testing.pool import Task
from toolkit.testing.pool.ledger import Ledger
from toolkit.testing.pool.memory import SharedMemory
from toolkit.testing.pool.worker import Worker


class Agent:
    """A worker without its process: turns are given by hand."""

    def __init__(self, folder: Path, agent_id: str = "a1", **options: Any) -> None:
        self.ledger = Ledger(folder / "pool.sqlite")
        self.memory = SharedMemory(folder / "memory.sqlite")
        self.ledger.enlist(agent_id, slot=agent_id, key="first", now_s=0.0)
        self.ledger.register(agent_id, pid=1, now_s=0.0)
        self.now_s = 0.0
        self.worker = Worker(
            directory=str(folder),
            tick="nowhere",
            agent_id=agent_id,
            slot=agent_id,
            now_s=0.0,
            **options,
        )

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.now_s += 15.0
            self.worker._turn(self.now_s, {"now_s": self.now_s, "jump_s": 0.0})

    def said(self) -> list[str]:
        rows = self.ledger.rows(
            "SELECT kind FROM activity WHERE agent='a1' ORDER BY seq"
        )
        return [row["kind"] for row in rows]


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def submit(agent: Agent, **given: Any) -> None:
    known: dict[str, Any] = {
        "task_id": "t1",
        "operation_type": "edit",
        "duration_s": 30.0,
        "memory_key": "k",
    }
    agent.ledger.submit([Task(**{**known, **given})], now_s=0.0, planned_s=[30.0])


def test_work_is_begun_spoken_of_and_finished(agent: Agent) -> None:
    submit(agent)

    agent.turn(3)

    assert agent.said() == ["start", "step", "finish"]


def test_silent_work_says_nothing_between_its_ends(agent: Agent) -> None:
    submit(agent, silent=True, duration_s=150.0)
    agent.ledger.send("a1", "remind", "", now_s=0.0)

    agent.turn(11)

    assert agent.said() == ["answer", "start", "finish"]


def test_an_agent_that_is_not_yet_awake_does_nothing(tmp_path: Path) -> None:
    agent = Agent(tmp_path, start_delay_s=60.0)
    submit(agent)

    agent.turn(3)

    assert agent.said() == []


def test_a_reminder_is_answered(agent: Agent) -> None:
    agent.ledger.send("a1", "remind", "", now_s=0.0)

    agent.turn()

    assert agent.said() == ["answer"]


def test_work_that_was_given_to_another_is_dropped_when_told(agent: Agent) -> None:
    submit(agent)
    agent.turn()
    agent.ledger.requeue("a1", now_s=20.0)
    agent.ledger.enlist("a2", slot="a2", key="first", now_s=0.0)
    agent.ledger.register("a2", pid=2, now_s=0.0)
    agent.ledger.claim("a2", now_s=20.0)

    agent.turn()

    assert agent.said() == ["start", "drop"]


def test_a_drop_message_about_work_that_is_ones_own_is_ignored(agent: Agent) -> None:
    submit(agent)
    agent.turn()
    agent.ledger.send("a1", "drop", "t1", now_s=20.0)

    agent.turn(2)

    assert agent.said()[-1] == "finish"


def test_a_result_under_an_old_token_is_refused(agent: Agent) -> None:
    submit(agent)
    agent.turn()
    with agent.ledger.transaction() as connection:
        connection.execute("UPDATE tasks SET token=token+1")

    agent.turn(2)

    assert agent.said()[-1] == "refused"


def test_a_held_lock_makes_the_agent_wait_and_say_for_whom(
    agent: Agent, tmp_path: Path
) -> None:
    submit(agent)
    other = Agent(tmp_path, "a2")
    other.worker.lock.acquire("a2")

    agent.turn(4)

    (row,) = agent.ledger.rows("SELECT waiting_for FROM agents WHERE id='a1'")
    assert (agent.said()[-1], row["waiting_for"]) == ("wait", "a2")


def test_a_review_goes_to_another_agent_by_message(
    agent: Agent, tmp_path: Path
) -> None:
    submit(agent, review=True)
    reviewer = Agent(tmp_path, "a2")
    agent.turn(3)
    reviewer.now_s = agent.now_s

    reviewer.turn(3)

    assert agent.ledger.counts() == {"done": 2}


def test_a_full_store_is_said_and_tried_again(agent: Agent) -> None:
    submit(agent)
    agent.memory.fill()
    with contextlib.suppress(sqlite3.OperationalError):
        for n in range(99):
            agent.memory.write("k", "x" * 900, writer="a2", task=f"o{n}", now_s=0.0)
    agent.turn(5)
    failed = agent.said().count("fail")

    agent.memory.reclaim()
    agent.turn(1)

    assert failed >= 1
    assert agent.said()[-1] == "finish"


def test_a_heartbeat_in_the_loop_is_not_stamped_inside_a_long_call(
    tmp_path: Path,
) -> None:
    agent = Agent(tmp_path, heartbeat="loop")
    submit(agent, silent=True, duration_s=300.0)

    agent.turn(6)

    (row,) = agent.ledger.rows("SELECT heartbeat_s FROM agents")
    assert row["heartbeat_s"] is None


def test_a_slowed_agent_gets_on_so_much_slower(agent: Agent) -> None:
    submit(agent, duration_s=30.0)
    agent.worker.faults.begin("slow", amount=10.0)

    agent.turn(20)

    assert "finish" not in agent.said()


def test_a_growing_agent_really_takes_memory(agent: Agent) -> None:
    agent.worker.faults.begin("grow", amount=float(1 << 20))

    agent.turn(3)

    assert sum(map(len, agent.worker.faults._taken)) == 3 << 20


def test_a_corrupting_agent_harms_what_is_there(agent: Agent) -> None:
    agent.memory.write("k", "good", writer="a2", task="t0", now_s=0.0)
    agent.worker.faults.begin("corrupt")

    agent.turn()

    entry = agent.memory.read("k")
    assert entry is not None
    assert not entry.consistent
