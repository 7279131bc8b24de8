"""Agents that other clients begin: every spawn is a run of one wave."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import import_logs, lines
from tests.history.importers.agent_logs.test_clients import OpenCode, stamp
from tests.history.importers.agent_logs.test_codex import (
    Row,
    call,
    count,
    meta,
    output,
    row,
)
from tests.shared import HISTORY, needs_history
from toolkit.history import read_store
from toolkit.records import Outcome, Workflow


def waves(store: Path) -> list[Workflow]:
    found = read_store(store).scan("workflow")
    return [record for record in found if isinstance(record, Workflow)]


def copilot_wave(folder: Path, *events: tuple[float, str, dict[str, Any]]) -> Workflow:
    asked = {
        "toolCallId": "toolu_1",
        "name": "task",
        "arguments": {"mode": "background"},
    }
    rows = [
        {"type": kind, "timestamp": stamp(at_s), "data": data}
        for at_s, kind, data in (
            (0, "session.start", {"sessionId": "c1"}),
            (1, "assistant.message", {"messageId": "m1", "toolRequests": [asked]}),
            *events,
        )
    ]
    said = {"messageId": "m2", "outputTokens": 5}
    own = {"type": "assistant.message", "timestamp": stamp(9), "data": said}
    rows.append({**own, "agentId": "toolu_1"})
    (folder / "events.jsonl").write_bytes(lines(rows))
    import_logs("copilot", folder / "store", folder / "events.jsonl")
    (wave,) = waves(folder / "store")
    return wave


RETURNED = (2, "tool.execution_complete", {"toolCallId": "toolu_1", "success": True})


def test_an_agent_of_copilot_in_the_background_ends_when_the_log_says_so(
    tmp_path: Path,
) -> None:
    used = {"durationMs": 39_000, "totalTokens": 900, "totalToolCalls": 7}
    wave = copilot_wave(
        tmp_path,
        RETURNED,
        (3, "subagent.started", {"toolCallId": "toolu_1"}),
        (41, "subagent.completed", {"toolCallId": "toolu_1", **used}),
    )

    assert (wave.form, wave.makespan_s, wave.agent_seconds) == ("background", 40, 39)
    assert (wave.declared_tokens, wave.calls, wave.runs_succeeded) == (900, 7, 1)
    assert (wave.runs_measured, wave.turns, wave.output_tokens) == (1, 1, 5)


def test_an_agent_of_copilot_without_an_end_is_unfinished(tmp_path: Path) -> None:
    started = (3, "subagent.started", {"toolCallId": "toolu_1"})
    wave = copilot_wave(tmp_path, RETURNED, started)

    assert (wave.runs_unfinished, wave.makespan_s) == (1, None)
    assert wave.outcome is Outcome.UNKNOWN


def test_a_spawn_that_was_denied_is_a_refused_run(tmp_path: Path) -> None:
    denied = {"toolCallId": "toolu_1", "success": False, "error": {"code": "denied"}}
    wave = copilot_wave(tmp_path, (2, "tool.execution_complete", denied))

    assert (wave.runs, wave.runs_refused) == (1, 1)


def test_an_agent_of_opencode_is_the_session_that_its_call_names(
    tmp_path: Path,
) -> None:
    parent = OpenCode(metadata={"sessionId": "ses_2"})
    parent.part["tool"] = "task"
    child = OpenCode()
    child.session = {**child.session, "id": "ses_2", "parentID": "ses_1"}
    child.message["time"] = {"created": 1_783_329_483_000}
    for log, name in ((parent, "ses_1"), (child, "ses_2")):
        (tmp_path / name).mkdir()
        log.export(tmp_path / name)
    import_logs("opencode", tmp_path / "store", tmp_path / "ses_1", tmp_path / "ses_2")
    (wave,) = waves(tmp_path / "store")

    assert (wave.form, wave.makespan_s, wave.runs_measured) == ("foreground", 3, 1)
    assert wave.output_tokens == 7


@pytest.mark.parametrize(
    "named",
    [
        [],
        [
            row(
                1.5,
                "event_msg",
                type="sub_agent_activity",
                event_id="a",
                agent_thread_id="child",
            )
        ],
        [
            row(
                1.5,
                "event_msg",
                type="item_completed",
                item={
                    "type": "SubAgentActivity",
                    "id": "a",
                    "agent_thread_id": "child",
                },
            )
        ],
    ],
    ids=["by the result", "by an event", "by an item"],
)
def test_an_agent_of_codex_ends_with_the_notice_to_its_parent(
    tmp_path: Path, named: list[Row]
) -> None:
    said = json.dumps({"agent_id": "child"} if not named else {"task_name": "/root/x"})
    notice = (
        '<subagent_notification>{"agent_id":"child","status":{"completed":"x"}}'
        "</subagent_notification>"
    )
    content = [{"type": "input_text", "text": notice}]
    parent = [
        meta(),
        call(1, "a", "spawn_agent"),
        *named,
        output(2, "a", said),
        row(61, "response_item", type="message", role="user", content=content),
    ]
    child = [
        meta(1.2, "child", parent_thread_id="r1"),
        call(20, "b"),
        output(21, "b"),
        count(22, 10, 10),
    ]
    for name, rows in (("parent", parent), ("child", child)):
        (tmp_path / f"rollout-{name}.jsonl").write_bytes(lines(rows))
    import_logs("codex", tmp_path / "store", *tmp_path.glob("rollout-*"))
    (wave,) = waves(tmp_path / "store")

    assert (wave.form, wave.makespan_s, wave.agent_seconds) == ("background", 60, 60)
    assert (wave.runs_succeeded, wave.runs_measured, wave.output_tokens) == (1, 1, 7)


def test_two_agents_of_one_reply_are_one_wave(tmp_path: Path) -> None:
    rows = [
        meta(),
        call(1, "a", "spawn_agent"),
        call(1.1, "b", "spawn_agent"),
        output(2, "a", "{}"),
        output(2, "b", "{}"),
    ]
    (tmp_path / "rollout-1.jsonl").write_bytes(lines(rows))
    import_logs("codex", tmp_path / "store", tmp_path / "rollout-1.jsonl")

    assert [wave.runs for wave in waves(tmp_path / "store")] == [2]


@needs_history
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "pack", "runs", "measured"),
    [
        ("copilot", "copilot/starcar/session-state", 7, 3),
        ("opencode", "opencode/gatomia/export", 1, 1),
    ],
)
def test_agents_of_the_packs_are_runs_with_their_own_replies(
    tmp_path: Path, source: str, pack: str, runs: int, measured: int
) -> None:
    report = import_logs(source, tmp_path, HISTORY / pack).report
    found = waves(tmp_path)

    assert sum(wave.runs or 0 for wave in found) == runs
    assert sum(wave.runs_measured or 0 for wave in found) == measured
    assert report.subagent_streams == measured
