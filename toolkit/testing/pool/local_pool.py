"""A pool of agents that are real processes of this machine.

Everything the pool knows is in its directory, so that any process may attach to it: the
one that started it, an engine that heals it, and the engine that takes over when the
first was killed.
"""

import json
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, Self

from toolkit.errors import InputDataError, ToolkitError
from toolkit.testing.pool.forkserver import ForkServer
from toolkit.testing.pool.ledger import Ledger, Task, requeue_tasks, send_message
from toolkit.testing.pool.memory import SharedMemory

__all__ = ["LocalAgentPool", "PoolSettings", "SpawnError"]

START_LIMIT_S = 10.0
"""Real time for a forked process to take its place; it needs a few milliseconds."""

POLL_S = 0.002


class SpawnError(ToolkitError, TimeoutError):
    """A new agent did not take its place."""


class Seconds(Protocol):
    """The part of a clock that a pool reads."""

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How a pool is made; written to its directory.

    Attributes
    ----------
    forkserver, tick : str
        Sockets of the forkserver and of the lockstep.
    memory_limit_bytes : int
        What an agent may take beyond its start; 0 sets no limit.
    heartbeat : str
        Which thread stamps heartbeats, for healers that go by them; none by default.
    """

    forkserver: str
    tick: str
    memory_limit_bytes: int = 0
    heartbeat: str = ""


class LocalAgentPool:
    """The pool as one process sees it.

    Parameters
    ----------
    directory : path
        Made by `create`.
    clock : Seconds
    """

    def __init__(self, directory: Path, *, clock: Seconds) -> None:
        self.directory = directory
        self.clock = clock
        self.settings = _read_settings(directory)
        self.ledger = Ledger(directory / "pool.sqlite")
        self.memory = SharedMemory(
            directory / "memory.sqlite", queue=directory / "pool.sqlite"
        )
        self.forkserver = ForkServer(Path(self.settings.forkserver))

    @classmethod
    def create(cls, directory: Path, settings: PoolSettings, *, clock: Seconds) -> Self:
        """Make a pool without agents.

        Parameters
        ----------
        directory : path
            Where ledger, memory and settings lie; made where it is missing.
        settings : PoolSettings
        clock : Seconds
            What the pool's times are taken from.

        Returns
        -------
        LocalAgentPool
        """
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "pool.json").write_text(json.dumps(asdict(settings)))
        return cls(directory, clock=clock)

    def submit(self, tasks: Sequence[Task], *, agents: int) -> None:
        """Queue tasks, planned as if `agents` shared them without a loss.

        Parameters
        ----------
        tasks : sequence of Task
            In the order they are to be begun.
        agents : int
            At least 1.
        """
        now_s, load_s = self.clock.monotonic_s(), 0.0
        planned = []
        for task in tasks:
            load_s += task.duration_s
            planned.append(now_s + load_s / agents + task.duration_s)
        self.ledger.submit(tasks, now_s=now_s, planned_s=planned)

    def spawn(self, slot: str, *, key: str = "first", delay_s: float = 0.0) -> str:
        """Start an agent in a slot; the same key starts one agent only.

        Parameters
        ----------
        slot : str
            What the agent is for; outlives it.
        key : str
            Of the action that asks for it.
        delay_s : float
            Seconds until the agent takes up work.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        SpawnError
            Its process did not take its place.
        """
        now_s = self.clock.monotonic_s()
        agent_id = agent_name(slot, key)
        self.ledger.enlist(agent_id, slot=slot, key=key, now_s=now_s)
        self.forkserver.spawn(
            self.process_name(agent_id),
            "toolkit.testing.pool.worker:run_agent",
            {
                "directory": str(self.directory),
                "tick": self.settings.tick,
                "agent_id": agent_id,
                "slot": slot,
                "now_s": now_s,
                "start_delay_s": delay_s,
                "memory_limit_bytes": self.settings.memory_limit_bytes,
                "heartbeat": self.settings.heartbeat,
            },
        )
        limit_s = time.monotonic() + START_LIMIT_S
        while not self.ledger.is_live(agent_id):
            if time.monotonic() > limit_s:
                raise SpawnError(
                    f"`{agent_id}` did not take its place within {START_LIMIT_S:g} s"
                )
            time.sleep(POLL_S)
        return agent_id

    def stop(self, slot: str) -> None:
        """End the agents of a slot and give their tasks back.

        Parameters
        ----------
        slot : str
        """
        for row in self.members(slot):
            self.kill(row)
            self.ledger.requeue(row, now_s=self.clock.monotonic_s())
        self.ledger.retire(slot)

    def reassign(self, slot: str, *, key: str) -> list[str]:
        """Give the tasks of a slot's agents back to the queue, once for each key.

        Parameters
        ----------
        slot : str
        key : str
            Of the action that asks for it.

        Returns
        -------
        list of str
            The tasks given back; empty where the key was used before.
        """
        now_s = self.clock.monotonic_s()
        with self.ledger.transaction() as connection:
            if connection.execute(
                "INSERT OR IGNORE INTO actions(key, verb, at_s) VALUES (?,'requeue',?)",
                (f"{key}/requeue", now_s),
            ).rowcount:
                return [
                    task
                    for agent in self.members(slot)
                    for task in requeue_tasks(connection, agent, now_s)
                ]
        return []

    def replace(self, slot: str, *, key: str) -> str:
        """End the agents of a slot and start another in their place, once for each key.

        The process is killed before its tasks are given back: a stopped process may
        hold a lock that only its death frees. An interrupted replacement is finished
        by calling again.

        Parameters
        ----------
        slot : str
        key : str
            Of the action that asks for it.

        Returns
        -------
        str
            Id of the new agent.
        """
        agent_id = agent_name(slot, key)
        for member in self.members(slot):
            if member != agent_id:
                self.kill(member)
        self.reassign(slot, key=key)
        self.ledger.retire(slot, keep=agent_id)
        return self.spawn(slot, key=key)

    def set_aside(self, task_id: str) -> bool:
        """Keep a task from every agent; false where it is done or unknown.

        Parameters
        ----------
        task_id : str

        Returns
        -------
        bool
        """
        return self.ledger.set_aside(task_id, now_s=self.clock.monotonic_s())

    def missing_results(self) -> list[tuple[str, str, float]]:
        """Compare reported results with the memory: (task, slot, seconds) of those gone.

        Returns
        -------
        list of (str, str, float)
            Seconds are those of the pool's clock, when the result was reported.
        """
        rows = self.ledger.rows(
            "SELECT r.task, a.slot, r.at_s FROM results r "
            "JOIN tasks t ON t.id=r.task JOIN agents a ON a.id=r.agent "
            "WHERE r.accepted AND t.memory_key IS NOT NULL"
        )
        written = self.memory.written_by([row["task"] for row in rows])
        return [tuple(row) for row in rows if row["task"] not in written]

    def redo(self, slot: str) -> int:
        """Queue the tasks of a slot again whose results cannot be found.

        Parameters
        ----------
        slot : str

        Returns
        -------
        int
            Tasks queued.
        """
        tasks = [task for task, by, _ in self.missing_results() if by == slot]
        return self.ledger.reopen(tasks, now_s=self.clock.monotonic_s())

    def remind(self, slot: str) -> int:
        """Ask the living agents of a slot for a sign; returns how many were asked.

        Parameters
        ----------
        slot : str

        Returns
        -------
        int
        """
        alive = self.forkserver.alive()
        asked = [m for m in self.members(slot) if self.process_name(m) in alive]
        for agent in asked:
            self.ledger.send(agent, "remind", "", now_s=self.clock.monotonic_s())
        return len(asked)

    def announce(self, task_id: str | None = None) -> int:
        """Say again whose task is whose: owners start, others drop it.

        Parameters
        ----------
        task_id : str, optional
            Only this one; all unfinished tasks when left out.

        Returns
        -------
        int
            Messages sent.
        """
        now_s, sent = self.clock.monotonic_s(), 0
        with self.ledger.transaction() as connection:
            for task, status, owner in connection.execute(
                "SELECT id, status, owner FROM tasks WHERE status IN "
                "('assigned','running') AND (?1 IS NULL OR id=?1)",
                (task_id,),
            ).fetchall():
                if status == "assigned":
                    send_message(connection, owner, "assign", task, now_s)
                    sent += 1
                for (other,) in connection.execute(
                    "SELECT id FROM agents WHERE state='live' AND task=? AND id<>?",
                    (task, owner),
                ).fetchall():
                    send_message(connection, other, "drop", task, now_s)
                    sent += 1
        return sent

    def requeue(self, task_id: str | None, *, key: str) -> int:
        """Give back one task, or all that were assigned and not begun; once a key.

        Parameters
        ----------
        task_id : str or None
            `None` for all.
        key : str
            Of the action that asks for it.

        Returns
        -------
        int
            Tasks given back; 0 where the key was used before.
        """
        now_s = self.clock.monotonic_s()
        with self.ledger.transaction() as connection:
            if not connection.execute(
                "INSERT OR IGNORE INTO actions(key, verb, at_s) VALUES (?,'requeue',?)",
                (f"{key}/requeue", now_s),
            ).rowcount:
                return 0
            rows = connection.execute(
                "UPDATE tasks SET status='queued', owner=NULL, token=token+1, since_s=?1 "
                "WHERE (?2 IS NULL AND status='assigned') "
                "OR (id=?2 AND status IN ('assigned','running')) RETURNING id",
                (now_s, task_id),
            ).fetchall()
            for (task,) in rows:
                for (agent,) in connection.execute(
                    "SELECT id FROM agents WHERE state='live' AND task=?", (task,)
                ).fetchall():
                    send_message(connection, agent, "drop", task, now_s)
        return len(rows)

    def simplify(self) -> int:
        """Drop the optional tasks that no agent has begun; returns how many.

        Returns
        -------
        int
        """
        with self.ledger.transaction() as connection:
            return connection.execute(
                "DELETE FROM tasks WHERE optional AND status='queued'"
            ).rowcount

    def slots(self) -> list[str]:
        """Name the slots that have an agent.

        Returns
        -------
        list of str
        """
        return [
            row["slot"]
            for row in self.ledger.rows(
                "SELECT DISTINCT slot FROM agents WHERE state<>'retired' ORDER BY slot"
            )
        ]

    def members(self, slot: str) -> list[str]:
        """Name the agents of a slot that are not retired.

        Parameters
        ----------
        slot : str

        Returns
        -------
        list of str
            Ids.
        """
        return [
            row["id"]
            for row in self.ledger.rows(
                "SELECT id FROM agents WHERE slot=? AND state<>'retired'", (slot,)
            )
        ]

    def kill(self, agent_id: str) -> bool:
        """Kill an agent's process; when this returns it is gone.

        Parameters
        ----------
        agent_id : str

        Returns
        -------
        bool
            Whether there was such a process.
        """
        return self.forkserver.signal(self.process_name(agent_id), signal.SIGKILL)

    def process_name(self, agent_id: str) -> str:
        """Name an agent's process for the forkserver, which may serve several pools.

        Parameters
        ----------
        agent_id : str

        Returns
        -------
        str
        """
        return f"{self.directory}:{agent_id}"

    def processes(self) -> dict[str, int]:
        """Pids of this pool's living processes, by agent id.

        Returns
        -------
        dict of str to int
        """
        prefix = f"{self.directory}:"
        return {
            name.removeprefix(prefix): pid
            for name, pid in self.forkserver.alive().items()
            if name.startswith(prefix)
        }

    def close(self, *, stop: bool = False) -> None:
        """Detach, or end all agents as well.

        Parameters
        ----------
        stop : bool
            Kill the agents first.
        """
        if stop:
            for agent_id in self.processes():
                self.kill(agent_id)
        self.forkserver.close()
        self.ledger.close()
        self.memory.close()


def agent_name(slot: str, key: str) -> str:
    """Name the agent that a key starts in a slot.

    Examples
    --------
    >>> agent_name("a1", "first")
    'a1'
    >>> agent_name("a1", "s1:spawn_replacement:1") == agent_name("a1", "again")
    False
    """
    if key == "first":
        return slot
    return f"{slot}.{blake2b(key.encode(), digest_size=4).hexdigest()}"


def _read_settings(directory: Path) -> PoolSettings:
    path = directory / "pool.json"
    try:
        return PoolSettings(**json.loads(path.read_text()))
    except (OSError, TypeError, ValueError) as error:
        raise InputDataError(
            "not a pool", file=path, got=str(error), fix="make one with `create`"
        ) from error
