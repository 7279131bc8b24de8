"""A simulated swarm that lives through the installed hooks, under a clock of its own.

The costs are the simulator's, whose best sizes are known. Everything between them and a
record is the toolkit's own path: the settings that `hooks install` wrote, the handler's
file, its standard input and output. Most events call the handler's entry point in this
process; a share of the sessions starts it as the harness would, as a process an event.
"""

import io
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hook_payloads import Payload, payload
from toolkit.capture import hook_advice, hook_handler
from toolkit.policies.rules import BatchSizeRule
from toolkit.records import Batch
from toolkit.testing.simulator import LOADS, SimulatedSwarm

__all__ = ["Harness", "Life", "Moment", "Played"]

TOOLS = {"fileOperations": "Read", "shell": "Bash"}
ADVISED = re.compile(r"^Batch size: about (\d+) (\w+) operations")
OBEDIENCE = 0.9
"""Share of the advice that an agent follows; it forgets the rest."""

UNDER_A_CLOCK = """
import io, json, os, runpy, sys, time
at_ns, cpu, memory, chances, *words = json.loads(sys.argv[1])
opened, drawn = io.open, iter(chances)
table = f"MemTotal: 1000000 kB\\nMemFree: 0 kB\\nMemAvailable: {memory} kB\\n"
io.open = lambda path, *rest, **more: (
    io.BytesIO(table.encode()) if str(path) == "/proc/meminfo"
    else opened(path, *rest, **more)
)
time.time_ns = lambda: at_ns
os.getloadavg, os.cpu_count = lambda: (cpu, cpu, cpu), lambda: 1
os.urandom = lambda n: (int(next(drawn) * 2**53) << 3).to_bytes(n, "big")
sys.argv = words
runpy.run_path(words[0], run_name="__main__")
"""
"""Runs the installed handler's file as the harness does, at a simulated moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an event happens, and what the machine is like then."""

    at: datetime
    load: float
    memory: float

    @property
    def ns(self) -> int:
        return round(self.at.timestamp() * 1000) * 1_000_000

    def loads(self) -> dict[str, float]:
        return {
            "load_cpu": self.load,
            "load_memory": self.memory,
            "load": max(self.load, self.memory),
        }


class Harness:
    """Fires events as Claude Code would, with what `settings.local.json` says.

    Attributes
    ----------
    fired, processes : int
        Events, and those of them that were handled by a process of their own.
    """

    def __init__(self, project: Path, chance: np.random.Generator) -> None:
        self._settings = project / ".claude" / "settings.local.json"
        self._chance = chance
        self.fired = self.processes = 0

    def fire(self, event: Payload, moment: Moment, *, alone: bool) -> str | None:
        """Run the hook of an event; gives the sentence that came back, if any."""
        hooks = json.loads(self._settings.read_text())["hooks"]
        said = None
        for group in hooks.get(event["hook_event_name"], []):
            for hook in group["hooks"]:
                self.fired += 1
                self.processes += alone
                run = self._start if alone else self._call
                said = run(hook, json.dumps(event).encode(), moment)
        if not said:
            return None
        return str(json.loads(said)["hookSpecificOutput"]["additionalContext"])

    def _start(self, hook: Mapping[str, Any], data: bytes, moment: Moment) -> bytes:
        *flags, handler = hook["args"][:3]
        free = round(1_000_000 * (1 - moment.memory))
        chances = [float(self._chance.random()) for _ in range(2)]
        facts = [moment.ns, moment.load, free, chances, handler, *hook["args"][3:]]
        done = subprocess.run(
            [hook["command"], *flags, "-c", UNDER_A_CLOCK, json.dumps(facts)],
            check=True,
            input=data,
            capture_output=True,
            timeout=30,
        )
        assert done.stderr == b""
        return done.stdout

    def _call(self, hook: Mapping[str, Any], data: bytes, moment: Moment) -> bytes:
        with pytest.MonkeyPatch.context() as patch, _streams(data) as said:
            patch.setattr(hook_handler, "RECEIVED_NS", moment.ns)
            patch.setattr(hook_advice, "_chance", lambda: float(self._chance.random()))
            patch.setattr(
                hook_handler,
                "_load",
                lambda event: (
                    moment.loads() if event in ("PreToolUse", "PostToolBatch") else {}
                ),
            )
            assert hook_handler.main(hook["args"][3:]) == 0
        return said.getvalue()


@contextmanager
def _streams(data: bytes) -> Iterator[io.BytesIO]:
    """Give this process other standard streams, as a process of its own would have."""
    said = io.BytesIO()
    kept = os.dup(0), os.dup(1)
    given, answer = os.pipe(), os.pipe()
    try:
        os.write(given[1], data)  # a payload of a simulated event fits the pipe
        os.close(given[1])
        os.dup2(given[0], 0)
        os.dup2(answer[1], 1)
        os.close(answer[1])
        yield said
    finally:
        os.dup2(kept[0], 0)
        os.dup2(kept[1], 1)
        said.write(os.read(answer[0], 1 << 16))
        for descriptor in (*kept, given[0], answer[0]):
            os.close(descriptor)


@dataclass(slots=True)
class Played:
    """What a week of life was like.

    Attributes
    ----------
    advised, tried, followed : int
        Sentences in which the model was sure; in which a size was drawn for the history's
        sake; those of both that were heeded.
    twins : list of (session, batch, batch)
        Each batch, and what it would have been at the rule's size with the same luck.
    """

    advised: int = 0
    tried: int = 0
    followed: int = 0
    twins: list[tuple[int, Batch, Batch]] = field(default_factory=list)


@dataclass(kw_only=True)
class Life:
    """Sessions of agents whose habit is the rule, and who listen to advice.

    Parameters
    ----------
    harness : Harness
    sessions, batches : int
        A week's sessions, and the batches of each type in one.
    alone_every, alone_batches : int
        Each n-th session begins with so many batches whose every event is a process of
        its own; a process costs a hundred times what a call does.
    """

    harness: Harness
    draw: np.random.Generator
    sessions: int = 16
    batches: int = 18
    alone_every: int = 16
    alone_batches: int = 6
    _number: int = 0

    def week(self, swarm: SimulatedSwarm, start: datetime) -> Played:
        """Play a week, four sessions a day."""
        played = Played()
        for number in range(self.sessions):
            at = start + timedelta(hours=7 * 24 / self.sessions * number)
            self._session(swarm, at, number, played)
        return played

    def _session(
        self, swarm: SimulatedSwarm, at: datetime, number: int, played: Played
    ) -> None:
        load = LOADS[number % len(LOADS)]
        memory = round(0.3 + 0.1 * (number % 4), 2)
        begins_alone = number % self.alone_every == 1
        turn = 0
        name = f"{at:%Y%m%d}-{number}"
        habits: dict[str, int] = {}
        trials: dict[str, int] = {}

        def fire(event: str, at: datetime, **fields: Any) -> str | None:
            moment = Moment(at=at, load=load, memory=memory)
            common = {"session_id": name, "permission_mode": "bypassPermissions"}
            told = payload(event, **{**common, **fields})
            alone = begins_alone and turn < self.alone_batches
            return self.harness.fire(told, moment, alone=alone)

        fire("SessionStart", at, source="startup")
        fire("UserPromptSubmit", at, prompt="do it")
        for turn in range(self.batches * len(TOOLS)):
            kind = sorted(TOOLS)[turn % len(TOOLS)]
            size = trials.pop(kind, habits.get(kind)) or rule_size(kind, load)
            self._number += 1
            batch, twin = (
                swarm.batch(self._number, kind, s, load=load, at=at)
                for s in (size, rule_size(kind, load))
            )
            played.twins.append((number, batch, twin))
            at, said = self._batch(fire, batch, at)
            if said and (advice := ADVISED.match(said)):
                self._listen(advice, said, played, habits, trials)
        fire("Stop", at)
        fire("SessionEnd", at, reason="exit")

    def _listen(
        self,
        advice: "re.Match[str]",
        said: str,
        played: Played,
        habits: dict[str, int],
        trials: dict[str, int],
    ) -> None:
        trial = "as usual" in said or "to try it out" in said
        played.tried += trial
        played.advised += not trial
        if self.draw.random() < OBEDIENCE:
            played.followed += 1
            heeded = trials if trial else habits
            heeded[advice[2]] = int(advice[1])

    def _batch(
        self, fire: Any, batch: Batch, at: datetime
    ) -> tuple[datetime, str | None]:
        """Fire the events of a batch; gives its end, and what was said after it."""
        assert batch.turn_s is not None
        assert batch.operations_s is not None
        begun = at + timedelta(seconds=batch.turn_s)
        each_s = batch.operations_s / batch.size
        calls = [
            {
                "tool_name": TOOLS[batch.operation_type],
                "tool_input": {"file_path": f"/p/{n}", "command": "true"},
                "tool_use_id": f"toolu_{self._number}_{n}",
            }
            for n in range(batch.size)
        ]
        for n, one in enumerate(calls):
            fire("PreToolUse", begun + timedelta(seconds=each_s * n), **one)
            ended = begun + timedelta(seconds=each_s * (n + 1))
            timed = {"duration_ms": round(each_s * 1000, 3)}
            if n < (batch.failed or 0):
                fire("PostToolUseFailure", ended, **one, **timed, error="failed")
            else:
                fire("PostToolUse", ended, **one, **timed, tool_response={})
        end = begun + timedelta(seconds=batch.operations_s)
        answered = [{**one, "tool_response": "done"} for one in calls]
        return end, fire("PostToolBatch", end, tool_calls=answered)


def rule_size(operation_type: str, load: float) -> int:
    """What the rule says, and the agents' habit."""
    return (
        BatchSizeRule()
        .recommend(
            operation_type=operation_type,
            system_load=load,
            coordination_complexity=0.0,
        )
        .batch_size
    )
