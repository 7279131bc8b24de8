import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tests.testing.pool.conftest import LivingPool
from toolkit.errors import InputDataError
from toolkit.runtime.healing import ActivityKind
from toolkit.testing.pool import (
    ForkServer,
    LocalAgentPool,
    PoolView,
    SteppedClock,
    Task,
    WriteLock,
)
from toolkit.testing.pool.forkserver import ForkServerError


def tasks(count: int, **options: object) -> list[Task]:
    return [
        Task(task_id=f"t{n}", operation_type="edit", duration_s=30.0, memory_key="k")
        for n in range(count)
    ]


def accepted(living: LivingPool) -> list[tuple[str, int]]:
    rows = living.pool.ledger.rows(
        "SELECT task, count(*) AS n FROM results WHERE accepted GROUP BY task"
    )
    return sorted((row["task"], row["n"]) for row in rows)


def test_agents_do_every_task_once(living: LivingPool) -> None:
    living.pool.submit(tasks(6), agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)

    living.live_until_done()

    assert accepted(living) == [(f"t{n}", 1) for n in range(6)]


def test_an_agent_is_a_process_of_its_own(living: LivingPool) -> None:
    living.pool.spawn("a1")

    pid = living.pool.processes()["a1"]

    assert pid != os.getpid()
    assert psutil.pid_exists(pid)


def test_a_killed_agents_task_is_done_by_its_replacement(living: LivingPool) -> None:
    living.pool.submit(tasks(1), agents=1)
    living.pool.spawn("a1")
    living.live(15.0)
    living.pool.kill("a1")

    living.pool.replace("a1", key="again")
    living.live_until_done()

    assert accepted(living) == [("t0", 1)]


def test_the_same_key_replaces_once(living: LivingPool) -> None:
    living.pool.spawn("a1")

    agents = {living.pool.replace("a1", key="again") for _ in range(3)}

    assert set(living.pool.processes()) == agents
    assert len(agents) == 1


def test_a_woken_agents_late_result_is_refused(living: LivingPool) -> None:
    living.pool.submit(tasks(1), agents=1)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.live(15.0)
    owner = living.pool.ledger.rows("SELECT owner FROM tasks")[0]["owner"]
    living.pool.forkserver.signal(living.pool.process_name(owner), signal.SIGSTOP)

    living.pool.reassign(owner, key="given-up")
    living.live(90.0)
    living.pool.forkserver.signal(living.pool.process_name(owner), signal.SIGCONT)
    living.live(60.0)

    assert accepted(living) == [("t0", 1)]


def test_a_hung_agent_acknowledges_the_beat_and_says_nothing(
    living: LivingPool,
) -> None:
    living.pool.submit(tasks(20), agents=1)
    living.pool.spawn("a1")
    living.live(30.0)
    living.lockstep.tell("a1", {"faults": {"kind": "hang"}})
    living.live(300.0)

    (agent,) = PoolView(living.pool).snapshot(0.0).agents

    assert agent.alive
    assert agent.active_s is not None
    assert living.clock.monotonic_s() - agent.active_s >= 285.0


def test_a_dead_agent_is_not_seen_at_work_on_what_another_took_over(
    living: LivingPool,
) -> None:
    living.pool.submit(tasks(1), agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.live(15.0)
    (owner,) = living.pool.ledger.rows("SELECT owner FROM tasks")
    living.pool.kill(owner["owner"])
    living.pool.reassign(owner["owner"], key="given-up")
    living.live(45.0)

    (task,) = PoolView(living.pool).snapshot(0.0).tasks or ()

    assert task.runners == (task.owner,)


def test_a_lock_is_free_once_its_hung_holder_is_replaced(living: LivingPool) -> None:
    living.pool.submit(tasks(8), agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.lockstep.tell("a1", {"faults": {"kind": "hang_with_lock"}})
    living.live(120.0)
    waits = [
        act
        for act in PoolView(living.pool).snapshot(0.0).activity
        if act.kind is ActivityKind.WAIT
    ]

    living.pool.replace("a1", key="again")
    living.live_until_done()

    assert waits
    assert len(accepted(living)) == 8


def test_a_full_store_fails_writes_until_it_is_reclaimed(living: LivingPool) -> None:
    many = [
        Task(task_id=f"t{n}", operation_type="edit", duration_s=15.0, memory_key="k")
        for n in range(60)
    ]
    living.pool.submit(many, agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.live(60.0)
    living.pool.memory.fill()
    living.live(300.0)
    failed = [a for a in PoolView(living.pool).snapshot(0.0).activity if a.storage]

    living.pool.memory.reclaim()
    living.live_until_done()

    assert failed
    assert len(accepted(living)) == 60


def test_a_real_write_error_of_one_process_loses_no_task(living: LivingPool) -> None:
    living.pool.submit(tasks(6), agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.live(15.0)
    living.lockstep.tell("a1", {"faults": {"kind": "io_error"}})
    living.live(60.0)

    living.pool.replace("a1", key="again")
    living.live_until_done()

    assert accepted(living) == [(f"t{n}", 1) for n in range(6)]


def test_another_process_may_attach_to_a_pool(living: LivingPool) -> None:
    living.pool.spawn("a1")

    attached = LocalAgentPool(living.pool.directory, clock=living.clock)

    assert attached.processes() == living.pool.processes()
    attached.close()


def test_a_directory_that_is_no_pool_is_refused(tmp_path: Path) -> None:
    clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))

    with pytest.raises(InputDataError, match="not a pool"):
        LocalAgentPool(tmp_path, clock=clock)


def test_a_nursery_that_is_gone_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ForkServerError, match="does not answer"):
        ForkServer(tmp_path / "nowhere").alive()


@pytest.mark.slow
def test_nobody_outlives_a_killed_starter(tmp_path: Path) -> None:
    code = """
import sys, time, signal
from datetime import datetime, UTC
from datetime import UTC, datetime
from pathlib import Path
from toolkit.testing.pool import *
d = Path(sys.argv[1])
with ForkServerProcess(d / "n"):
    lockstep = Lockstep(d / "b")
    pool = LocalAgentPool.create(
        d / "pool",
        PoolSettings(forkserver=str(d / "n"), tick=str(d / "b")),
        clock=SteppedClock(datetime(2026, 1, 5, tzinfo=UTC)),
    )
    pool.spawn("a1")
    pool.spawn("a2")
    pool.forkserver.signal(pool.process_name("a2"), signal.SIGSTOP)
    print(*pool.processes().values(), flush=True)
    time.sleep(60)
"""
    with tempfile.TemporaryDirectory(prefix="o-") as folder:
        starter = subprocess.Popen(
            [sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True
        )
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        starter.kill()
        starter.wait()
        starter.stdout.close()
        limit_s = time.monotonic() + 10.0
        while any(map(psutil.pid_exists, pids)) and time.monotonic() < limit_s:
            time.sleep(0.02)

    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))


def test_an_agent_that_was_stopped_does_not_overwrite_its_successors_result(
    living: LivingPool,
) -> None:
    memory = living.pool.memory
    living.pool.submit(tasks(1), agents=1)
    living.pool.ledger.enlist("old", slot="a1", key="first", now_s=0.0)
    living.pool.ledger.register("old", pid=1, now_s=0.0)
    held = living.pool.ledger.claim("old", now_s=1.0)
    assert held is not None
    living.pool.ledger.requeue("old", now_s=2.0)
    task = held.task_id

    def write(value: str, token: int) -> int | None:
        return memory.write("k", value, writer="a1", task=task, now_s=3.0, token=token)

    stale = write("stale", held.token)
    with living.pool.ledger.transaction() as connection:
        connection.execute("UPDATE tasks SET token=?", (held.token + 1,))
    fresh = write("fresh", held.token + 1)
    late = write("stale", held.token)

    assert (stale, fresh, late) == (None, 1, None)
    entry = memory.read("k")
    assert entry is not None
    assert entry.value == "fresh"


def test_a_killed_agent_takes_the_children_it_left_along(living: LivingPool) -> None:
    living.pool.spawn("a1")
    living.live(15.0)
    living.lockstep.tell("a1", {"faults": {"kind": "orphan"}})
    living.live(30.0)
    lock = WriteLock(living.pool.directory / "write.lock")
    held = lock.acquire("test")
    living.pool.replace("a1", key="again")

    assert held == "a1"
    assert lock.acquire("test") is None
    lock.close()


def test_a_reported_result_that_was_never_written_is_done_again(
    living: LivingPool,
) -> None:
    living.pool.submit(tasks(1), agents=1)
    living.pool.spawn("a1")
    living.lockstep.tell("a1", {"faults": {"kind": "hollow"}})
    living.live(120.0)
    missing = living.pool.missing_results()
    living.pool.replace("a1", key="again")
    living.pool.redo("a1")
    living.live(120.0)

    assert [slot for _, slot, _ in missing] == ["a1"]
    assert living.pool.missing_results() == []
