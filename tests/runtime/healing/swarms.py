"""Small swarms made by hand, and an engine around them, for the tests of this room."""

import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.clock import VirtualClock
from toolkit.notifier import MemoryNotifier
from toolkit.runtime.healing import (
    AgentState,
    EntryState,
    HealingEngine,
    Journal,
    SilenceThresholds,
    SwarmSnapshot,
)
from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome

START = datetime(2026, 1, 5, tzinfo=UTC)


class HandmadeSwarm:
    """Agents that are active whenever looked at, but for those that are ill."""

    def __init__(self, clock: VirtualClock, slots: tuple[str, ...] = ("a1", "a2")):
        self.clock = clock
        self.slots = slots
        self.silent_since: dict[str, float] = {}
        self.gone: set[str] = set()
        self.harmed: set[str] = set()
        self.looks = 0

    def snapshot(self, since_s: float) -> SwarmSnapshot:
        self.looks += 1
        now_s = self.clock.monotonic_s()
        return SwarmSnapshot(
            at_s=now_s,
            agents=tuple(
                AgentState(
                    agent_id=slot,
                    slot=slot,
                    alive=slot not in self.gone,
                    since_s=0.0,
                    active_s=self.silent_since.get(slot, now_s),
                    operation_type="edit",
                    operation_s=now_s,
                )
                for slot in self.slots
            ),
            entries=tuple(
                EntryState(key=key, consistent=key not in self.harmed, writer="a1")
                for key in ("k1", "k2")
            ),
        )


class ScriptedEffector:
    """Does what a script says, counts each key, and remembers effects across crashes."""

    def __init__(self, script: Callable[[Action], EffectOutcome | None]) -> None:
        self.script = script
        self.done: list[Action] = []
        self.effects: dict[str, Effect] = {}

    async def act(self, action: Action) -> Effect:
        if action.key in self.effects:
            return self.effects[action.key]
        outcome = self.script(action) or EffectOutcome.ACTED
        effect = Effect(outcome=outcome, detail="scripted")
        self.done.append(action)
        if outcome is EffectOutcome.ACTED:
            self.effects[action.key] = effect
        return effect

    async def effect_of(self, key: str) -> Effect | None:
        return self.effects.get(key)

    @property
    def verbs(self) -> list[str]:
        return [action.verb for action in self.done]


class Ward:
    """An engine, its swarm, its clock, and what it told."""

    def __init__(
        self,
        folder: Path,
        script: Callable[[Action], EffectOutcome | None] = lambda _: None,
        **options: Any,
    ) -> None:
        self.clock = options.pop("clock", None) or VirtualClock(START)
        self.swarm = options.pop("swarm", None) or HandmadeSwarm(self.clock)
        self.effector = options.pop("effector", None) or ScriptedEffector(script)
        self.told = MemoryNotifier()
        self.journal = options.pop("journal", None) or Journal(
            folder / "healing.sqlite", owner=options.pop("owner", "one")
        )
        weakref.finalize(self, self.journal.close)
        options.setdefault("silences", SilenceThresholds(unknown_s=60.0))
        self.engine = HealingEngine(
            swarm=self.swarm,
            effector=self.effector,
            journal=self.journal,
            clock=self.clock,
            notifier=self.told,
            seed=1,
            **options,
        )

    async def live(self, duration_s: float, step_s: float = 15.0) -> None:
        """Let virtual time pass, a turn at each step."""
        until_s = self.clock.monotonic_s() + duration_s
        while self.clock.monotonic_s() < until_s:
            self.clock.move(step_s)
            await self.engine.turn()

    @property
    def outcomes(self) -> list[str]:
        return [str(told.metadata.get("outcome")) for told in self.told.kept]
