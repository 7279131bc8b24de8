"""Faults that are injected, controls that only look ill, and where they hit."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.testing.pool import POISON, LocalAgentPool, Lockstep, Task

__all__ = [
    "COMPOSED",
    "CONTROLS",
    "FAULTS",
    "HARD_FAULTS",
    "Injection",
    "advance",
    "inject",
]

AGENT_FAULTS: Mapping[str, str] = {
    "slow_down": "slow",
    "busy_loop": "busy_loop",
    "hang": "hang",
    "hang_with_lock": "hang_with_lock",
    "memory_growth": "grow",
    "io_error": "io_error",
    "corrupting_agent": "corrupt",
    "hollow_finisher": "hollow",
    "returner": "return",
    "fake_progress": "slow",
    "halting": "halt",
    "orphaned_lock": "orphan",
}
"""Faults inside one agent, by the pool's name for them."""

HARD_FAULTS = (
    "deadlock",
    "orphaned_lock",
    "poisoned_task",
    "flapping_short",
    "flapping_long",
    "hollow_finisher",
    "returner",
    "leak_not_freed",
    "all_killed",
    "split_brain",
    "fake_progress",
)
"""Faults whose cause outlives a restart, or that look healthy from outside."""

COMPOSED = tuple(f"composed_{number:02}" for number in range(1, 13))
"""Faults drawn from primitives by number; no sensor was made for them."""

FAULTS = (
    "sigkill",
    "sigkill_at_work",
    "sigstop",
    "sigstop_then_cont",
    "slow_down",
    "busy_loop",
    "hang",
    "hang_with_lock",
    "memory_growth",
    "io_error",
    "corrupting_agent",
    "memory_corrupt",
    "memory_stale",
    "lost_message",
    "duplicated_message",
    "store_full",
    "engine_crash",
    "clock_jump_and_sigkill",
    "overlapping",
    "halting",
    *HARD_FAULTS,
)
"""Faults that a sensor was made for."""

CONTROLS = (
    "plain",
    "long_silent_work",
    "idle_agents",
    "slow_start",
    "clock_jump",
    "bursts",
)

OVERLAPPING = ("sigkill", "sigstop", "hang", "slow_down", "memory_corrupt", "io_error")
CRASHED_OVER = ("sigkill", "hang", "memory_corrupt", "slow_down")
GROWTH_BYTES = 6 << 20
FAKE_SLOWNESS = 1e9
"""Steps are reported, and nothing is ever done."""
JUMP_S = 3600.0


@dataclass(slots=True, kw_only=True)
class Injection:
    """One fault as it was injected.

    Attributes
    ----------
    kind : str
    at_s : float
    causes : set of str
        What a healer may rightly treat.
    agent_id : str or None
        The agent that suffers it.
    cont_s : float or None
        When a stopped agent is woken again.
    done : bool
        False while it waits for something to happen to (a message to lose).
    watched : set of str
        Tasks that hurt whichever agent has them in hand.
    steps : list of (seconds, callable)
        What is still to be done to the pool.
    lasting : (str, dict) or None
        Slot of which every agent gets this fault message, its replacements too.
    informed : set of str
        Agents that got it.
    """

    kind: str
    at_s: float
    causes: set[str] = field(default_factory=set)
    agent_id: str | None = None
    cont_s: float | None = None
    done: bool = True
    watched: set[str] = field(default_factory=set)
    steps: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    lasting: tuple[str, dict[str, object]] | None = None
    informed: set[str] = field(default_factory=set)


def inject(
    kind: str,
    pool: LocalAgentPool,
    lockstep: Lockstep,
    random: np.random.Generator,
    *,
    avoid: set[str],
) -> Injection:
    """Inject one single fault now.

    Parameters
    ----------
    kind : str
        One of `FAULTS` that is single.
    avoid : set of str
        Slots that apply already.
    """
    now_s = pool.clock.monotonic_s()
    injection = Injection(kind=kind, at_s=now_s)
    if kind in ("memory_corrupt", "memory_stale"):
        _harm(injection, pool, random)
    elif kind in ("lost_message", "duplicated_message"):
        injection.done = False
        inject_message_fault(injection, pool)
    elif kind == "store_full":
        pool.memory.fill()
        injection.causes = {"store"}
    elif kind in _HARD:
        _HARD[kind](injection, pool, random)
    else:
        _hit_agent(injection, pool, lockstep, random, avoid)
    if kind == "leak_not_freed":
        slot = next(iter(injection.causes)).partition(":")[2]
        injection.lasting = (slot, {"kind": "grow", "amount": float(GROWTH_BYTES)})
    return injection


def advance(injection: Injection, pool: LocalAgentPool, lockstep: Lockstep) -> None:
    """Carry on with an injection: its steps, its lasting fault, what it has hurt."""
    now_s = pool.clock.monotonic_s()
    if not injection.done:
        inject_message_fault(injection, pool)
    for due_s, step in list(injection.steps):
        if due_s <= now_s:
            injection.steps.remove((due_s, step))
            step()
    for task in injection.watched:
        for row in pool.ledger.rows("SELECT slot FROM agents WHERE task=?", (task,)):
            injection.causes.add(f"agent:{row['slot']}")
    if injection.lasting is not None:
        slot, message = injection.lasting
        for agent in set(pool.members(slot)) - injection.informed:
            injection.informed.add(agent)
            lockstep.tell(agent, {"faults": message})


def kill_slot(pool: LocalAgentPool, slot: str) -> None:
    """Kill the agents of a slot, without a word to anyone."""
    for agent in pool.members(slot):
        pool.forkserver.signal(pool.process_name(agent), signal.SIGKILL)


def _flap(
    injection: Injection, pool: LocalAgentPool, random: np.random.Generator
) -> None:
    """Kill the agent of one slot again and again, its replacements too."""
    slot = str(random.choice(pool.slots()))
    injection.causes = {f"agent:{slot}"}
    short = injection.kind == "flapping_short"
    period_s = float(random.uniform(75, 150) if short else random.uniform(330, 420))
    injection.steps = [
        (injection.at_s + turn * period_s, lambda: kill_slot(pool, slot))
        for turn in range(6 if short else 4)
    ]


def _kill_all(
    injection: Injection,
    pool: LocalAgentPool,
    random: np.random.Generator,  # noqa: ARG001 - one signature for all
) -> None:
    injection.causes = {f"agent:{slot}" for slot in pool.slots()}
    for slot in pool.slots():
        kill_slot(pool, slot)


def _split(
    injection: Injection, pool: LocalAgentPool, random: np.random.Generator
) -> None:
    """Kill one agent under the eyes of two healers that do not know of each other."""
    slot = str(random.choice(pool.slots()))
    injection.causes = {f"agent:{slot}"}
    kill_slot(pool, slot)


def _poison(
    injection: Injection,
    pool: LocalAgentPool,
    random: np.random.Generator,  # noqa: ARG001 - one signature for all
) -> None:
    """Queue a task that kills the process of the agent that works on it, next in line."""
    _queue_first(pool, [Task(task_id="poison", operation_type=POISON, duration_s=60.0)])
    injection.watched = {"poison"}
    injection.causes = {"task:poison"}


def _deadlock(
    injection: Injection, pool: LocalAgentPool, random: np.random.Generator
) -> None:
    """Queue two tasks that take two locks in opposite order, next in line."""
    duration_s = float(random.uniform(240, 360))
    orders = (("x", "y"), ("y", "x"))
    tasks = [
        Task(
            task_id=f"lock{number}",
            operation_type="edit",
            duration_s=duration_s,
            locks=locks,
        )
        for number, locks in enumerate(orders)
    ]
    _queue_first(pool, tasks)
    injection.watched = {task.task_id for task in tasks}
    injection.causes = {f"task:{task.task_id}" for task in tasks}


def _queue_first(pool: LocalAgentPool, tasks: Sequence[Task]) -> None:
    pool.submit(tasks, agents=len(pool.slots()))
    with pool.ledger.transaction() as connection:
        for place, task in enumerate(tasks):
            connection.execute(
                "UPDATE tasks SET rowid=? WHERE id=?", (place - 10, task.task_id)
            )


_HARD: Mapping[
    str, Callable[[Injection, LocalAgentPool, np.random.Generator], None]
] = {
    "flapping_short": _flap,
    "flapping_long": _flap,
    "all_killed": _kill_all,
    "split_brain": _split,
    "poisoned_task": _poison,
    "deadlock": _deadlock,
}


def inject_message_fault(injection: Injection, pool: LocalAgentPool) -> None:
    """Lose or double a message, once there is one under way."""
    rows = pool.ledger.rows(
        "SELECT id, agent, body FROM messages WHERE kind='assign' AND read_s IS NULL"
    )
    if injection.done or not rows:
        return
    message = rows[0]
    owner = pool.ledger.rows("SELECT slot FROM agents WHERE id=?", (message["agent"],))
    injection.causes = {f"task:{message['body']}", f"agent:{owner[0]['slot']}"}
    if injection.kind == "lost_message":
        with pool.ledger.transaction() as connection:
            connection.execute("DELETE FROM messages WHERE id=?", (message["id"],))
    else:
        others = pool.ledger.rows(
            "SELECT id, slot FROM agents WHERE state='live' AND id<>? ORDER BY id",
            (message["agent"],),
        )
        if not others:
            return
        injection.causes.add(f"agent:{others[0]['slot']}")
        pool.ledger.send(
            others[0]["id"],
            "assign",
            message["body"],
            now_s=pool.clock.monotonic_s(),
        )
    injection.at_s = pool.clock.monotonic_s()
    injection.done = True


def _harm(
    injection: Injection, pool: LocalAgentPool, random: np.random.Generator
) -> None:
    entries = [e for e in pool.memory.entries() if e.newest > 1]
    if not entries:
        entries = pool.memory.entries()
    entry = entries[int(random.integers(len(entries)))]
    injection.causes = {f"key:{entry.key}"}
    if injection.kind == "memory_corrupt" or not pool.memory.age(entry.key):
        pool.memory.harm(entry.key, value="\x00garbled", writer=entry.writer)


def _hit_agent(
    injection: Injection,
    pool: LocalAgentPool,
    lockstep: Lockstep,
    random: np.random.Generator,
    avoid: set[str],
) -> None:
    slots = [slot for slot in pool.slots() if slot not in avoid]
    slot = slots[int(random.integers(len(slots)))]
    agent = pool.members(slot)[0]
    injection.agent_id = agent
    injection.causes = {f"agent:{slot}"}
    name, kind = pool.process_name(agent), injection.kind
    if kind in ("sigkill", "sigkill_at_work"):
        pool.forkserver.signal(name, signal.SIGKILL)
    elif kind in ("sigstop", "sigstop_then_cont"):
        pool.forkserver.signal(name, signal.SIGSTOP)
        if kind == "sigstop_then_cont":
            injection.cont_s = injection.at_s + 15.0 * int(random.integers(10, 30))
    else:
        amount = {
            "slow_down": float(random.uniform(6, 20)),
            "memory_growth": float(GROWTH_BYTES),
            "fake_progress": FAKE_SLOWNESS,
            "halting": 105.0,
        }.get(kind, 0.0)
        name_of_fault = "grow" if kind == "leak_not_freed" else AGENT_FAULTS[kind]
        amount = float(GROWTH_BYTES) if kind == "leak_not_freed" else amount
        message = {"kind": name_of_fault, "amount": amount}
        injection.informed.add(agent)
        lockstep.tell(agent, {"faults": message})
    if kind == "corrupting_agent":
        # It harms whichever entry comes first, and may do so to what is repaired.
        injection.causes |= {f"key:{entry.key}" for entry in pool.memory.entries()}
