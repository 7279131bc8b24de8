"""What a call of another client took from the results before it, and from nothing else."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import import_logs, lines
from tests.history.importers.agent_logs.test_clients import START_MS, stamp
from tests.history.importers.agent_logs.test_codex import call, meta, output, row
from tests.history.importers.agent_logs.test_newer_forms import Trajectory
from toolkit.records import Batch

SHOWN = "see lib/lexer_table.py"
STEPS = [("grep", "parser_main", SHOWN), ("read", "lib/lexer_table.py", "fine_tuned")]
"""Two batches of one call: a tool, what it is given, and what it shows."""
PROMPT = "please mend parser_main"


def codex(folder: Path) -> Path:
    said = [{"type": "input_text", "text": PROMPT}]
    rows = [
        meta(),
        row(0.5, "response_item", type="message", role="user", content=said),
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        at_s, name = 10 * number + 1, f"c{number}"
        rows.append(call(at_s, name, tool, json.dumps({"path": given})))
        rows.append(output(at_s + 1, name, shown))
    path = folder / "rollout-1.jsonl"
    path.write_bytes(lines(rows))
    return path


def copilot(folder: Path) -> Path:
    events: list[tuple[float, str, dict[str, Any]]] = [
        (0, "session.start", {"sessionId": "c1"}),
        (0.5, "user.message", {"content": PROMPT}),
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        at_s, name = 10 * number + 1, f"toolu_{number}"
        asked = {"toolCallId": name, "name": tool, "arguments": {"path": given}}
        ended = {"toolCallId": name, "success": True, "result": {"content": shown}}
        events += [
            (
                at_s,
                "assistant.message",
                {"messageId": f"m{number}", "toolRequests": [asked]},
            ),
            (at_s + 1, "tool.execution_complete", ended),
        ]
    rows = [
        {"type": kind, "timestamp": stamp(at_s), "data": data}
        for at_s, kind, data in events
    ]
    path = folder / "events.jsonl"
    path.write_bytes(lines(rows))
    return path


def gemini(folder: Path) -> Path:
    messages: list[dict[str, Any]] = [
        {"id": "u", "type": "user", "timestamp": stamp(0), "content": PROMPT}
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        response = {"functionResponse": {"response": {"output": shown}}}
        item = {
            "id": f"{tool}-{number}",
            "name": tool,
            "args": {"path": given},
            "result": [response],
            "status": "success",
            "timestamp": stamp(10 * number + 2),
        }
        messages.append(
            {
                "id": f"m{number}",
                "type": "gemini",
                "timestamp": stamp(10 * number + 1),
                "toolCalls": [item],
            }
        )
    path = folder / "session-1.json"
    document = {"sessionId": "g", "projectHash": "h", "messages": messages}
    path.write_text(json.dumps(document))
    return path


def pi(folder: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"type": "session", "id": "p", "cwd": "/a", "timestamp": stamp(0)},
        {
            "type": "message",
            "timestamp": stamp(0.5),
            "message": {"role": "user", "content": PROMPT},
        },
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        name = f"toolu_{number}"
        asked = {
            "type": "toolCall",
            "id": name,
            "name": tool,
            "arguments": {"path": given},
        }
        for at_s, message in (
            (10 * number + 1, {"role": "assistant", "content": [asked]}),
            (
                10 * number + 2,
                {
                    "role": "toolResult",
                    "toolCallId": name,
                    "content": [{"type": "text", "text": shown}],
                },
            ),
        ):
            rows.append(
                {"type": "message", "timestamp": stamp(at_s), "message": message}
            )
    path = folder / "session.jsonl"
    path.write_bytes(lines(rows))
    return path


def opencode(folder: Path) -> Path:
    messages: list[dict[str, Any]] = [
        {
            "info": {"role": "user", "time": {"created": START_MS}},
            "parts": [{"type": "text", "text": PROMPT}],
        }
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        at = START_MS + 10_000 * (number + 1)
        state = {
            "status": "completed",
            "input": {"path": given},
            "output": shown,
            "time": {"start": at, "end": at + 1000},
        }
        part = {"type": "tool", "tool": tool, "callID": f"c{number}", "state": state}
        info = {"role": "assistant", "time": {"created": at}}
        messages.append({"info": info, "parts": [part]})
    path = folder / "ses_1.json"
    path.write_text(json.dumps({"info": {"id": "ses_1"}, "messages": messages}))
    return path


def opencode_2(folder: Path) -> Path:
    path = folder / "opencode.db"
    rows: list[tuple[str, dict[str, Any]]] = [
        ("user", {"text": PROMPT, "time": {"created": START_MS}})
    ]
    for number, (tool, given, shown) in enumerate(STEPS):
        at = START_MS + 10_000 * (number + 1)
        item = {
            "type": "tool",
            "id": f"c{number}",
            "name": tool,
            "state": {
                "status": "completed",
                "input": {"path": given},
                "content": [{"type": "text", "text": shown}],
            },
            "time": {"created": at, "ran": at, "completed": at + 1000},
        }
        rows.append(("assistant", {"time": {"created": at}, "content": [item]}))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE session (id)")
        database.execute("INSERT INTO session VALUES ('s')")
        database.execute(
            "CREATE TABLE session_message (id, session_id, type, seq, data)"
        )
        database.executemany(
            "INSERT INTO session_message VALUES (?, 's', ?, ?, ?)",
            [
                (f"msg_{n}", kind, n, json.dumps(data))
                for n, (kind, data) in enumerate(rows)
            ],
        )
    database.close()
    return path


def atif(folder: Path) -> Path:
    trajectory = Trajectory().step(0, "user", message=PROMPT)
    for number, (tool, given, shown) in enumerate(STEPS):
        name = f"c{number}"
        asked = {
            "tool_call_id": name,
            "function_name": tool,
            "arguments": {"path": given},
        }
        seen = {"results": [{"source_call_id": name, "content": shown}]}
        trajectory.step(10 * number + 1, tool_calls=[asked], observation=seen)
    path = folder / "trajectory.json"
    path.write_text(json.dumps(trajectory.document))
    return path


CLIENTS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "codex": ("codex", codex),
    "copilot": ("copilot", copilot),
    "gemini": ("gemini", gemini),
    "pi": ("pi", pi),
    "opencode": ("opencode", opencode),
    "opencode 2": ("opencode", opencode_2),
    "atif": ("atif", atif),
}


def bits(batch: Batch) -> tuple[int | None, int | None, int | None]:
    return batch.needs_previous, batch.mentioned_by_previous, batch.known_before


@pytest.mark.parametrize("client", CLIENTS)
def test_a_path_that_only_the_results_before_showed_was_needed(
    tmp_path: Path, client: str
) -> None:
    source, write = CLIENTS[client]
    found = import_logs(source, tmp_path / "store", write(tmp_path)).batches
    first, second = sorted(found, key=lambda batch: batch.at)

    assert bits(first) == (None, None, None)
    assert bits(second) == (1, 1, 0)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_the_prompt_named_was_known(
    tmp_path: Path, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, write = CLIENTS[client]
    monkeypatch.setitem(globals(), "PROMPT", "mend lib/lexer_table.py")
    found = import_logs(source, tmp_path / "store", write(tmp_path)).batches
    second = max(found, key=lambda batch: batch.at)

    assert bits(second) == (0, 1, 1)


def test_what_a_fork_copies_is_known_to_it(tmp_path: Path) -> None:
    text = [{"type": "input_text", "text": "mend lib/lexer_table.py"}]
    copied = row(0.1, "response_item", type="message", role="user", content=text)
    rows = [meta(0, "child", forked_from_id="r1"), copied]
    for number, (tool, given, shown) in enumerate(STEPS):
        at_s, name = 10 * number + 5, f"c{number}"
        rows.append(call(at_s, name, tool, json.dumps({"path": given})))
        rows.append(output(at_s + 1, name, shown))
    path = tmp_path / "rollout-1.jsonl"
    path.write_bytes(lines(rows))
    found = import_logs("codex", tmp_path / "store", path).batches

    assert bits(max(found, key=lambda batch: batch.at)) == (0, 1, 1)
