"""One agent: a process that takes tasks, does them, and says so.

Two threads, as real agents have: one keeps the connection (it follows the tick), one
works. Only the one that works writes activity, so an agent whose work hangs falls
silent although its connection lives; that is why a heartbeat proves nothing.
"""

import os
import resource
import signal
import sqlite3
import sys
import threading
import traceback
from collections import deque
from pathlib import Path
from typing import Any

from toolkit.testing.pool.faults import Faults
from toolkit.testing.pool.ledger import Ledger, Task
from toolkit.testing.pool.lockstep import LockstepFollower
from toolkit.testing.pool.memory import SharedMemory, WriteLock

__all__ = ["Worker", "run_agent"]

OUT_OF_MEMORY = 137
POISON = "poison"
"""Type of a task that kills the process of the agent that works on it."""

VALUE_CHARS = 1000
"""Size of a result, as a short note would have."""

HARD_LIMIT = 1.5
"""The kernel ends an agent at this many times its limit: address space counts more
than what is resident."""


def run_agent(**arguments: Any) -> None:
    """Be an agent until retired or alone; what the forkserver forks."""
    Worker(**arguments).run()


class Worker:
    """The agent.

    Parameters
    ----------
    directory : str
        The pool's.
    tick : str
        The lockstep's socket.
    agent_id, slot : str
    now_s : float
        When it is started.
    start_delay_s : float
        How long it takes to come to itself.
    memory_limit_bytes : int
        What it may take beyond its start before it dies of it.
    heartbeat : str
        Which thread stamps a heartbeat: `thread`, `loop` or, by default, none.
    """

    def __init__(
        self,
        *,
        directory: str,
        tick: str,
        agent_id: str,
        slot: str,
        now_s: float,
        start_delay_s: float = 0.0,
        memory_limit_bytes: int = 0,
        heartbeat: str = "",
    ) -> None:
        self.agent_id = agent_id
        self.slot = slot
        self.ledger = Ledger(Path(directory) / "pool.sqlite")
        self.memory = SharedMemory(
            Path(directory) / "memory.sqlite", queue=Path(directory) / "pool.sqlite"
        )
        self.directory = Path(directory)
        self.lock = WriteLock(self.directory / "write.lock")
        self._locks: dict[str, WriteLock] = {}
        self._held: list[str] = []
        self.task: Task | None = None
        self.done_s = 0.0
        self.faults = Faults(self)
        self._assigned: deque[str] = deque()
        self._awake_s = now_s + start_delay_s
        self._now_s = now_s
        self._heartbeat = heartbeat
        self._limit_bytes = memory_limit_bytes
        self._beat = tick
        self._turns: deque[tuple[int, float, dict[str, Any]]] = deque()
        self._change = threading.Condition()
        self._finished = 0
        self._away = False

    def run(self) -> None:
        """Follow the tick until the lockstep is gone."""
        follower = LockstepFollower(
            Path(self._beat), name=self.agent_id, role="agent", pid=os.getpid()
        )
        base = resident_bytes()
        if not self.ledger.register(
            self.agent_id, pid=os.getpid(), now_s=self._now_s, base_bytes=base
        ):
            return
        if self._limit_bytes:
            limit = virtual_bytes() + int(HARD_LIMIT * self._limit_bytes)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        threading.excepthook = _end_with_the_work
        threading.Thread(target=self._work, daemon=True).start()
        while messages := follower.messages():
            for message in messages:
                self._follow(follower, message)

    def leave(self) -> None:
        """Tell the other thread not to wait: the work will not come back."""
        with self._change:
            self._away = True
            self._change.notify_all()

    def _follow(self, follower: LockstepFollower, message: dict[str, Any]) -> None:
        with self._change:
            self._turns.append(
                (message.get("tick", 0), message.get("now_s", 0.0), message)
            )
            self._change.notify_all()
            if "tick" not in message:
                return
            self._change.wait_for(
                lambda: self._away or self._finished >= message["tick"]
            )
        if self._heartbeat == "thread":
            self._stamp(message)
        follower.acknowledge(message["tick"])

    def _stamp(self, message: dict[str, Any]) -> None:
        with self.ledger.transaction() as connection:
            connection.execute(
                "UPDATE agents SET heartbeat_s=? WHERE id=?",
                (message["now_s"] + message["jump_s"], self.agent_id),
            )

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._turns))
                number, now_s, message = self._turns.popleft()
            if "faults" in message:
                self.faults.begin(**message["faults"])
                continue
            self._turn(now_s, message)
            with self._change:
                self._finished = number
                self._change.notify_all()

    def _turn(self, now_s: float, message: dict[str, Any]) -> None:
        passed_s, self._now_s = now_s - self._now_s, now_s
        self.faults.apply(passed_s)
        if self.faults.halts(now_s):
            return
        try:
            self._step(passed_s)
            if self._heartbeat == "loop" and not self._is_inside_call():
                self._stamp(message)
        except sqlite3.OperationalError:
            # The queue cannot be read or written: it cannot be reported, so this
            # turn is lost and the next one tries again. Silence is what shows it.
            return

    def _is_inside_call(self) -> bool:
        """Whether a real loop would be inside one long call: starting, or building."""
        return self._now_s < self._awake_s or (
            self.task is not None and self.task.silent
        )

    def _step(self, passed_s: float) -> None:
        if not self.ledger.is_live(self.agent_id):
            os._exit(0)
        if self._now_s < self._awake_s:
            return
        if self.task is None or not self.task.silent:
            self._read_messages()
        if self.task is None:
            self._take()
        else:
            self._advance(self.task, passed_s / self.faults.slowness)

    def _read_messages(self) -> None:
        for kind, body in self.ledger.receive(self.agent_id, now_s=self._now_s):
            if kind == "remind":
                self._speak("answer")
            elif kind == "assign":
                self._assigned.append(body)
            elif self.task is not None and body == self.task.task_id:
                self._drop(self.task)

    def _drop(self, task: Task) -> None:
        mine = self.ledger.rows(
            "SELECT 1 FROM tasks WHERE id=? AND owner=? AND token=? AND status='running'",
            (task.task_id, self.agent_id, task.token),
        )
        if not mine:
            self._speak("drop")
            self._let_go()

    def _take(self) -> None:
        while self._assigned and self.task is None:
            self.task = self.ledger.begin(
                self._assigned.popleft(), self.agent_id, now_s=self._now_s
            )
        if self.task is None:
            self.task = self.ledger.claim(self.agent_id, now_s=self._now_s)
        if self.task is not None:
            self.done_s = 0.0
            self._speak("start")
            if self.faults.returns and self.ledger.give_back(
                self.task, self.agent_id, now_s=self._now_s
            ):
                self._speak("return")
                self._let_go()

    def _let_go(self) -> None:
        """Have nothing in hand, and hold no lock for it."""
        self.task = None
        while self._held:
            self._locks[self._held.pop()].release()

    def _waits_for(self, task: Task) -> str | None:
        """Take the lock that is needed by now, or name the slot that holds it."""
        place = len(self._held)
        if place >= len(task.locks):
            return None
        if self.done_s < place * task.duration_s / len(task.locks):
            return None
        name = task.locks[place]
        if name not in self._locks:
            self._locks[name] = WriteLock(self.directory / f"{name}.lock")
        holder = self._locks[name].acquire(self.slot)
        if holder is None:
            self._held.append(name)
        return holder

    def _advance(self, task: Task, worked_s: float) -> None:
        if task.operation_type == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        holder = self._waits_for(task)
        if holder is not None:
            self._speak("wait", waiting_for=holder)
            return
        self.done_s += worked_s
        if self.done_s >= task.duration_s:
            self._finish(task)
        elif not task.silent:
            self._speak("step")

    def _finish(self, task: Task) -> None:
        current = True
        if task.memory_key is not None:
            holder = self.lock.acquire(self.slot)
            if holder is not None:
                self._speak("wait", waiting_for=holder)
                return
            try:
                self.faults.while_locked()
                current = self._write(task, task.memory_key)
            except sqlite3.OperationalError:
                self._speak("fail", storage=True)
                return
            finally:
                self.lock.release()
        accepted = current and self.ledger.complete(
            task, self.agent_id, now_s=self._now_s
        )
        self._speak("finish" if accepted else "refused")
        self._let_go()
        self._read_messages()
        self._take()

    def _write(self, task: Task, key: str) -> bool:
        """Write the result; false where another owns the task by now."""
        if self.faults.hollow:
            return True
        value = f"{task.task_id} by {task.operation_type}".ljust(VALUE_CHARS, ".")
        version = self.memory.write(
            key,
            value,
            writer=self.slot,
            task=task.task_id,
            now_s=self._now_s,
            token=task.token,
        )
        return version is not None

    def _speak(
        self, kind: str, *, waiting_for: str | None = None, storage: bool = False
    ) -> None:
        self.ledger.speak(
            self.agent_id,
            kind,
            now_s=self._now_s,
            task=self.task,
            waiting_for=waiting_for,
            storage=storage,
        )


def resident_bytes() -> int:
    """Measure what this process holds in memory."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def virtual_bytes() -> int:
    """Measure this process's address space."""
    import psutil

    return int(psutil.Process().memory_info().vms)


def _end_with_the_work(error: threading.ExceptHookArgs) -> None:
    """End the process when its working thread ends: half an agent is none."""
    if issubclass(error.exc_type, MemoryError):
        os._exit(OUT_OF_MEMORY)
    traceback.print_exception(error.exc_value, file=sys.stderr)
    os._exit(1)
