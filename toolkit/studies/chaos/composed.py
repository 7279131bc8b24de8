"""Faults composed at random from primitives, by number: no sensor was made for them."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.studies.chaos.faults import (
    FAKE_SLOWNESS,
    GROWTH_BYTES,
    Injection,
    kill_slot,
)
from toolkit.testing.pool import LocalAgentPool, Lockstep

__all__ = ["PRIMITIVES", "Primitive", "compose", "inject_composed"]

COMPOSITION_SEED = 20261129
"""Draws what each numbered composition consists of; never the one of an episode."""

TICK_S = 15.0
LATEST_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """One part of a composition.

    Attributes
    ----------
    name : str
        One of `PRIMITIVES`.
    after_s : float
        Seconds after the fault's moment.
    strength : float
        0 to 1; each primitive reads it in its own unit.
    lasts_s : float or None
        `None`: until it is ended.
    """

    name: str
    after_s: float
    strength: float
    lasts_s: float | None


def compose(number: int) -> tuple[Primitive, ...]:
    """Draw a composition of two or three primitives.

    Parameters
    ----------
    number : int
        Which; the same number is always the same composition.

    Returns
    -------
    tuple of Primitive

    Examples
    --------
    >>> compose(1) == compose(1), compose(1) == compose(2)
    (True, False)
    """
    random = np.random.default_rng([COMPOSITION_SEED, number])
    names = random.choice(sorted(PRIMITIVES), int(random.integers(2, 4)))
    return tuple(
        Primitive(
            name=str(name),
            after_s=TICK_S * int(random.integers(0, LATEST_TICKS)),
            strength=float(random.random()),
            lasts_s=None
            if random.random() < 0.5
            else TICK_S * int(random.integers(4, 40)),
        )
        for name in names
    )


@dataclass(slots=True)
class _Scene:
    pool: LocalAgentPool
    lockstep: Lockstep
    slot: str

    @property
    def agents(self) -> list[str]:
        return self.pool.members(self.slot)

    def tell(self, kind: str, amount: float = 0.0) -> None:
        for agent in self.agents:
            self.lockstep.tell(agent, {"faults": {"kind": kind, "amount": amount}})


def inject_composed(
    number: int,
    pool: LocalAgentPool,
    lockstep: Lockstep,
    random: np.random.Generator,
) -> list[Injection]:
    """Inject a composition now; an episode's generator draws whom it hits."""
    injections = []
    for primitive in compose(number):
        slot = str(random.choice(pool.slots()))
        injection = Injection(
            kind=primitive.name,
            at_s=pool.clock.monotonic_s(),
            causes={f"agent:{slot}"},
        )
        begin = PRIMITIVES[primitive.name]
        scene = _Scene(pool, lockstep, slot)
        start_s = injection.at_s + primitive.after_s
        injection.steps.append(
            (start_s, _later(begin, injection, scene, primitive, start_s))
        )
        injections.append(injection)
    return injections


Begin = Callable[[Injection, _Scene, Primitive, float], None]


def _later(
    begin: Begin,
    injection: Injection,
    scene: _Scene,
    primitive: Primitive,
    start_s: float,
) -> Callable[[], None]:
    return lambda: begin(injection, scene, primitive, start_s)


def _kill(injection: Injection, scene: _Scene, _: Primitive, __: float) -> None:
    injection.agent_id = next(iter(scene.agents), None)
    kill_slot(scene.pool, scene.slot)


def _stop(
    injection: Injection, scene: _Scene, primitive: Primitive, start_s: float
) -> None:
    agent = next(iter(scene.agents), None)
    if agent is None:
        return
    injection.agent_id = agent
    name = scene.pool.process_name(agent)
    scene.pool.forkserver.signal(name, signal.SIGSTOP)
    if primitive.lasts_s is not None:
        injection.cont_s = start_s + primitive.lasts_s

        def wake() -> None:
            scene.pool.forkserver.signal(name, signal.SIGCONT)

        injection.steps.append((injection.cont_s, wake))


def _of_agent(
    kind: Callable[[Primitive], tuple[str, float]],
) -> Begin:
    """Build a primitive that is a fault inside one agent."""

    def begin(
        injection: Injection, scene: _Scene, primitive: Primitive, start_s: float
    ) -> None:
        injection.agent_id = next(iter(scene.agents), None)
        name, amount = kind(primitive)
        scene.tell(name, amount)
        if name == "corrupt":
            entries = scene.pool.memory.entries()
            injection.causes |= {f"key:{entry.key}" for entry in entries}
        if primitive.lasts_s is not None and name not in ("grow", "hold"):
            injection.cont_s = start_s + primitive.lasts_s
            injection.steps.append((injection.cont_s, lambda: scene.tell("none")))
        elif name == "hold":
            injection.cont_s = start_s + amount

    return begin


def _lie(primitive: Primitive) -> tuple[str, float]:
    lies = (("hollow", 0.0), ("corrupt", 0.0), ("slow", FAKE_SLOWNESS))
    return lies[int(primitive.strength * 2.999)]


def _drop(
    injection: Injection, scene: _Scene, primitive: Primitive, start_s: float
) -> None:
    """Delete every unread assignment for a while."""

    def delete() -> None:
        with scene.pool.ledger.transaction() as connection:
            rows = connection.execute(
                "DELETE FROM messages WHERE kind='assign' AND read_s IS NULL "
                "RETURNING agent, body"
            ).fetchall()
        injection.causes |= {f"task:{body}" for _, body in rows}
        injection.causes |= {f"agent:{agent.partition('.')[0]}" for agent, _ in rows}

    for turn in range(int((primitive.lasts_s or 120.0) / TICK_S)):
        injection.steps.append((start_s + turn * TICK_S, delete))


def _duplicate(injection: Injection, _: _Scene, __: Primitive, ___: float) -> None:
    injection.kind = "duplicated_message"
    injection.done = False


PRIMITIVES: Mapping[str, Begin] = {
    "kill": _kill,
    "stop": _stop,
    "slow": _of_agent(lambda p: ("slow", 5.0 + 15.0 * p.strength)),
    "lie": _of_agent(_lie),
    "drop": _drop,
    "duplicate": _duplicate,
    "hold": _of_agent(lambda p: ("hold", 60.0 + 600.0 * p.strength)),
    "leak": _of_agent(lambda p: ("grow", GROWTH_BYTES * (0.5 + p.strength))),
}
"""What a composition is drawn from."""
