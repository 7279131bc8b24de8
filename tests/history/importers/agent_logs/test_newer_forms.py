"""OpenCode 2, Copilot's database, Gemini's log of changes, and ATIF."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import Imported, import_logs, lines
from tests.history.importers.agent_logs.test_clients import (
    START_MS,
    OpenCode,
    gemini_reply,
    requests,
    stamp,
)
from toolkit.records import Timing

Row = dict[str, Any]

TOKENS = {"input": 10, "output": 3, "reasoning": 4, "cache": {"read": 90, "write": 1}}


def second_version(created: int = START_MS, call: str = "call_9", **state: Any) -> Row:
    """Write a reply as OpenCode 2 keeps it."""
    return {
        "type": "assistant",
        "agent": "build",
        "model": {"id": "gpt-5.4", "providerID": "openai"},
        "time": {"created": created},
        "tokens": TOKENS,
        "cost": 0.25,
        "content": [
            {"type": "text", "id": "t", "text": "one moment"},
            {
                "type": "tool",
                "id": call,
                "name": "bash",
                "state": {
                    "status": "completed",
                    "input": {"command": "make"},
                    "content": [{"type": "text", "text": "done"}],
                    "structured": {},
                    **state,
                },
                "time": {
                    "created": created + 1500,
                    "ran": created + 2000,
                    "completed": created + 5000,
                },
            },
        ],
    }


def opencode_2(folder: Path, *messages: tuple[str, Row], with_older: bool) -> Path:
    """Write a database of OpenCode 2; one that was raised holds the older tables too."""
    path = folder / "opencode.db"
    if with_older:
        OpenCode().database(folder).close()
    with closing(sqlite3.connect(path)) as database, database:
        if not with_older:
            database.execute("CREATE TABLE session (id, parent_id, directory)")
            database.execute("INSERT INTO session VALUES ('ses_1', NULL, '/home/a')")
        database.execute(
            "CREATE TABLE session_message (id, session_id, type, seq, time_created, data)"
        )
        database.executemany(
            "INSERT INTO session_message VALUES (?, 'ses_1', ?, ?, 0, ?)",
            [
                (name, message["type"], number, json.dumps(message))
                for number, (name, message) in enumerate(messages)
            ],
        )
    database.close()
    return path


def test_opencode_2_keeps_calls_in_the_content_of_a_message(tmp_path: Path) -> None:
    prompt = {"type": "user", "text": "x", "time": {"created": START_MS - 9000}}
    path = opencode_2(
        tmp_path,
        ("msg_0", prompt),
        ("msg_1", second_version(structured={"exit": 2})),
        with_older=False,
    )
    found = import_logs("opencode", tmp_path / "store", path)
    (batch,), (turn,) = found.batches, found.turns

    assert (batch.succeeded, batch.failed, batch.execution_s) == (0, 1, 3.0)
    assert (batch.timing, batch.model) == (Timing.CALL, "gpt-5.4")
    assert (turn.output_tokens, turn.context_tokens) == (7, 101)
    assert (turn.declared_usd, turn.prompted) == (0.25, True)


def test_a_message_that_a_raised_database_holds_in_both_tables_counts_once(
    tmp_path: Path,
) -> None:
    """The same one, one of its steps, and one that only the newer table has."""
    same = second_version(call="call_1")
    step = second_version(START_MS + 1, call="call_1")
    later = second_version(START_MS + 60_000)
    path = opencode_2(
        tmp_path,
        ("other", same),
        ("msg_1_2", step),
        ("msg_2", later),
        with_older=True,
    )
    found = import_logs("opencode", tmp_path / "store", path)

    assert (len(found.batches), len(found.turns)) == (2, 2)


def copilot(folder: Path, replies: list[Row], rows: list[tuple[Any, ...]]) -> Imported:
    """Write an event log and the database two folders above it."""
    log = folder / "copilot" / "session-state" / "c1" / "events.jsonl"
    log.parent.mkdir(parents=True)
    start = {"sessionId": "c1", "selectedModel": "gpt-5.5"}
    events = [{"type": "session.start", "timestamp": stamp(0), "data": start}]
    events += [
        {
            "type": "assistant.message",
            "timestamp": stamp(5 * number),
            "data": {key: v for key, v in reply.items() if key != "agentId"},
            **({"agentId": reply["agentId"]} if "agentId" in reply else {}),
        }
        for number, reply in enumerate(replies, start=1)
    ]
    log.write_bytes(lines(events))
    opened = sqlite3.connect(folder / "copilot" / "session-store.db")
    with closing(opened) as database, database:
        database.execute(
            "CREATE TABLE assistant_usage_events (id INTEGER PRIMARY KEY, session_id, "
            "parent_tool_call_id, model, input_tokens, output_tokens, "
            "cache_read_tokens, cache_write_tokens, total_nano_aiu, created_at)"
        )
        database.executemany(
            "INSERT INTO assistant_usage_events VALUES (NULL,?,?,?,?,?,?,?,?,?)", rows
        )
    database.close()
    return import_logs("copilot", folder / "store", log.parent.parent)


def reply(name: str, output: int, **fields: Any) -> Row:
    return {**requests(), "messageId": name, "outputTokens": output, **fields}


def request(output: int, *, session: str = "c1", agent: str | None = None) -> Any:
    """A request with ten times its output as input, nine tenths of it cached."""
    of = (10 * output, output, 8 * output, output)
    return (session, agent, "gpt-5.5", *of, 10**9 * output, "2026-07-06 09:18:30")


def test_requests_of_the_database_are_those_of_the_replies_in_their_order(
    tmp_path: Path,
) -> None:
    found = copilot(
        tmp_path,
        [reply("m1", 40), reply("m2", 40), reply("m3", 7, agentId="toolu_1")],
        [
            request(40),
            request(9),  # a compaction: no reply wrote as much
            request(40),
            request(40, session="another"),
            request(7, agent="toolu_1"),
        ],
    )
    tokens = [(turn.output_tokens, turn.context_tokens) for turn in found.turns]

    assert sorted(tokens, key=str) == [(40, 400), (40, 400), (7, 70), (9, 90)]
    assert sum(turn.declared_usd or 0 for turn in found.turns) == pytest.approx(0.96)
    assert {turn.agent_id for turn in found.turns} == {"main", "toolu_1"}
    first = next(turn for turn in found.turns if turn.output_tokens == 7)
    assert (first.input_tokens, first.cache_read_tokens) == (7, 56)
    assert first.cache_write_5m_tokens == 7


def test_a_reply_that_the_database_does_not_know_keeps_its_output(
    tmp_path: Path,
) -> None:
    found = copilot(tmp_path, [reply("m1", 40)], [])

    assert [(t.output_tokens, t.input_tokens) for t in found.turns] == [(40, None)]


def test_a_database_of_another_program_changes_nothing(tmp_path: Path) -> None:
    log = tmp_path / "session-state" / "c1" / "events.jsonl"
    log.parent.mkdir(parents=True)
    start = {"type": "session.start", "timestamp": stamp(0), "data": {"sessionId": "c"}}
    log.write_bytes(lines([start]))
    (tmp_path / "session-store.db").write_bytes(b"no database" * 99)
    found = import_logs("copilot", tmp_path / "store", log)

    assert found.report.refused_files == 0
    assert "database of requests that cannot be read" in found.report.passed_over


def gemini(folder: Path, *rows: Row, name: str = "chats/session-1.jsonl") -> Imported:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"sessionId": "g1", "projectHash": "h", "startTime": stamp(0)}
    path.write_bytes(lines([header, *rows]))
    return import_logs("gemini", folder / "store", path)


def counted(name: str, at_s: float) -> Row:
    return gemini_reply(name, at_s, tokens={"input": 10, "output": int(at_s)})


def test_replies_that_a_person_went_back_before_were_paid_and_are_no_history(
    tmp_path: Path,
) -> None:
    found = gemini(
        tmp_path,
        counted("a", 1),
        {"id": "u", "type": "user", "timestamp": stamp(2)},
        counted("b", 3),
        {"$rewindTo": "u"},
        counted("c", 5),
    )

    assert sum(turn.output_tokens or 0 for turn in found.turns) == 9
    assert len(found.batches) == 2
    assert found.report.passed_over["message that a person went back before"] == 2
    previous = {batch.previous_id for batch in found.batches}
    assert previous == {
        None,
        *(b.record_id for b in found.batches if not b.previous_id),
    }


def test_going_back_to_what_is_not_known_goes_back_before_all(tmp_path: Path) -> None:
    found = gemini(tmp_path, counted("a", 1), {"$rewindTo": "gone"}, counted("b", 3))

    assert (len(found.turns), len(found.batches)) == (2, 1)


def test_replies_that_the_client_replaced_by_shorter_ones_stay(tmp_path: Path) -> None:
    copy = {**counted("a", 1), "id": "another"}
    shorter = {"$set": {"messages": [copy, counted("b", 3)]}}
    found = gemini(tmp_path, counted("a", 1), counted("x", 2), shorter)

    assert sorted(turn.output_tokens or 0 for turn in found.turns) == [1, 2, 3]


def test_a_document_on_one_line_is_read_whatever_its_name(tmp_path: Path) -> None:
    rebuilt = {"sessionId": "g1", "projectHash": "h", "messages": [counted("a", 1)]}
    found = gemini(tmp_path, rebuilt)

    assert len(found.turns) == 1


@pytest.mark.parametrize("own", ["g1", "chat-of-its-parent"])
def test_a_chat_below_anothers_folder_is_an_agents(tmp_path: Path, own: str) -> None:
    parent = "g0" if own == "g1" else "g1"
    found = gemini(tmp_path, counted("a", 1), name=f"chats/{parent}/agent-7.jsonl")
    (batch,) = found.batches

    assert batch.session_id == parent
    assert batch.agent_id == ("g1" if own == "g1" else "agent-7")


class Trajectory:
    """Writes a trajectory in ATIF, step by step."""

    def __init__(self, name: str = "a1", **fields: Any) -> None:
        self.document: Row = {
            "schema_version": "ATIF-v1.7",
            "session_id": name,
            "agent": {"name": "terminus-2", "version": "2.0", "model_name": "gpt-5.5"},
            "steps": [],
            **fields,
        }

    def step(self, at_s: float, source: str = "agent", **fields: Any) -> "Trajectory":
        steps = self.document["steps"]
        steps.append(
            {
                "step_id": len(steps) + 1,
                "source": source,
                "timestamp": stamp(at_s),
                "message": "",
                **fields,
            }
        )
        return self

    def calls(self, at_s: float, *results: str, **fields: Any) -> "Trajectory":
        number = len(self.document["steps"])
        asked = [
            {
                "tool_call_id": f"call_{number}_{n}",
                "function_name": "bash",
                "arguments": {"command": "make"},
            }
            for n in range(len(results))
        ]
        seen = [
            {"source_call_id": call["tool_call_id"], "content": text}
            for call, text in zip(asked, results, strict=True)
        ]
        return self.step(
            at_s, tool_calls=asked, observation={"results": seen}, **fields
        )

    def read(self, folder: Path) -> Imported:
        path = folder / "trajectory.json"
        path.write_text(json.dumps(self.document, indent=1))
        return import_logs("atif", folder / "store", folder)


def test_a_step_is_a_reply_and_its_calls_are_a_batch(tmp_path: Path) -> None:
    metrics = {
        "prompt_tokens": 100,
        "cached_tokens": 90,
        "completion_tokens": 7,
        "cost_usd": 0.5,
    }
    found = (
        Trajectory()
        .step(0, "user")
        .calls(2, "done", "Exit code: 1", metrics=metrics)
        .calls(9, "done")
        .read(tmp_path)
    )
    first, second = sorted(found.batches, key=lambda batch: batch.at)
    turn = min(found.turns, key=lambda turn: turn.at)

    assert (first.size, first.succeeded, first.failed) == (2, 1, 1)
    assert (turn.input_tokens, turn.cache_read_tokens, turn.output_tokens) == (
        10,
        90,
        7,
    )
    assert (turn.declared_usd, turn.client, turn.latency_s) == (0.5, "terminus-2", 2.0)
    assert (first.agent_id, second.previous_id) == ("main", first.record_id)


def test_one_time_a_step_gives_a_cycle_and_none_of_its_parts(tmp_path: Path) -> None:
    found = Trajectory().calls(2, "a").calls(9, "b").calls(11, "c").read(tmp_path)
    cycles = [b.cycle_s for b in sorted(found.batches, key=lambda batch: batch.at)]

    assert cycles == [7.0, 2.0, None]
    assert {b.timing for b in found.batches} == {Timing.BATCH}
    assert {b.execution_s for b in found.batches} == {None}
    assert {b.operations_s for b in found.batches} == {None}


def test_several_replies_in_one_step_are_a_hidden_batch_without_a_price(
    tmp_path: Path,
) -> None:
    found = Trajectory().calls(2, "a", "b", llm_call_count=3).read(tmp_path)
    (turn,) = found.turns

    assert found.batches == []
    assert (turn.hidden, turn.calls, turn.model) == (True, None, None)


def test_steps_that_were_copied_or_took_no_model_are_left_out(tmp_path: Path) -> None:
    found = (
        Trajectory()
        .calls(1, "old", is_copied_context=True)
        .calls(2, "sent", llm_call_count=0)
        .calls(3, "new")
        .read(tmp_path)
    )

    assert (len(found.batches), len(found.turns)) == (1, 1)
    assert found.report.passed_over == {
        "step copied as context": 1,
        "step without a model": 1,
    }


def test_trajectories_of_agents_inside_another_are_agents_of_its_session(
    tmp_path: Path,
) -> None:
    """They may repeat the session's id, and number their calls alike."""
    inner = Trajectory(trajectory_id="child").calls(3, "x").document
    found = Trajectory(subagent_trajectories=[inner]).calls(2, "y").read(tmp_path)
    agents = {(b.session_id, b.agent_id) for b in found.batches}

    assert agents == {("a1", "main"), ("a1", "child")}


def test_what_is_no_trajectory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trajectory.json").write_text('{"steps": []}')
    found = import_logs("atif", tmp_path / "store", tmp_path)

    assert found.report.refused_files == 1
    assert "no trajectory" in found.reasons[0]
