"""Call ids that a model counts: the same one names another call in the next reply."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import import_logs, lines

Row = dict[str, Any]
TURNS = 3
START_MS = 1_783_329_480_000


def stamp(at_s: float) -> str:
    return f"2026-07-06T09:00:{at_s:06.3f}Z"


def codex() -> list[Row]:
    def item(at_s: float, kind: str, **fields: Any) -> Row:
        payload = {"type": kind, "call_id": "exec:0", **fields}
        return {
            "type": "response_item",
            "timestamp": stamp(at_s),
            "payload": payload,
        }

    meta = {"type": "session_meta", "timestamp": stamp(0), "payload": {"id": "s"}}
    turns = [
        [
            item(5 * n + 1, "function_call", name="exec_command", arguments="{}"),
            item(5 * n + 2, "function_call_output", output="Exit code: 0"),
        ]
        for n in range(TURNS)
    ]
    return [meta, *(row for turn in turns for row in turn)]


def copilot() -> list[Row]:
    def event(at_s: float, kind: str, **data: Any) -> Row:
        return {"type": kind, "timestamp": stamp(at_s), "data": data}

    asked = [{"toolCallId": "view:0", "name": "view", "arguments": {}}]
    rows = [event(0, "session.start", sessionId="s")]
    for n in range(TURNS):
        rows += [
            event(
                5 * n + 1, "assistant.message", messageId=f"m{n}", toolRequests=asked
            ),
            event(5 * n + 1, "tool.execution_start", toolCallId="view:0"),
            event(
                5 * n + 2, "tool.execution_complete", toolCallId="view:0", success=True
            ),
        ]
    return rows


def gemini() -> list[Row]:
    calls = [{"id": "read:0", "name": "read_file", "status": "success"}]
    header = {"sessionId": "s", "projectHash": "h"}
    replies = [
        {
            "id": f"m{n}",
            "type": "gemini",
            "timestamp": stamp(5 * n),
            "toolCalls": [{**calls[0], "timestamp": stamp(5 * n + 2)}],
        }
        for n in range(TURNS)
    ]
    return [header, *replies]


def pi() -> list[Row]:
    def message(at_s: float, **fields: Any) -> Row:
        return {
            "type": "message",
            "id": str(at_s),
            "timestamp": stamp(at_s),
            "message": fields,
        }

    block = {"type": "toolCall", "id": "bash:0", "name": "bash", "arguments": {}}
    rows: list[Row] = [
        {"type": "session", "id": "s", "cwd": "/a", "timestamp": stamp(0)}
    ]
    for n in range(TURNS):
        rows += [
            message(5 * n + 1, role="assistant", content=[block]),
            message(5 * n + 2, role="toolResult", toolCallId="bash:0", content=[]),
        ]
    return rows


def opencode() -> list[Row]:
    messages = [
        {
            "info": {"role": "assistant", "time": {"created": START_MS + 5000 * n}},
            "parts": [
                {
                    "type": "tool",
                    "tool": "read",
                    "callID": "read:0",
                    "state": {
                        "status": "completed",
                        "time": {
                            "start": START_MS + 5000 * n + 1000,
                            "end": START_MS + 5000 * n + 2000,
                        },
                    },
                }
            ],
        }
        for n in range(TURNS)
    ]
    return [{"info": {"id": "ses_1"}, "messages": messages}]


@pytest.mark.parametrize(
    ("source", "name", "write"),
    [
        ("codex", "rollout-1.jsonl", codex),
        ("copilot", "events.jsonl", copilot),
        ("gemini", "chats/session-1.jsonl", gemini),
        ("opencode", "ses_1.json", opencode),
        ("pi", "session.jsonl", pi),
    ],
)
def test_an_id_that_is_counted_again_is_another_call(
    tmp_path: Path, source: str, name: str, write: Callable[[], list[Row]]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lines(write()))
    found = import_logs(source, tmp_path / "store", path)
    again = import_logs(source, tmp_path / "store", path)

    assert [(b.size, b.succeeded) for b in found.batches] == [(1, 1)] * TURNS
    assert len({b.turn_id for b in found.batches}) == len(found.turns) == TURNS
    assert again.report.added == 0
