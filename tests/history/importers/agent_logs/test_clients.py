"""What goes wrong with OpenCode, Copilot, Gemini and pi, each with a log of our own."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import Imported, import_logs, lines
from toolkit.cli.records.verbs import SOURCE_NAMES
from toolkit.history.importers import SOURCES
from toolkit.records import Timing

START_MS = 1_783_329_480_000


def stamp(at_s: float) -> str:
    return f"2026-07-06T09:18:{at_s:06.3f}Z"


class OpenCode:
    """One reply with one call, in each of OpenCode's forms."""

    def __init__(self, **state: Any) -> None:
        self.session = {"id": "ses_1", "directory": "/home/a", "version": "1.14.30"}
        self.message = {
            "role": "assistant",
            "modelID": "gpt-5.4",
            "cost": 0,
            "time": {"created": START_MS},
            "tokens": {
                "input": 10,
                "output": 3,
                "reasoning": 4,
                "cache": {"read": 90, "write": 1},
            },
        }
        self.part = {
            "type": "tool",
            "tool": "bash",
            "callID": "call_1",
            "state": {
                "status": "completed",
                "input": {"command": "make"},
                "output": "no",
                "time": {"start": START_MS + 2000, "end": START_MS + 5000},
                **state,
            },
        }

    def export(self, folder: Path) -> Path:
        path = folder / "ses_1.json"
        document = {
            "info": self.session,
            "messages": [{"info": self.message, "parts": [self.part]}],
        }
        path.write_text(json.dumps(document))
        return path

    def tree(self, folder: Path) -> None:
        for name, value in (
            ("session/p/ses_1.json", self.session),
            ("message/ses_1/msg_1.json", self.message),
            ("part/msg_1/prt_1.json", self.part),
        ):
            path = folder / "storage" / name
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(value))

    def database(self, folder: Path) -> sqlite3.Connection:
        """Write a database that stays open, with what it holds in its log."""
        opened = sqlite3.connect(folder / "opencode.db")
        opened.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE session (id, parent_id, directory, version);"
            "CREATE TABLE message (id, session_id, time_created, data);"
            "CREATE TABLE part (id, message_id, data);"
        )
        opened.execute(
            "INSERT INTO session VALUES ('ses_1', NULL, '/home/a', '1.14.30')"
        )
        opened.execute(
            "INSERT INTO message VALUES ('msg_1', 'ses_1', 1, ?)",
            (json.dumps(self.message),),
        )
        opened.execute(
            "INSERT INTO part VALUES ('prt_1', 'msg_1', ?)", (json.dumps(self.part),)
        )
        opened.commit()
        return opened


def test_a_command_that_completed_with_an_exit_code_failed(tmp_path: Path) -> None:
    path = OpenCode(metadata={"exit": 2}).export(tmp_path)
    (batch,) = import_logs("opencode", tmp_path / "store", path).batches

    assert (batch.succeeded, batch.failed) == (0, 1)
    assert (batch.execution_s, batch.timing) == (3.0, Timing.CALL)


def test_reasoning_beside_the_output_is_added_once(tmp_path: Path) -> None:
    path = OpenCode().export(tmp_path)
    (turn,) = import_logs("opencode", tmp_path / "store", path).turns

    assert (turn.output_tokens, turn.reasoning_tokens) == (7, 4)
    assert (turn.context_tokens, turn.declared_usd) == (101, 0.0)


def test_a_database_that_is_being_written_is_read_and_the_tree_beside_it_left(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "opencode"
    folder.mkdir()
    log = OpenCode()
    log.tree(folder)
    opened = log.database(folder)
    found = import_logs("opencode", tmp_path / "store", folder)
    opened.close()

    assert (found.report.files, len(found.batches)) == (1, 1)


def test_the_tree_alone_an_export_and_a_database_are_the_same_reply(
    tmp_path: Path,
) -> None:
    log, folder = OpenCode(), tmp_path / "opencode"
    folder.mkdir()
    log.tree(folder)
    import_logs("opencode", tmp_path / "store", folder)
    log.database(folder).close()
    again = import_logs("opencode", tmp_path / "store", folder, log.export(tmp_path))

    assert (again.report.added, again.report.updated) == (0, 0)


def copilot(
    folder: Path, *events: tuple[float, str, dict[str, Any]], end: bytes = b""
) -> Imported:
    rows = [
        {"type": kind, "timestamp": stamp(at_s), "data": data}
        for at_s, kind, data in (
            (0.0, "session.start", {"sessionId": "c1", "selectedModel": "gpt-5.5"}),
            *events,
        )
    ]
    path = folder / "events.jsonl"
    path.write_bytes(lines(rows) + end)
    return import_logs("copilot", folder / "store", path)


def requests(*names: str, **fields: Any) -> dict[str, Any]:
    asked = [{"toolCallId": name, "name": "bash", "arguments": {}} for name in names]
    return {"messageId": "m1", "toolRequests": asked, "outputTokens": 9, **fields}


def ended(name: str, text: str = "", **fields: Any) -> dict[str, Any]:
    return {"toolCallId": name, "success": True, "result": {"content": text}, **fields}


def test_success_with_an_exit_code_in_the_text_failed(tmp_path: Path) -> None:
    found = copilot(
        tmp_path,
        (1, "assistant.message", requests("a", "b", "c")),
        (4, "tool.execution_complete", ended("a")),
        (
            5,
            "tool.execution_complete",
            ended("b", "<shellId: 0 completed with exit code 1>"),
        ),
        (
            6,
            "tool.execution_complete",
            ended("c", success=False, error={"code": "denied"}),
        ),
    )
    (batch,) = found.batches

    assert (batch.succeeded, batch.failed, batch.refused) == (1, 1, 1)
    assert found.turns[0].output_tokens == 9
    assert found.turns[0].input_tokens is None


def test_the_time_that_a_person_took_to_allow_a_call_is_not_its_own(
    tmp_path: Path,
) -> None:
    asked = {"permissionRequest": {"toolCallId": "a"}}
    (batch,) = copilot(
        tmp_path,
        (1, "assistant.message", requests("a")),
        (2, "tool.execution_start", {"toolCallId": "a"}),
        (2, "permission.requested", asked),
        (12, "permission.completed", {"toolCallId": "a"}),
        (15, "tool.execution_complete", ended("a")),
    ).batches

    assert (batch.waiting_s, batch.execution_s) == (10.0, 3.0)


def test_a_subagents_events_are_its_own(tmp_path: Path) -> None:
    rows = [
        {"type": "session.start", "timestamp": stamp(0), "data": {"sessionId": "c1"}},
        {
            "type": "assistant.message",
            "timestamp": stamp(1),
            "data": requests("a"),
            "agentId": "toolu_9",
        },
    ]
    (tmp_path / "events.jsonl").write_bytes(lines(rows))
    found = import_logs("copilot", tmp_path / "store", tmp_path / "events.jsonl")

    assert found.batches[0].agent_id == "toolu_9"
    assert found.report.subagent_streams == 1


def test_separators_inside_a_line_and_padding_behind_the_last_change_nothing(
    tmp_path: Path,
) -> None:
    line = {
        "type": "assistant.message",
        "timestamp": stamp(1),
        "data": {**requests("a"), "content": "one\u2028two"},
    }
    raw = json.dumps(line, ensure_ascii=False).encode() + b"\n" + b"\0" * 64
    found = copilot(tmp_path, end=raw)

    assert (len(found.batches), found.report.rejected) == (1, 0)


def gemini_reply(name: str, at_s: float, **fields: Any) -> dict[str, Any]:
    calls = [
        {
            "id": f"{name}{n}",
            "name": "read_file",
            "status": "success",
            "timestamp": stamp(9),
        }
        for n in range(2)
    ]
    return {
        "id": name,
        "type": "gemini",
        "timestamp": stamp(at_s),
        "toolCalls": calls,
        **fields,
    }


def test_one_end_for_a_whole_batch_gives_no_call_a_time(tmp_path: Path) -> None:
    document = {
        "sessionId": "g1",
        "projectHash": "h",
        "messages": [
            {"id": "u", "type": "user", "timestamp": stamp(0)},
            gemini_reply(
                "m", 3, tokens={"input": 10, "cached": 4, "output": 2, "thoughts": 5}
            ),
        ],
    }
    (tmp_path / "session-1.json").write_text(json.dumps(document))
    found = import_logs("gemini", tmp_path / "store", tmp_path / "session-1.json")
    (batch,), (turn,) = found.batches, found.turns

    assert (batch.timing, batch.execution_s) == (Timing.BATCH, 6.0)
    assert (batch.operations_s, batch.longest_s, batch.parallelism) == (
        None,
        None,
        None,
    )
    assert (turn.input_tokens, turn.output_tokens, turn.latency_s) == (6, 7, 3.0)


def test_a_message_that_comes_again_counts_once_as_it_was_last(tmp_path: Path) -> None:
    rows = [
        {"sessionId": "g1", "projectHash": "h", "startTime": stamp(0)},
        gemini_reply("m", 3, toolCalls=[]),
        gemini_reply("m", 3),
    ]
    path = tmp_path / "session-1.jsonl"
    path.write_bytes(lines(rows))
    found = import_logs("gemini", tmp_path / "store", path)

    assert [turn.calls for turn in found.turns] == [2]


@pytest.mark.parametrize(
    ("text", "counts"),
    [("Command exited with code 1", (1, 0)), ("Command aborted", (0, 1))],
)
def test_pi_tells_a_failure_from_a_stop(
    tmp_path: Path, text: str, counts: tuple[int, int]
) -> None:
    usage = {
        "input": 1,
        "output": 2,
        "cacheRead": 3,
        "cacheWrite": 4,
        "cost": {"total": 0.5},
    }
    call = {"type": "toolCall", "id": "toolu_1", "name": "bash", "arguments": {}}
    result = {
        "role": "toolResult",
        "toolCallId": "toolu_1",
        "isError": True,
        "content": [{"type": "text", "text": text}],
    }
    rows: list[dict[str, Any]] = [
        {"type": "session", "id": "p1", "cwd": "/home/a", "timestamp": stamp(0)},
        {
            "type": "message",
            "timestamp": stamp(2),
            "message": {"role": "assistant", "content": [call], "usage": usage},
        },
        {"type": "message", "timestamp": stamp(3), "message": result},
    ]
    path = tmp_path / "session.jsonl"
    path.write_bytes(lines(rows))
    found = import_logs("pi", tmp_path / "store", path)
    (batch,), (turn,) = found.batches, found.turns

    assert (batch.failed, batch.interrupted) == counts
    assert (turn.declared_usd, turn.tokens) == (0.5, 10)


def test_every_source_can_be_typed_at_the_command_line() -> None:
    assert set(SOURCE_NAMES) == set(SOURCES)
