"""The faults that are injected, the controls that only look ill, and where they hit."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from toolkit.testing.pool import LocalAgentPool, Lockstep

__all__ = ["CONTROLS", "FAULTS", "Injection", "inject"]

AGENT_FAULTS: Mapping[str, str] = {
    "slow_down": "slow",
    "busy_loop": "busy_loop",
    "hang": "hang",
    "hang_with_lock": "hang_with_lock",
    "memory_growth": "grow",
    "io_error": "io_error",
    "corrupting_agent": "corrupt",
}
"""Faults that an agent is told to apply, by the pool's name for them."""

FAULTS = (
    "sigkill",
    "sigkill_at_work",
    "sigstop",
    "sigstop_then_cont",
    *AGENT_FAULTS,
    "memory_corrupt",
    "memory_stale",
    "lost_message",
    "duplicated_message",
    "store_full",
    "engine_crash",
    "clock_jump_and_sigkill",
    "overlapping",
)

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
    """

    kind: str
    at_s: float
    causes: set[str] = field(default_factory=set)
    agent_id: str | None = None
    cont_s: float | None = None
    done: bool = True


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
    else:
        _hit_agent(injection, pool, lockstep, random, avoid)
    return injection


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
        }.get(kind, 0.0)
        message = {"kind": AGENT_FAULTS[kind], "amount": amount}
        lockstep.tell(agent, {"faults": message})
    if kind == "corrupting_agent":
        # It harms whichever entry comes first, and may do so to what is repaired.
        injection.causes |= {f"key:{entry.key}" for entry in pool.memory.entries()}
