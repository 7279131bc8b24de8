"""Waves of agents: every spawning call is a run of one wave, whatever became of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.claude_code.transcripts import (
    Session,
    batches,
    import_lines,
    workflows,
)
from toolkit.records import Outcome

LAUNCHED = {"status": "async_launched", "agentId": "abc"}


def spawn(session: Session, at_s: float, name: str, message: str = "m1") -> Session:
    return session.call(at_s, name, "Agent", {"prompt": "go"}, message=message)


def done(session: Session, at_s: float, name: str, **details: Any) -> Session:
    given = {"status": "completed", "agentId": f"agent-{name}", **details}
    return session.result(at_s, name, details=given)


def notice(at: str, *, status: str = "completed", used: str = "") -> dict[str, Any]:
    return {
        "type": "queue-operation",
        "sessionId": "session-1",
        "timestamp": f"2026-03-02T09:{at}.000Z",
        "content": f"<task-notification><task-id>abc</task-id><status>{status}</status>"
        f"<usage>{used}</usage></task-notification>",
    }


def test_runs_of_one_message_are_one_wave(tmp_path: Path) -> None:
    session = spawn(spawn(Session(), 1, "a"), 1, "b")
    done(session, 21, "a", totalDurationMs=20_000, totalTokens=100)
    done(session, 41, "b", totalDurationMs=40_000, totalTokens=50)
    store, _ = import_lines(tmp_path, session.lines)
    (wave,) = workflows(store)

    assert (wave.agents, wave.runs, wave.runs_succeeded) == (2, 2, 2)
    assert (wave.makespan_s, wave.agent_seconds) == (40, 60)
    assert (wave.declared_tokens, wave.form) == (150, "foreground")


def test_runs_one_after_another_are_waves_of_their_own(tmp_path: Path) -> None:
    session = done(spawn(Session(), 1, "a"), 21, "a")
    done(spawn(session, 30, "b", "m2"), 40, "b")
    store, _ = import_lines(tmp_path, session.lines)

    assert [wave.agents for wave in workflows(store)] == [1, 1]


def test_an_agent_in_the_background_ends_with_its_notice(tmp_path: Path) -> None:
    session = spawn(Session().call(0, "z", message="m0").result(1, "z"), 5, "a")
    session.result(6, "a", details=LAUNCHED)
    session.raw(
        notice("05:06", used="total_tokens: 900 tool_uses: 7 duration_ms: 301000")
    )
    store, _ = import_lines(tmp_path, session.lines)
    (wave,) = workflows(store)

    assert (wave.form, wave.makespan_s, wave.agent_seconds) == ("background", 301, 301)
    assert (wave.declared_tokens, wave.calls) == (900, 7)
    assert wave.outcome is Outcome.SUCCEEDED


def test_the_launch_of_a_background_agent_is_not_its_cost(tmp_path: Path) -> None:
    session = spawn(Session().call(0, "z", message="m0").result(1, "z"), 5, "a")
    store, _ = import_lines(tmp_path, session.result(6, "a", details=LAUNCHED).lines)
    launch = batches(store)[1]

    assert (launch.cycle_s, launch.execution_s, launch.cost_s) == (None, None, None)
    assert (launch.turn_s, launch.background) == (4.0, 1)


def test_agents_in_the_background_overlap_those_spawned_later(tmp_path: Path) -> None:
    session = spawn(Session(), 1, "a").result(2, "a", details=LAUNCHED)
    done(spawn(session, 10, "b", "m2"), 20, "b").raw(notice("00:30"))
    store, _ = import_lines(tmp_path, session.lines)
    (wave,) = workflows(store)

    assert (wave.agents, wave.runs, wave.form) == (2, 2, "mixed")


@pytest.mark.parametrize(
    ("words", "field", "outcome"),
    [
        ("The user doesn't want to proceed", "runs_refused", Outcome.CANCELLED),
        ("Error: agent died", "runs_failed", Outcome.FAILED),
    ],
)
def test_a_run_that_failed_or_was_refused_is_a_run_with_that_outcome(
    tmp_path: Path, words: str, field: str, outcome: Outcome
) -> None:
    session = spawn(Session(), 1, "a").result(2, "a", words, error=True)
    store, _ = import_lines(tmp_path, session.lines)
    (wave,) = workflows(store)

    assert (wave.runs, getattr(wave, field), wave.outcome) == (1, 1, outcome)


def test_a_run_without_an_end_is_unfinished(tmp_path: Path) -> None:
    store, _ = import_lines(tmp_path, spawn(Session(), 1, "a").lines)
    (wave,) = workflows(store)

    assert (wave.runs_unfinished, wave.makespan_s) == (1, None)
    assert wave.outcome is Outcome.UNKNOWN
