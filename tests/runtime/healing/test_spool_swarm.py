from pathlib import Path
from typing import Any

import pytest

from tests.runtime.healing.swarms import START
from toolkit.clock import VirtualClock
from toolkit.records import Spool
from toolkit.runtime.healing import SpoolSwarm


class Session:
    """A session that writes its hook events, and who looks at it."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(START)
        self.hooks = Spool(folder / "hooks")
        self.swarm = SpoolSwarm(folder, clock=self.clock)

    def event(self, event: str, *, agent: str = "main", **given: Any) -> None:
        at_ns = int(self.clock.now().timestamp() * 1e9)
        row = {"kind": "hook", "event": event, "at_ns": at_ns, "session": "s"}
        self.hooks.append({**row, "agent": agent, **given})


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_between_a_call_and_its_end_the_call_is_in_hand(session: Session) -> None:
    session.event("PreToolUse", tool="Bash")

    (agent,) = session.swarm.snapshot(0.0).agents

    assert agent.operation_type == "Bash"


def test_between_two_calls_the_model_has_its_turn(session: Session) -> None:
    session.event("PreToolUse", tool="Bash")
    session.event("PostToolUse", tool="Bash")

    (agent,) = session.swarm.snapshot(0.0).agents

    assert agent.operation_type == "turn"


def test_a_gap_is_what_was_in_hand_during_it(session: Session) -> None:
    session.event("PreToolUse", tool="Bash")
    session.clock.move(40.0)
    session.event("PostToolUse", tool="Bash")

    last = session.swarm.snapshot(-1.0).activity[-1]

    assert last.gap_of == "Bash"
    assert last.gap_s == pytest.approx(40.0)


def test_who_has_been_silent_for_an_hour_is_gone_not_stuck(session: Session) -> None:
    session.event("PreToolUse", tool="Bash")
    session.swarm.snapshot(0.0)
    session.clock.move(3601.0)

    assert session.swarm.snapshot(0.0).agents == ()


def test_each_line_is_taken_once_even_when_its_file_is_set_aside(
    session: Session,
) -> None:
    session.event("PreToolUse", tool="Bash")
    session.swarm.snapshot(0.0)
    session.hooks.seal()

    assert len(session.swarm.snapshot(-1.0).activity) == 1


def test_a_line_without_a_time_is_left_out(session: Session) -> None:
    session.hooks.append({"kind": "hook", "event": "Stop", "session": "s"})

    assert session.swarm.snapshot(0.0).agents == ()
