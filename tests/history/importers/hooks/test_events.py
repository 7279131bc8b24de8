from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hook_payloads import after, batch, before, call, failed, payload
from tests.hook_sessions import Told, session
from toolkit.history.importers.hooks import HookJoiner
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    Served,
)


def joined(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    joiner = HookJoiner()
    return [record for row in rows for record in joiner.take(row)]


def batches(told: Told) -> list[Batch]:
    return [record for record in joined(told.rows()) if isinstance(record, Batch)]


def test_a_batch_has_the_calls_of_its_batch_event() -> None:
    told = session([[("Read", "ok")] * 3, [("Edit", "ok")]])

    assert [(b.size, b.succeeded) for b in batches(told)] == [(3, 3), (1, 1)]


def test_durations_are_the_harness_s_own() -> None:
    one = batches(session([[("Read", "ok")] * 3]))[0]

    assert one.operations_s == pytest.approx(0.6)
    assert one.longest_s == pytest.approx(0.2)
    assert one.provenance is Provenance.MEASURED


def test_the_cycle_runs_from_the_previous_result() -> None:
    second = batches(session([[("Read", "ok")], [("Read", "ok")]]))[1]

    assert second.cycle_s == pytest.approx(2.5)
    assert second.turn_s == pytest.approx(2.3)


def test_endings_are_told_apart() -> None:
    told = session([[("Bash", "failed"), ("Bash", "cancelled"), ("Read", "ok")]])
    one = batches(told)[0]

    assert (one.succeeded, one.failed, one.cancelled) == (1, 1, 1)


def test_a_call_without_any_event_failed_if_others_had_theirs() -> None:
    calls = [call("Read", 1), call("Read", 2)]
    told = Told([(before(calls[0]), 0), (after(calls[0]), 1), (batch(calls), 2)])

    assert [(b.succeeded, b.failed) for b in batches(told)] == [(1, 1)]


def test_a_batch_of_which_no_call_told_anything_has_unknown_ends() -> None:
    told = Told([(batch([call("Read", 1)]), 0)])

    assert [(b.size, b.succeeded, b.failed) for b in batches(told)] == [(1, 0, 0)]


def test_an_event_says_whether_it_had_both_its_hooks() -> None:
    one = call("Edit", 1)
    told = Told([(after(one), 1), (batch([one]), 2)])
    events = [r for r in joined(told.rows()) if isinstance(r, CoordinationEvent)]

    assert [(e.has_pre_event, e.has_post_event) for e in events] == [(False, True)]
    assert events[0].outcome is Outcome.SUCCEEDED


def test_calls_of_a_harness_without_batch_events_are_grouped_by_overlap() -> None:
    first, second, third = (call("Read", n) for n in (1, 2, 3))
    told = Told(
        [
            (before(first), 0),
            (before(second), 0.1),
            (after(first), 1),
            (after(second), 1),
            (before(third), 5),
            (after(third), 6),
            (payload("Stop"), 7),
        ]
    )

    assert [b.size for b in batches(told)] == [2, 1]


def test_subagents_have_streams_of_their_own() -> None:
    one, two = call("Read", 1), call("Read", 2)
    told = Told(
        [
            (payload("SubagentStart", agent_id="a1"), 0),
            (before(one), 1),
            (before(two, agent_id="a1"), 1),
            (after(two, agent_id="a1"), 2),
            (batch([two], agent_id="a1"), 2),
            (after(one), 3),
            (batch([one]), 3),
        ]
    )

    assert [(b.agent_id, b.active_agents) for b in batches(told)] == [
        ("a1", 2),
        ("main", 2),
    ]


def test_a_rejected_call_is_the_person_s_and_censors_the_batch() -> None:
    one = call("Bash", 1)
    denied = failed(one, error="The user doesn't want to proceed", is_interrupt=True)
    told = Told([(before(one), 0), (denied, 9), (batch([one]), 9)])

    assert [(b.cancelled, b.censored) for b in batches(told)] == [(1, True)]


def test_an_async_spawn_is_not_timed_by_its_launch() -> None:
    one = call("Agent", 1, prompt="p", subagent_type="x")
    launched = {
        **after(one, duration_ms=40),
        "tool_response": {"status": "async_launched", "agentId": "a9"},
    }
    told = Told([(before(one), 0), (launched, 0.04), (batch([one]), 0.05)])

    assert [b.operation_type for b in batches(told)] == ["taskSpawning"]


def decision(mode: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "hook",
        "event": "advice",
        "at_ns": 1,
        "session": payload("x")["session_id"],
        "agent": "main",
        "mode": mode,
        "operation_type": "fileOperations",
        "recommended": 2,
        "policy": "guarded",
        "policy_version": "4",
        "propensity": 0.9,
        **more,
    }


@pytest.mark.parametrize(
    ("mode", "spoken", "size", "served"),
    [
        ("on", True, 2, Served.EXPLORED),
        ("on", True, 3, Served.DECLINED),
        ("shadow", True, 2, Served.SHADOW),
        ("on", False, 2, Served.SHADOW),
    ],
)
def test_the_decision_in_force_is_recorded_with_its_propensity(
    mode: str, spoken: bool, size: int, served: Served
) -> None:
    rows = session([[("Read", "ok")], [("Read", "ok")] * size]).rows()
    at = next(n for n, row in enumerate(rows) if row["event"] == "PostToolBatch")
    rows.insert(at + 1, decision(mode, **({"said": "text"} if spoken else {})))
    second = [r for r in joined(rows) if isinstance(r, Batch)][1]

    assert (second.policy, second.policy_version, second.propensity) == (
        "guarded",
        "4",
        0.9,
    )
    assert second.served is served


@pytest.mark.parametrize(
    ("size", "propensity", "context"),
    [
        (2, 0.1, f"{payload('x')['session_id']}|fileOperations|0"),
        (3, 0.1, None),  # not the size that was drawn
        (2, 1.0, None),  # nothing was drawn
    ],
)
def test_sizes_that_were_drawn_and_used_share_a_context(
    size: int, propensity: float, context: str | None
) -> None:
    rows = session([[("Read", "ok")], [("Read", "ok")] * size]).rows()
    at = next(n for n, row in enumerate(rows) if row["event"] == "PostToolBatch")
    told = decision("on", said="text", context="fileOperations|0")
    rows.insert(at + 1, {**told, "propensity": propensity})
    second = [r for r in joined(rows) if isinstance(r, Batch)][1]

    assert second.context_id == context


ENDINGS = st.sampled_from(["ok", "failed", "cancelled", "rejected"])
TOOLS = st.sampled_from(["Read", "Edit", "Bash", "Grep", "TodoWrite", "mcp__x__y"])
SESSIONS = st.lists(
    st.lists(st.tuples(TOOLS, ENDINGS), min_size=1, max_size=5), min_size=1, max_size=5
)


@settings(deadline=None)  # a busy machine fails nothing
@given(SESSIONS)
def test_every_batch_is_there_once_with_every_call(
    told: list[list[tuple[str, str]]],
) -> None:
    found = batches(session(told))

    assert [b.calls for b in found] == [len(members) for members in told]


@settings(deadline=None)  # a busy machine fails nothing
@given(SESSIONS, st.integers(0, 80))
def test_a_spool_cut_off_anywhere_gives_no_batch_that_did_not_happen(
    told: list[list[tuple[str, str]]], cut: int
) -> None:
    rows = session(told).rows()
    whole = {r.record_id for r in joined(rows)}
    part = {r.record_id for r in joined(rows[:cut]) if isinstance(r, Batch)}

    assert not part - whole or not any(
        r["event"] == "PostToolBatch" for r in rows[:cut]
    )


def test_the_spool_of_a_store_is_imported_once(tmp_path: Path) -> None:
    from toolkit.history import RecordStore
    from toolkit.history.importers import run_import
    from toolkit.history.importers.hooks.events import HookSource
    from toolkit.records import Spool

    told = session([[("Read", "ok")] * 2, [("Edit", "failed")]])
    Spool(tmp_path / "hooks").append_all(told.rows())
    with RecordStore(tmp_path) as store:
        first = run_import(HookSource(), [tmp_path / "hooks"], store)
        again = run_import(HookSource(), [tmp_path / "hooks"], store)

    assert (first.batches, first.calls, first.sessions) == (2, 3, 1)
    assert (again.added, again.updated) == (0, 0)


@pytest.mark.parametrize("gap_s", [0.0, 0.3])
def test_events_that_are_fired_twice_are_recorded_once(gap_s: float) -> None:
    rows = session(
        [[("Read", "ok")] * 2, [("Edit", "failed")], [("Read", "ok")]]
    ).rows()
    later = [{**row, "at_ns": row["at_ns"] + round(gap_s * 1e9)} for row in rows]
    twice = [row for pair in zip(rows, later, strict=True) for row in pair]

    assert joined(twice) == joined(rows)


def test_ids_that_a_model_counts_within_a_message_are_calls_of_their_own() -> None:
    events: list[tuple[dict[str, Any], float]] = []
    for turn in range(3):
        calls = [{**call("Read", n), "tool_use_id": f"Read:{n}"} for n in range(2)]
        at = 10 * turn
        events += [(before(one), at + 5) for one in calls]
        events += [(after(one), at + 5.5) for one in calls]
        events.append((batch(calls), at + 6))
    found = batches(Told(events))

    assert [(b.size, b.succeeded) for b in found] == [(2, 2)] * 3
    assert len({b.record_id for b in found}) == 3


def test_a_command_that_goes_on_is_neither_a_success_nor_a_cost() -> None:
    one = call("Bash", 1)
    answer = {"stdout": "", "backgroundTaskId": "b1"}
    told = Told(
        [(before(one), 0), (after(one, tool_response=answer), 1), (batch([one]), 2)]
    )
    found = batches(told)[0]

    assert (found.succeeded, found.failed, found.cancelled) == (0, 0, 0)
    assert (found.background, found.execution_s) == (1, None)


def test_words_in_the_answer_of_a_call_that_succeeded_are_no_ending() -> None:
    one = call("Read", 1)
    answered = after(one, tool_response="Summary: The user doesn't want to upgrade.")
    told = Told([(before(one), 0), (answered, 1), (batch([one]), 2)])

    assert [(b.succeeded, b.cancelled) for b in batches(told)] == [(1, 0)]


def test_a_team_mate_is_an_active_agent_until_it_is_idle() -> None:
    spawn, read, last = call("Agent", 1), call("Read", 2), call("Read", 3)
    answer = {"status": "teammate_spawned", "teammate_id": "w1@t", "name": "w1"}
    events = [(before(spawn), 0.0), (after(spawn, tool_response=answer), 1.0)]
    events.append((batch([spawn]), 2.0))
    for one, at in ((read, 3.0), (last, 8.0)):
        events += [(before(one), at), (after(one), at + 1), (batch([one]), at + 2)]
        events.append((payload("TeammateIdle", teammate_name="w1"), at + 3))
    found = batches(Told(events))

    assert [b.active_agents for b in found] == [2, 2, 1]


@pytest.mark.parametrize(
    ("prompt", "cycles"),
    [
        ("please go on", [None, None]),
        ("<task-notification>\n<task-id>b1</task-id>", [None, 7.0]),
        ('<teammate-message teammate_id="w1">', [None, 7.0]),
        ("Stop hook feedback: tests fail", [None, 7.0]),
    ],
)
def test_a_prompt_that_the_harness_wrote_is_no_person(
    prompt: str, cycles: list[float | None]
) -> None:
    first, second = call("Read", 1), call("Read", 2)
    events = [(before(first), 0.0), (after(first), 1.0), (batch([first]), 2.0)]
    events.append((payload("UserPromptSubmit", prompt=prompt), 5.0))
    events += [(before(second), 7.0), (after(second), 8.0), (batch([second]), 9.0)]
    found = batches(Told(events))

    assert [b.cycle_s for b in found] == cycles
