"""One episode: a pool at work, one thing that happens to it, a healer, and the truth.

The truth is looked up in the pool itself, never asked of the healer: is every task done
exactly once, does every slot have one agent that can speak and is not the one that was
hurt, is the memory whole, is the lock free, is no unknown process left.
"""

import math
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.runtime.healing import HealingSession, Journal, SilenceThresholds
from toolkit.studies.chaos.composed import inject_composed
from toolkit.studies.chaos.faults import (
    COMPOSED,
    CRASHED_OVER,
    JUMP_S,
    OVERLAPPING,
    Injection,
    advance,
    inject,
)
from toolkit.studies.chaos.healer import START
from toolkit.testing.pool import (
    ForkServer,
    LocalAgentPool,
    Lockstep,
    PoolSettings,
    PoolView,
    SteppedClock,
    Task,
    WriteLock,
    can_speak,
)

__all__ = ["Case", "EpisodeResult", "run_episode"]

TICK_S = 15.0
MEMORY_LIMIT_BYTES = 96 << 20
QUIET_S = 150.0
"""An episode ends when its work is done and nothing has happened for this long."""

LIMIT_S = 1800.0
"""Virtual time after the fault in which everything must be whole again."""

CONTROL_S = 900.0
LOAD_S = 600.0
"""Work for each agent, undisturbed."""

SHOWN_BY_WORK = frozenset(
    {
        "slow_down",
        "hollow_finisher",
        "returner",
        "fake_progress",
        "halting",
        "corrupting_agent",
        "slow",
        "lie",
    }
)
"""Faults that an agent without work does not show and harms nothing by."""

STORM_RESTARTS = 3
STORM_WINDOW_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What an episode is about.

    Attributes
    ----------
    kind : str
        A fault, or a control.
    control : bool
    seed : int
    healer : str
        `engine`, `heartbeat_loop`, `heartbeat_thread`, or `none`.
    """

    kind: str
    control: bool
    seed: int
    healer: str

    @property
    def name(self) -> str:
        """Name of the episode.

        Examples
        --------
        >>> Case(kind="hang", control=False, seed=3, healer="engine").name
        'engine/hang/3'
        """
        return f"{self.healer}/{self.kind}/{self.seed}"


@dataclass(slots=True, kw_only=True)
class EpisodeResult:
    """What came of it.

    Attributes
    ----------
    case : dict
    injected : list of str
        The single faults, in the order they were injected.
    detected : bool
        Whether a cause of every injected fault was treated.
    whole : bool
        Whether everything was whole at the end.
    broken : list of str
        What was not.
    claimed : bool or None
        Whether the healer itself says that all it treated was healed.
    detect_s, repair_s : float or None
        From the fault to its detection, and to the last measured recovery.
    rung : str or None
        Which rung worked last.
    false_heals : int
        Treatments of something that was not hurt.
    restarts : int
    storm : bool
        More than three restarts of one slot within 300 s.
    lost, doubled, refused : int
        Tasks never done; done more than once; results refused by the fencing token.
    orphans : int
        Processes alive that belong to no agent, and left after the end.
    handed_over : list of str
        Causes for which a person was called.
    contained : bool
        Whether everything that is not whole is one of those.
    claims, false_claims : int
        Sessions that end as a success, and those of them that the pool refutes.
    withdrawn : int
        Successes that the healer took back, since their cause came back.
    set_aside : int
        Tasks kept from every agent, with a person called.
    healthy_restarts : int
        Restarts of agents that no fault had hit.
    calls_repeated : int
        Calls of a person for a cause that a person had been called for.
    virtual_s : float
    """

    case: dict[str, Any]
    injected: list[str]
    detected: bool = False
    whole: bool = False
    broken: list[str]
    claimed: bool | None = None
    detect_s: float | None = None
    repair_s: float | None = None
    rung: str | None = None
    false_heals: int = 0
    restarts: int = 0
    storm: bool = False
    lost: int = 0
    doubled: int = 0
    refused: int = 0
    orphans: int = 0
    handed_over: list[str] = field(default_factory=list)
    contained: bool = False
    claims: int = 0
    false_claims: int = 0
    withdrawn: int = 0
    set_aside: int = 0
    healthy_restarts: int = 0
    calls_repeated: int = 0
    virtual_s: float = 0.0


def run_episode(
    case: Case,
    *,
    work: Path,
    forkserver: Path,
    silences: Path | None = None,
    timeout_s: float = 60.0,
    learn: SilenceThresholds | None = None,
) -> EpisodeResult:
    """Run one episode from start to end.

    Parameters
    ----------
    case : Case
    work : path
        Scratch directory; what the episode makes in it is removed again.
    forkserver : path
        Socket of a running forkserver.
    silences : path, optional
        Known silences for the engine.
    timeout_s : float
        Of the heartbeat healers.
    learn : SilenceThresholds, optional
        Learns the silences of this episode.
    """
    episode = _Episode(case, work, forkserver, silences, timeout_s)
    try:
        episode.run()
        if learn is not None:
            learn.learn_all(PoolView(episode.pool).snapshot(-1.0).activity)
        return episode.result()
    finally:
        episode.end()


class _Episode:
    """The moving parts of one episode."""

    def __init__(
        self,
        case: Case,
        work: Path,
        forkserver: Path,
        silences: Path | None,
        timeout_s: float,
    ) -> None:
        self.case = case
        kind = sum(case.kind.encode())
        self.random = np.random.default_rng([case.seed, kind, case.control])
        self.directory = work / case.name.replace("/", "-")
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.clock = SteppedClock(START)
        tick = self.directory / "b"
        self.lockstep = Lockstep(tick)
        heartbeat = case.healer.partition("_")[2]
        self.pool = LocalAgentPool.create(
            self.directory / "pool",
            PoolSettings(
                forkserver=str(forkserver),
                tick=str(tick),
                memory_limit_bytes=MEMORY_LIMIT_BYTES,
                heartbeat=heartbeat,
            ),
            clock=self.clock,
        )
        self.forkserver = ForkServer(forkserver)
        self.options: dict[str, Any] = {
            "directory": str(self.pool.directory),
            "tick": str(tick),
            "healer": case.healer.partition("_")[0],
            "seed": case.seed,
            "silences": "" if silences is None else str(silences),
            "timeout_s": timeout_s,
        }
        self.injections: list[Injection] = []
        self.jump_s = 0.0
        self.initial = 0
        self.ended_s = 0.0

    # Living through it.

    def run(self) -> None:
        """Set the pool up, let it work, let it happen, wait for the end."""
        agents = int(self.random.integers(3, 6))
        self.fault_s = TICK_S * int(self.random.integers(8, 16))
        self.crash_at = 0
        if self.case.kind == "engine_crash":
            self.crash_at = int(self.random.integers(1, 24))
        self.bursts = [300.0, 600.0] if self.case.kind == "bursts" else []
        self._submit(agents)
        for number in range(agents):
            late = self.case.kind == "slow_start" and number == 0
            delay = float(self.random.uniform(45, 105)) if late else 0.0
            self.pool.spawn(f"a{number + 1}", delay_s=delay)
        self.initial = agents
        self._start_healer(self.crash_at)
        if self.case.kind == "split_brain" and self.case.healer == "engine":
            self.forkserver.spawn(
                f"{self._healer_name}2",
                "toolkit.studies.chaos.healer:heal",
                {**self.options, "journal": "other.sqlite"},
            )
        quiet_from_s = 0.0
        while True:
            now_s = self.clock.monotonic_s() + TICK_S
            self.clock.set(now_s, jump_s=self.jump_s)
            blow = self._blow(now_s)
            self.lockstep.tick(now_s, jump_s=self.jump_s)
            blow.join()
            self._keep_healer()
            self._happen(now_s)
            if not self._is_quiet():
                quiet_from_s = now_s
            if self._is_over(now_s, quiet_from_s):
                break
        self.ended_s = now_s

    def _submit(self, agents: int) -> None:
        share = 0.15 if self.case.kind == "idle_agents" else 1.0
        if self.bursts:
            share = 0.3
        tasks = self._tasks(load_s=share * agents * LOAD_S, batch=0)
        self.pool.submit(tasks, agents=agents)

    def _tasks(self, *, load_s: float, batch: int) -> list[Task]:
        tasks: list[Task] = []
        total = 0.0
        reviewed = 0.9 if "message" in self.case.kind else 0.35
        silent = self.case.kind == "long_silent_work"
        while total < load_s:
            build = silent and self.random.random() < 0.12
            duration = float(
                self.random.lognormal(np.log(400.0), 0.3)
                if build
                else self.random.uniform(30, 100)
            )
            total += duration
            number = len(tasks)
            tasks.append(
                Task(
                    task_id=f"t{batch}.{number}",
                    operation_type="build" if build else "edit",
                    duration_s=duration,
                    silent=build,
                    memory_key=f"k{number % 5}",
                    review=bool(self.random.random() < reviewed),
                )
            )
        return tasks

    def _start_healer(self, crash_at: int) -> None:
        if self.case.healer != "none":
            self.forkserver.spawn(
                self._healer_name,
                "toolkit.studies.chaos.healer:heal",
                {**self.options, "crash_at": crash_at},
            )

    def _blow(self, now_s: float) -> threading.Thread:
        """Kill an agent in the middle of a tick, whatever it is writing just then."""
        if self.case.kind != "sigkill_at_work" or now_s != self.fault_s:
            thread = threading.Thread(target=lambda: None)
        else:
            delay_s = float(self.random.uniform(0.0, 0.004))
            slot = str(self.random.choice(self.pool.slots()))
            agent = self.pool.members(slot)[0]
            self.injections.append(
                Injection(
                    kind=self.case.kind,
                    at_s=now_s,
                    causes={f"agent:{slot}"},
                    agent_id=agent,
                )
            )
            name = self.pool.process_name(agent)
            thread = threading.Thread(
                target=_kill_after, args=(delay_s, self.forkserver.socket_path, name)
            )
        thread.start()
        return thread

    def _keep_healer(self) -> None:
        """Supervise the healer as an init system would: one that died starts again."""
        if self.case.healer == "none" or not self.crash_at:
            return
        if self._healer_name not in self.forkserver.alive():
            self.crash_at = 0
            self._start_healer(0)

    def _happen(self, now_s: float) -> None:
        if self.bursts and now_s >= self.bursts[0]:
            batch = len(self.bursts)
            self.bursts.pop(0)
            agents = self.initial
            tasks = self._tasks(load_s=0.25 * agents * LOAD_S, batch=batch)
            self.pool.submit(tasks, agents=agents)
        if now_s == self.fault_s:
            self._inject()
        for injection in self.injections:
            advance(injection, self.pool, self.lockstep)
            if (
                injection.kind == "sigstop_then_cont"
                and injection.cont_s == now_s
                and injection.agent_id is not None
            ):
                name = self.pool.process_name(injection.agent_id)
                self.forkserver.signal(name, signal.SIGCONT)

    def _inject(self) -> None:
        kind = self.case.kind
        if "clock_jump" in kind:
            self.jump_s = JUMP_S * float(self.random.choice([-1.0, 1.0]))
        if self.case.control or kind == "sigkill_at_work":
            return
        singles = {
            "overlapping": list(self.random.choice(OVERLAPPING, 2, replace=False)),
            "engine_crash": [str(self.random.choice(CRASHED_OVER))],
            "clock_jump_and_sigkill": ["sigkill"],
        }.get(kind, [kind])
        if kind in COMPOSED:
            number = int(kind.rpartition("_")[2])
            self.injections += inject_composed(
                number, self.pool, self.lockstep, self.random
            )
            return
        avoid: set[str] = set()
        for single in singles:
            injection = inject(
                str(single), self.pool, self.lockstep, self.random, avoid=avoid
            )
            self.injections.append(injection)
            avoid |= {c.partition(":")[2] for c in injection.causes}

    def _is_quiet(self) -> bool:
        counts = self.pool.ledger.counts()
        pending = any(injection.steps for injection in self.injections)
        return (
            set(counts) <= {"done", "set_aside"}
            and not pending
            and not any(session.is_open for session in self._sessions())
        )

    def _is_over(self, now_s: float, quiet_from_s: float) -> bool:
        if self.case.control:
            return now_s >= CONTROL_S
        if now_s <= self.fault_s:
            return False
        if now_s >= self.fault_s + LIMIT_S:
            return True
        if now_s - quiet_from_s >= QUIET_S:
            return True
        pending = any(injection.steps for injection in self.injections)
        return now_s > quiet_from_s and not pending and not self._broken()

    # The truth.

    def result(self) -> EpisodeResult:
        """Compare what the healer did with what is."""
        broken = self._broken()
        accepted = Counter(
            row["task"]
            for row in self.pool.ledger.rows("SELECT task FROM results WHERE accepted")
        )
        refused = self.pool.ledger.rows(
            "SELECT count(*) AS n FROM results WHERE NOT accepted"
        )[0]["n"]
        counts = self.pool.ledger.counts()
        set_aside = counts.get("set_aside", 0)
        unfinished = sum(counts.values()) - counts.get("done", 0) - set_aside
        result = EpisodeResult(
            case=asdict(self.case),
            injected=[i.kind for i in self.injections if i.done],
            whole=not broken,
            broken=[what for what, _ in broken],
            set_aside=set_aside,
            healthy_restarts=self._healthy_restarts(),
            restarts=self._restarts(),
            storm=self._is_storm(),
            lost=0 if self.case.control else unfinished,
            doubled=sum(n > 1 for n in accepted.values()),
            refused=refused,
            orphans=self._orphans(),
            virtual_s=self.ended_s,
        )
        if self.case.healer == "engine":
            self._judge_claims(result, broken)
            self._judge_engine(result)
        else:
            self._judge_restarts(result)
        return result

    def _judge_claims(
        self, result: EpisodeResult, broken: list[tuple[str, str]]
    ) -> None:
        """Compare what the healer says was healed or handed over with what is."""
        sessions = [
            s for s in self._sessions() if _acted(s) or s.phase == "handed_over"
        ]
        calls = [s.cause for s in sessions if s.phase == "handed_over"]
        causes = {cause for _, cause in broken}
        claimed = [s for s in sessions if s.phase == "success"]
        result.handed_over = sorted(set(calls))
        result.calls_repeated = len(calls) - len(set(calls))
        result.claims = len(claimed)
        result.withdrawn = sum(s.relapses + (s.phase == "recurred") for s in sessions)
        result.false_claims = sum(s.cause in causes for s in claimed)
        if broken and claimed and not calls:
            # It says that all is well, and it is not: each claim took part in that.
            result.false_claims = len(claimed)
        rightful = {c for i in self.injections for c in i.causes} | {"swarm", "store"}
        result.contained = (
            bool(calls) and set(calls) <= rightful and causes <= set(calls)
        )

    def _judge_engine(self, result: EpisodeResult) -> None:
        sessions = [s for s in self._sessions() if _acted(s)]
        causes = {cause for i in self.injections for cause in i.causes}
        first_s = min((i.at_s for i in self.injections), default=math.inf)
        right = [
            s
            for s in sessions
            if s.opened_s >= first_s and (s.cause in causes or s.cause == "swarm")
        ]
        result.false_heals = len(sessions) - len(right)
        result.detected = bool(self.injections) and all(
            any(s.cause in i.causes and s.opened_s >= i.at_s for s in right)
            for i in self.injections
        )
        result.claimed = all(s.worked for s in right) if right else None
        if right:
            result.detect_s = min(s.opened_s for s in right) - first_s
        closed = [s for s in right if s.worked and s.closed_s is not None]
        if closed:
            last = max(closed, key=lambda s: s.closed_s or 0.0)
            result.repair_s = (last.closed_s or 0.0) - first_s
            result.rung = last.worked

    def _judge_restarts(self, result: EpisodeResult) -> None:
        rows = self.pool.ledger.rows(
            "SELECT slot, spawned_s FROM agents WHERE action<>'first' ORDER BY spawned_s"
        )
        causes = {cause for i in self.injections for cause in i.causes}
        first_s = min((i.at_s for i in self.injections), default=math.inf)
        right = [
            row
            for row in rows
            if row["spawned_s"] >= first_s and f"agent:{row['slot']}" in causes
        ]
        result.false_heals = len(rows) - len(right)
        result.detected = bool(self.injections) and all(
            any(f"agent:{row['slot']}" in i.causes for row in right)
            for i in self.injections
        )
        if right:
            result.detect_s = right[0]["spawned_s"] - first_s
            result.repair_s = right[-1]["spawned_s"] - first_s
            result.rung = "restart"

    def _broken(self) -> list[tuple[str, str]]:
        """List everything that is not as it should be, with the cause it would have."""
        broken = []
        counts = self.pool.ledger.counts()
        unfinished = bool(set(counts) - {"done", "set_aside"})
        if unfinished and not self.case.control:
            broken.append(("unfinished tasks", "tasks"))
        aside = self.pool.ledger.rows("SELECT id FROM tasks WHERE status='set_aside'")
        broken += [(f"{r['id']} is set aside", f"task:{r['id']}") for r in aside]
        broken += [
            (f"the result of {task} is missing", f"agent:{slot}")
            for task, slot, _ in self.pool.missing_results()
        ]
        broken += self._broken_agents(unfinished=unfinished)
        broken += [
            (f"{entry.key} is inconsistent", f"key:{entry.key}")
            for entry in self.pool.memory.entries()
            if not entry.consistent
        ]
        lock = WriteLock(self.pool.directory / "write.lock")
        holder = lock.acquire("truth")
        if holder is not None:
            broken.append(("the lock is held", f"agent:{holder}"))
        lock.close()
        return broken

    def _broken_agents(self, *, unfinished: bool) -> Iterator[tuple[str, str]]:
        """List slots without a working agent, and agents that a fault still is in.

        A fault that shows in work only, in an agent whose work is all done, has passed.
        """
        processes = self.pool.processes()
        slots = self.pool.slots()
        for number in range(self.initial):
            slot = f"a{number + 1}"
            if slot not in slots:
                yield f"{slot} has no agent", f"agent:{slot}"
                continue
            members = [m for m in self.pool.members(slot) if m in processes]
            if len(members) != 1 or not can_speak(processes[members[0]]):
                yield f"{slot} cannot work", f"agent:{slot}"
        for injection in self.injections:
            ended = injection.cont_s is not None or (
                injection.kind in SHOWN_BY_WORK and not unfinished
            )
            hurt = {injection.agent_id} | (
                injection.informed if injection.lasting else set()
            )
            for agent in hurt & set(processes) if not ended else ():
                slot = str(agent).partition(".")[0]
                yield f"{agent} still has {injection.kind}", f"agent:{slot}"

    def _healthy_restarts(self) -> int:
        """Count restarts of agents that no fault had hit before."""
        count = 0
        for row in self.pool.ledger.rows(
            "SELECT slot, spawned_s FROM agents WHERE action<>'first'"
        ):
            count += not any(
                f"agent:{row['slot']}" in injection.causes
                and injection.at_s <= row["spawned_s"]
                for injection in self.injections
            )
        return count

    def _restarts(self) -> int:
        rows = self.pool.ledger.rows("SELECT count(*) AS n FROM agents")
        return int(rows[0]["n"]) - self.initial

    def _is_storm(self) -> bool:
        rows = self.pool.ledger.rows(
            "SELECT slot, spawned_s FROM agents WHERE action<>'first'"
        )
        for row in rows:
            near = [
                other
                for other in rows
                if other["slot"] == row["slot"]
                and 0 <= other["spawned_s"] - row["spawned_s"] <= STORM_WINDOW_S
            ]
            if len(near) > STORM_RESTARTS:
                return True
        return False

    def _orphans(self) -> int:
        known = {m for slot in self.pool.slots() for m in self.pool.members(slot)}
        return len(set(self.pool.processes()) - known)

    def _sessions(self) -> list[HealingSession]:
        sessions: list[HealingSession] = []
        for name in ("healing.sqlite", "other.sqlite"):
            path = self.pool.directory / name
            if path.exists():
                journal = Journal(path, owner="truth")
                sessions += journal.sessions()
                journal.close()
        return sorted(sessions, key=lambda session: session.opened_s)

    @property
    def _healer_name(self) -> str:
        return f"{self.directory}#healer"

    def end(self) -> None:
        """Stop everything this episode started and remove what it wrote."""
        for name in (self._healer_name, f"{self._healer_name}2"):
            self.forkserver.signal(name, signal.SIGKILL)
        self.pool.close(stop=True)
        self.lockstep.close()
        self.forkserver.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _kill_after(delay_s: float, forkserver: Path, name: str) -> None:
    """Kill from another thread, on a separate connection."""
    time.sleep(delay_s)
    own = ForkServer(forkserver)
    own.signal(name, signal.SIGKILL)
    own.close()


def _acted(session: HealingSession) -> bool:
    """Whether any rung of a session took effect."""
    return session.acted_s is not None
