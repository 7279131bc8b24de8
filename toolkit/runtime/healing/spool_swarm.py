"""A swarm seen through its live spool: Claude Code sessions and coordination records.

It can only be watched. An agent's own events are its signs of life; between a call and
its end it has that call in hand, between an end and the next call it has a turn of the
model in hand, and after its stop it has nothing. While it waits for a person (a question,
a plan, a permission) or for a subagent, it owes no sign.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from toolkit.clock import Clock
from toolkit.records import Spool, SpoolFollower
from toolkit.runtime.healing.swarm import (
    Activity,
    ActivityKind,
    AgentState,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
    WaitsOn,
)

__all__ = ["HARNESS_FLOORS", "SpoolSwarm"]

GONE_S = 3600.0
"""An agent that has been silent for an hour is gone, not stuck."""

WINDOW_S = 300.0
"""Two agents at the same operation within this time do the same work twice."""

KEPT_ACTIVITY = 5000

STARTS = frozenset({"PreToolUse"})
ENDS = frozenset({"PostToolUse", "PostToolUseFailure", "PostToolBatch"})
TURNS = frozenset({"UserPromptSubmit", "SubagentStart"})
STOPS = frozenset({"Stop", "SubagentStop", "SessionEnd", "StopFailure", "Notification"})
WRITES = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "write"})
TURN = "turn"
COMPACTION = "compaction"

PERSON_TOOLS = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""Calls that end when a person has answered."""

CHILD_TOOLS = frozenset({"Agent", "Task"})
"""Calls that end when a subagent has; that one is watched itself."""

PERMISSION = "permission_prompt"

HARNESS_FLOORS = {TURN: 300.0, COMPACTION: 300.0, "Bash": 600.0, "shell": 600.0}
"""Silences that Claude Code itself allows, in seconds: a shell command may run for ten
minutes, a reply of the model or a compaction for several."""


@dataclass(slots=True)
class _Agent:
    since_s: float
    active_s: float
    operation: str | None = None
    operation_s: float | None = None
    waits_on: WaitsOn | None = None


@dataclass(slots=True)
class _Work:
    """Agents that did one operation on one key since its last write."""

    operation: str
    since_s: float
    slots: dict[str, float]


def _unseen(slot: str) -> bool | None:
    """Know of no process."""
    del slot
    return None


class SpoolSwarm:
    """Takes snapshots of a store that others write to.

    Parameters
    ----------
    store : path
    clock : Clock
    alive : callable, optional
        Takes a slot, `session/agent`; gives whether its process runs, `None` where that
        cannot be seen.
    """

    def __init__(
        self,
        store: Path,
        *,
        clock: Clock,
        alive: Callable[[str], bool | None] = _unseen,
    ) -> None:
        self._clock = clock
        self._alive = alive
        folders = (store / "hooks", store / "spool")
        self._spools = [SpoolFollower(Spool(folder)) for folder in folders]
        self._agents: dict[str, _Agent] = {}
        self._work: dict[str, dict[str, _Work]] = {}
        self._activity: deque[Activity] = deque(maxlen=KEPT_ACTIVITY)
        # Rows carry wall time; silence is measured on the clock that never jumps.
        self._offset_s = clock.monotonic_s() - clock.now().timestamp()

    def snapshot(self, since_s: float) -> SwarmSnapshot:
        """Read what is new, and look."""
        for row in self._rows():
            self._take(row)
        now_s = self._clock.monotonic_s()
        self._forget(now_s)
        return SwarmSnapshot(
            at_s=now_s,
            agents=tuple(
                AgentState(
                    agent_id=slot,
                    slot=slot,
                    alive=self._alive(slot),
                    since_s=agent.since_s,
                    active_s=agent.active_s,
                    operation_type=agent.operation,
                    operation_s=agent.operation_s,
                    waits_on=agent.waits_on,
                )
                for slot, agent in sorted(self._agents.items())
            ),
            activity=tuple(act for act in self._activity if act.at_s > since_s),
            tasks=tuple(self._doubled(now_s)),
        )

    def _rows(self) -> Iterator[dict[str, Any]]:
        lines = chain.from_iterable(spool.read() for spool in self._spools)
        rows = [line.row for line in lines if line.row is not None]
        yield from sorted(rows, key=_wall_s)

    def _take(self, row: dict[str, Any]) -> None:
        wall_s = _wall_s(row)
        if wall_s == 0.0:
            return
        at_s = wall_s + self._offset_s
        if row.get("kind") == "hook":
            self._take_hook(row, at_s)
        elif row.get("kind") == "coordination":
            self._take_record(row, at_s)

    def _take_hook(self, row: dict[str, Any], at_s: float) -> None:
        event, tool = row.get("event"), str(row.get("tool", ""))
        session = str(row.get("session", ""))
        slot = f"{session}/{row.get('agent', 'main')}"
        if event in STARTS:
            self._speak(slot, at_s, ActivityKind.START, tool)
            self._agents[slot].waits_on = _waits_on(tool)
            self._work_on(slot, tool, row.get("key"), at_s)
        elif event in ENDS:
            self._speak(slot, at_s, ActivityKind.FINISH, TURN)
        elif event in TURNS:
            self._speak(slot, at_s, ActivityKind.START, TURN)
        elif event == "PreCompact":
            self._speak(slot, at_s, ActivityKind.START, COMPACTION)
        elif event == "PermissionRequest":
            self._ask_person(slot, at_s)
        elif row.get("notification_type") == PERMISSION:
            # It names the session alone: any agent of it with a call open may ask.
            for name, agent in self._agents.items():
                if name.startswith(f"{session}/") and agent.operation not in (
                    None,
                    TURN,
                ):
                    self._ask_person(name, at_s)
        elif event in STOPS:
            self._speak(slot, at_s, ActivityKind.FINISH, None)

    def _ask_person(self, slot: str, at_s: float) -> None:
        agent = self._agents.setdefault(slot, _Agent(at_s, at_s))
        if agent.waits_on is None:
            agent.waits_on = WaitsOn.PERSON

    def _take_record(self, row: dict[str, Any], at_s: float) -> None:
        slot = f"{row.get('session_id') or ''}/{row.get('agent_id')}"
        operation = str(row.get("operation"))
        open_call = row.get("has_pre_event") is True and not row.get("has_post_event")
        end_s = at_s + float(row.get("duration_s") or 0.0)
        kind = ActivityKind.START if open_call else ActivityKind.FINISH
        self._speak(slot, end_s, kind, operation if open_call else None)
        action = "write" if row.get("action") == "write" else operation
        self._work_on(slot, action, row.get("memory_key"), at_s)

    def _speak(
        self, slot: str, at_s: float, kind: ActivityKind, operation: str | None
    ) -> None:
        agent = self._agents.setdefault(slot, _Agent(at_s, at_s))
        had = agent.operation
        waited = had is None or agent.waits_on is not None
        self._activity.append(
            Activity(
                slot=slot,
                agent_id=slot,
                at_s=at_s,
                kind=kind,
                operation_type=operation,
                gap_s=None if waited else max(0.0, at_s - agent.active_s),
                gap_of=None if waited else had,
            )
        )
        agent.active_s = max(agent.active_s, at_s)
        agent.waits_on = None
        agent.operation = operation
        agent.operation_s = None if operation is None else at_s

    def _work_on(self, slot: str, operation: str, key: object, at_s: float) -> None:
        if not isinstance(key, str):
            return
        works = self._work.setdefault(key, {})
        if operation in WRITES:
            # After a write, reading the same again is no repetition.
            for name in [n for n in works if n not in WRITES]:
                del works[name]
        work = works.setdefault(operation, _Work(operation, at_s, {}))
        work.slots[slot] = at_s

    def _doubled(self, now_s: float) -> Iterator[TaskState]:
        for key, works in self._work.items():
            for work in works.values():
                fresh = tuple(
                    sorted(s for s, at in work.slots.items() if now_s - at <= WINDOW_S)
                )
                if len(fresh) > 1:
                    yield TaskState(
                        task_id=f"{work.operation}:{key}",
                        status=TaskStatus.RUNNING,
                        owner=fresh[0],
                        since_s=work.since_s,
                        runners=fresh,
                    )

    def _forget(self, now_s: float) -> None:
        for slot in [s for s, a in self._agents.items() if now_s - a.active_s > GONE_S]:
            del self._agents[slot]
        for key in list(self._work):
            works = self._work[key]
            for name in list(works):
                if now_s - max(works[name].slots.values()) > WINDOW_S:
                    del works[name]
            if not works:
                del self._work[key]


def _waits_on(tool: str) -> WaitsOn | None:
    if tool in PERSON_TOOLS:
        return WaitsOn.PERSON
    return WaitsOn.CHILD if tool in CHILD_TOOLS else None


def _wall_s(row: dict[str, Any]) -> float:
    """Seconds since 1970 that a row carries; 0 where it carries none."""
    if isinstance(row.get("at_ns"), int):
        return float(row["at_ns"]) / 1e9
    try:
        return dt.datetime.fromisoformat(str(row.get("at"))).timestamp()
    except ValueError:
        return 0.0
