from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.testing.pool import Task, WriteLock
from toolkit.testing.pool.ledger import Ledger
from toolkit.testing.pool.memory import SharedMemory

AGENTS = ("a1", "a2", "a3")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "complete", "requeue"]), st.sampled_from(AGENTS)
    ),
    max_size=60,
)


def ledger_with(folder: Path, count: int) -> Ledger:
    ledger = Ledger(folder / "pool.sqlite")
    some = [
        Task(task_id=f"t{n}", operation_type="edit", duration_s=1.0)
        for n in range(count)
    ]
    ledger.submit(some, now_s=0.0, planned_s=[1.0] * count)
    for agent in AGENTS:
        ledger.enlist(agent, slot=agent, key="first", now_s=0.0)
        ledger.register(agent, pid=1, now_s=0.0)
    return ledger


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_happens_no_task_is_lost_or_done_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, str]]
) -> None:
    ledger = ledger_with(tmp_path_factory.mktemp("ledger"), 3)
    held: dict[str, list[Task]] = {agent: [] for agent in AGENTS}
    for verb, agent in steps:
        if verb == "claim":
            task = ledger.claim(agent, now_s=1.0)
            held[agent] += [task] if task else []
        elif verb == "complete" and held[agent]:
            ledger.complete(held[agent].pop(), agent, now_s=1.0)
        elif verb == "requeue":
            ledger.requeue(agent, now_s=1.0)

    done = ledger.rows("SELECT task FROM results WHERE accepted")

    assert len(done) == len({row["task"] for row in done})
    assert sum(ledger.counts().values()) == 3
    assert ledger.counts().get("done", 0) == len(done)
    ledger.close()


def test_a_retired_agent_gets_no_task(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, 1)
    ledger.retire("a1")

    assert ledger.claim("a1", now_s=1.0) is None


def test_a_second_process_cannot_take_a_taken_place(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, 0)

    assert not ledger.register("a1", pid=2, now_s=0.0)


def test_a_message_is_read_once(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, 0)
    ledger.send("a1", "remind", "", now_s=0.0)

    assert ledger.receive("a1", now_s=1.0) == [("remind", "")]
    assert ledger.receive("a1", now_s=2.0) == []


def test_a_corrupted_entry_is_seen_and_repaired_from_its_versions(
    tmp_path: Path,
) -> None:
    memory = SharedMemory(tmp_path / "memory.sqlite")
    memory.write("k", "good", writer="a1", task="t1", now_s=0.0)
    memory.harm("k", value="bad", writer="a2")
    entry = memory.read("k")
    assert entry is not None
    assert not entry.consistent

    memory.repair(("k",))

    mended = memory.read("k")
    assert mended is not None
    assert (mended.value, mended.consistent) == ("good", True)


def test_a_stale_entry_is_seen_though_its_digest_is_right(tmp_path: Path) -> None:
    memory = SharedMemory(tmp_path / "memory.sqlite")
    for n in (1, 2):
        memory.write("k", f"v{n}", writer="a1", task=f"t{n}", now_s=0.0)

    memory.age("k")

    entry = memory.read("k")
    assert entry is not None
    assert (entry.intact, entry.consistent) == (True, False)


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    mine, theirs = WriteLock(tmp_path / "lock"), WriteLock(tmp_path / "lock")
    mine.acquire("a1")

    assert theirs.acquire("a2") == "a1"
    mine.close()
    assert theirs.acquire("a2") is None
    theirs.close()


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_what_interrupts_a_transaction_takes_it_back(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    ledger = ledger_with(tmp_path, 2)

    def interrupted() -> None:
        with ledger.transaction() as connection:
            connection.execute("DELETE FROM tasks")
            raise interruption

    with pytest.raises(interruption):
        interrupted()

    assert ledger.rows("SELECT count(*) AS left FROM tasks")[0]["left"] == 2
    assert ledger.claim("a1", now_s=1.0) is not None
