"""The demonstration: real processes, real faults, and the engine at work on them."""

import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.cli.heal.view import HealFrame
from toolkit.notifier import MemoryNotifier
from toolkit.records import Spool
from toolkit.runtime.healing import HealingEngine, Journal
from toolkit.runtime.sinks import SpoolSink
from toolkit.studies.chaos import START
from toolkit.testing.pool import (
    ActivityRecords,
    ForkServerProcess,
    LocalAgentPool,
    LocalPoolEffector,
    Lockstep,
    PoolSettings,
    PoolView,
    SteppedClock,
    Task,
)

__all__ = ["DemoSpec", "demonstrate"]

TICK_S = 15.0
SLOTS = ("a1", "a2", "a3", "a4")
MEMORY_LIMIT_BYTES = 96 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSpec:
    """What is shown.

    Attributes
    ----------
    speed : float
        Virtual seconds that pass in a real one; 0 as fast as the processes can.
    seed : int
    store : path, optional
        Record store that gets the activity and the recoveries.
    """

    speed: float
    seed: int
    store: Path | None = None


async def demonstrate(spec: DemoSpec, show: HealFrame | None) -> dict[str, Any]:
    """Run the demonstration to its end and say what happened.

    Returns
    -------
    dict
        Counts of the engine, of the tasks, and each session.
    """
    clock = SteppedClock(START)
    with tempfile.TemporaryDirectory(prefix="heal-") as scratch:
        folder = Path(scratch)
        preload = ("toolkit.testing.pool.worker", "psutil")
        with ForkServerProcess(folder / "n", preload=preload):
            lockstep = Lockstep(folder / "b")
            pool = LocalAgentPool.create(
                folder / "pool",
                PoolSettings(
                    forkserver=str(folder / "n"),
                    tick=str(folder / "b"),
                    memory_limit_bytes=MEMORY_LIMIT_BYTES,
                ),
                clock=clock,
            )
            try:
                with closing(Journal(folder / "healing.sqlite", owner="demo")) as kept:
                    stage = _Stage(spec, pool, lockstep, clock, kept)
                    return await stage.play(show)
            finally:
                pool.close(stop=True)
                lockstep.close()


class _Stage:
    def __init__(
        self,
        spec: DemoSpec,
        pool: LocalAgentPool,
        lockstep: Lockstep,
        clock: SteppedClock,
        journal: Journal,
    ) -> None:
        self.spec = spec
        self.pool = pool
        self.lockstep = lockstep
        self.clock = clock
        self.view = PoolView(pool)
        self.told = MemoryNotifier()
        self.spool = None if spec.store is None else Spool(spec.store / "spool")
        self.activity = ActivityRecords(pool, start=START)
        self.engine = HealingEngine(
            swarm=self.view,
            effector=LocalPoolEffector(pool),
            journal=journal,
            clock=clock,
            notifier=self.told,
            seed=spec.seed,
            records=None if self.spool is None else SpoolSink(self.spool),
        )
        self.script: list[tuple[float, str | None, Callable[[], object]]] = [
            (60.0, "a1", lambda: pool.kill("a1")),
            (180.0, "a2", lambda: lockstep.tell("a2", {"faults": {"kind": "hang"}})),
            (240.0, None, lambda: pool.memory.harm("k0", value="?", writer="a3")),
            (
                420.0,
                "a3",
                lambda: pool.forkserver.signal(pool.process_name("a3"), signal.SIGSTOP),
            ),
            (
                600.0,
                "a4",
                lambda: lockstep.tell("a4", {"faults": {"kind": "slow", "amount": 12}}),
            ),
        ]
        """When, to which agent if to one, and what happens."""
        self.hurt: set[str] = set()
        """Agents that something has happened to."""
        self.hurt_tasks: set[str] = set()
        """Tasks that they have had in hand since."""

    async def play(self, show: HealFrame | None) -> dict[str, Any]:
        """Let it happen."""
        tasks = [
            Task(
                task_id=f"t{n}",
                operation_type="edit",
                duration_s=45.0,
                memory_key=f"k{n % 4}",
                review=n % 4 == 0,
            )
            for n in range(70)
        ]
        self.pool.submit(tasks, agents=len(SLOTS))
        for slot in SLOTS:
            self.pool.spawn(slot)
        while not self._is_over():
            await self._beat(show)
        return self._report()

    async def _beat(self, show: HealFrame | None) -> None:
        begun_s = time.perf_counter()
        now_s = self.clock.monotonic_s() + TICK_S
        self.clock.set(now_s)
        self.lockstep.tick(now_s)
        self._inject(now_s)
        await self.engine.turn()
        if self.spool is not None:
            self.spool.append_all(event.to_json() for event in self.activity.read())
        if show is not None:
            show(
                self.view.snapshot(now_s - TICK_S),
                list(self.engine.results.values()),
                self.engine.open_sessions(),
                list(self.told.kept),
            )
        if self.spec.speed:
            spent_s = time.perf_counter() - begun_s
            time.sleep(max(0.0, TICK_S / self.spec.speed - spent_s))

    def _inject(self, now_s: float) -> None:
        """Let happen what is due.

        An agent is hit at its editing, and never over a task that another one was hit
        over: which of them takes which task is the processes' affair, and two agents
        that end over one task say, wrongly here, that the task is to blame.
        """
        in_hand = {
            row["id"]: (row["task"], row["operation"])
            for row in self.pool.ledger.rows(
                "SELECT id, task, operation FROM agents WHERE task IS NOT NULL"
            )
        }
        self.hurt_tasks |= {in_hand[a][0] for a in self.hurt if a in in_hand}
        for entry in [e for e in self.script if e[0] <= now_s]:
            _, agent, happen = entry
            task, kind = in_hand.get(agent or "", (None, ""))
            if agent is not None and (kind != "edit" or task in self.hurt_tasks):
                continue
            self.script.remove(entry)
            happen()
            if agent is not None:
                self.hurt.add(agent)

    def _is_over(self) -> bool:
        done = set(self.pool.ledger.counts()) <= {"done", "set_aside"}
        late = self.clock.monotonic_s() > 3600.0
        quiet = done and not self.script and not self.engine.open_sessions()
        return quiet or late

    def _report(self) -> dict[str, Any]:
        accepted = self.pool.ledger.rows(
            "SELECT count(*) AS n, count(DISTINCT task) AS tasks FROM results "
            "WHERE accepted"
        )[0]
        return {
            "virtual_s": self.clock.monotonic_s(),
            "statistics": asdict(self.engine.statistics()),
            "tasks": self.pool.ledger.counts(),
            "tasks_done_twice": accepted["n"] - accepted["tasks"],
            "sessions": [
                {
                    "cause": session.cause,
                    "issue": str(session.finding.issue),
                    "opened_s": session.opened_s,
                    "closed_s": session.closed_s,
                    "outcome": session.phase.value,
                    "tried": session.tried,
                }
                for session in self.engine.history
            ],
        }
