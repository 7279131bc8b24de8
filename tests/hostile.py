"""Bad inputs by the thousand: valid documents of every format, damaged in many ways.

Every seed holds `PLANTED` wherever a text, a path or a command may stand, so that
whatever comes out of the toolkit can be searched for it.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.hook_payloads import after, batch, before, call, failed, payload
from tests.hook_sessions import session

__all__ = ["DAMAGES", "PLANTED", "SEEDS", "damaged"]

PLANTED = "planted text with spaces"

Seed = tuple[str, bytes]
"""Name of a file in this format, and its content."""


def _planted(document: Any) -> Any:
    """Put the planted text into every place that only texts may stand in."""
    if isinstance(document, dict):
        texts = ("content", "prompt", "command", "description", "cwd", "file_path")
        return {
            key: PLANTED if key in texts and isinstance(value, str) else _planted(value)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [_planted(value) for value in document]
    return document


def _lines(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(_planted(row)).encode() + b"\n" for row in rows)


TOLD = session(
    [
        [("Read", "ok"), ("Edit", "failed")],
        [("Bash", "cancelled")],
        [("TodoWrite", "ok")],
    ]
)

EVENTS = [
    payload("SessionStart"),
    payload("UserPromptSubmit", prompt=PLANTED),
    before(call("Bash", 1, command=PLANTED)),
    after(call("Read", 2)),
    failed(call("Edit", 3), error=PLANTED),
    batch([call("Read", 4), call("TodoWrite", 5, todos=[{"content": PLANTED}])]),
    payload("Stop"),
]

SPAN = {
    "traceId": "0" * 31 + "1",
    "spanId": "0" * 15 + "1",
    "name": "execute_tool Read",
    "startTimeUnixNano": "1780000000000000000",
    "endTimeUnixNano": "1780000001000000000",
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
        {"key": "gen_ai.tool.name", "value": {"stringValue": "Read"}},
        {"key": "gen_ai.tool.call.arguments", "value": {"stringValue": PLANTED}},
        {"key": "duration_ms", "value": {"doubleValue": 3.5}},
        {"key": "n", "value": {"arrayValue": {"values": [{"intValue": "3"}]}}},
    ],
}
TRACES = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN, SPAN]}]}]}
LOGS = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "timeUnixNano": "1780000001000000000",
                            "body": {"stringValue": "claude_code.tool_result"},
                            "attributes": [
                                {"key": "duration_ms", "value": {"intValue": "20"}},
                                {"key": "success", "value": {"stringValue": "true"}},
                                {
                                    "key": "tool_input",
                                    "value": {"stringValue": PLANTED},
                                },
                            ],
                        }
                    ]
                }
            ]
        }
    ]
}

RECORD = {
    "kind": "batch",
    "record_id": "b1",
    "at": "2026-01-05T00:00:00+00:00",
    "source": "test",
    "provenance": "measured",
    "operation_type": "shell",
    "size": 3,
    "cycle_s": 1.5,
    "succeeded": 3,
    "failed": 0,
    "cancelled": 0,
}

SAMPLES = [
    {
        "timestamp": 1758000000000 + 30000 * n,
        "memoryTotal": 8_000_000_000,
        "memoryUsed": 4_000_000_000,
        "memoryFree": 4_000_000_000,
        "memoryUsagePercent": 50.0,
        "memoryEfficiency": 50.0,
        "cpuCount": 4,
        "cpuLoad": 0.5,
        "platform": "linux",
        "uptime": 1000,
    }
    for n in range(3)
]

AT = "2026-07-06T09:18:0{}.000Z"

CODEX = [
    {"timestamp": AT.format(n), "type": kind, "payload": payload}
    for n, kind, payload in [
        (0, "session_meta", {"id": "r1", "cwd": "/p", "cli_version": "0.142.5"}),
        (1, "turn_context", {"model": "gpt-5.5"}),
        (
            2,
            "response_item",
            {
                "type": "function_call",
                "name": "exec_command",
                "call_id": "call_1",
                "arguments": json.dumps({"cmd": PLANTED}),
            },
        ),
        (
            3,
            "response_item",
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": f"Wall time: 0.5 seconds\nExit code: 0\n{PLANTED}",
            },
        ),
    ]
]

COPILOT = [
    {"type": kind, "data": data, "timestamp": AT.format(n), "id": f"e{n}"}
    for n, kind, data in [
        (0, "session.start", {"sessionId": "c1", "copilotVersion": "1.0.74"}),
        (
            1,
            "assistant.message",
            {
                "messageId": "m1",
                "toolRequests": [
                    {"toolCallId": "t1", "name": "bash", "arguments": {"command": "x"}}
                ],
            },
        ),
        (2, "tool.execution_start", {"toolCallId": "t1"}),
        (
            3,
            "tool.execution_complete",
            {"toolCallId": "t1", "success": True, "result": {"content": PLANTED}},
        ),
    ]
]

GEMINI = {
    "sessionId": "g1",
    "projectHash": "h1",
    "messages": [
        {
            "id": "m1",
            "type": "gemini",
            "timestamp": AT.format(1),
            "toolCalls": [
                {
                    "id": "t1",
                    "name": "read_file",
                    "args": {"file_path": "x"},
                    "status": "success",
                    "timestamp": AT.format(2),
                }
            ],
        }
    ],
}

OPENCODE = {
    "info": {"id": "ses_1", "directory": "/p", "version": "1.14.30"},
    "messages": [
        {
            "info": {"role": "assistant", "time": {"created": 1_783_329_480_000}},
            "parts": [
                {
                    "type": "tool",
                    "tool": "bash",
                    "callID": "c1",
                    "state": {
                        "status": "completed",
                        "input": {"command": "x"},
                        "output": PLANTED,
                        "time": {"start": 1_783_329_481_000, "end": 1_783_329_482_000},
                    },
                }
            ],
        }
    ],
}

PI = [
    {"type": "session", "id": "p1", "cwd": "/p", "timestamp": AT.format(0)},
    {
        "type": "message",
        "timestamp": AT.format(1),
        "message": {
            "role": "assistant",
            "content": [
                {"type": "toolCall", "id": "t1", "name": "bash", "arguments": {}}
            ],
        },
    },
    {
        "type": "message",
        "timestamp": AT.format(2),
        "message": {"role": "toolResult", "toolCallId": "t1", "content": PLANTED},
    },
]

ATIF = {
    "schema_version": "ATIF-v1.7",
    "session_id": "a1",
    "agent": {"name": "harness", "version": "1.0", "model_name": "gpt-5.5"},
    "steps": [
        {"step_id": 1, "source": "user", "timestamp": AT.format(0), "message": "x"},
        {
            "step_id": 2,
            "source": "agent",
            "timestamp": AT.format(1),
            "message": "",
            "tool_calls": [
                {
                    "tool_call_id": "t1",
                    "function_name": "bash",
                    "arguments": {"command": "x"},
                }
            ],
            "observation": {"results": [{"source_call_id": "t1", "content": PLANTED}]},
            "metrics": {"prompt_tokens": 100, "completion_tokens": 7},
        },
    ],
}

SEEDS: dict[str, Seed] = {
    "atif": ("trajectory.json", json.dumps(_planted(ATIF)).encode()),
    "claude-code": ("session.jsonl", _lines(TOLD.lines)),
    "hooks": ("live.jsonl", _lines(TOLD.rows())),
    "otlp": ("export.jsonl", _lines([TRACES, LOGS])),
    "spool": ("live.jsonl", _lines([RECORD, {**RECORD, "record_id": "b2"}])),
    "claude-flow": ("system-metrics.json", json.dumps(SAMPLES).encode()),
    "codex": ("rollout-1.jsonl", _lines(CODEX)),
    "copilot": ("events.jsonl", _lines(COPILOT)),
    "gemini": ("session-1.json", json.dumps(_planted(GEMINI)).encode()),
    "opencode": ("ses_1.json", json.dumps(_planted(OPENCODE)).encode()),
    "pi": ("session.jsonl", _lines(PI)),
    "table": (
        "table.csv",
        b"id,started,n,cycle_ms\n1,2026-01-05T00:00:00Z,3,1500\n",
    ),
}
"""A valid file of every importer, by the importer's name."""


def _torn(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _inserted(rng: random.Random, data: bytes) -> bytes:
    bad = rng.choice(
        [
            b"\0",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\r",
            b"\x1f\x8b",
            b"\n",
        ]
    )
    at = rng.choice([0, rng.randrange(len(data) + 1)])
    return data[:at] + bad * rng.choice([1, 1, 50]) + data[at:]


def _repeated(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(rng.choices(lines, k=rng.randint(1, 30)))


def _deep(rng: random.Random, data: bytes) -> bytes:
    opening = rng.choice([b"[", b'{"a":'])
    return data + opening * 100_000 + b"\n" + data


VALUES: list[bytes] = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e308",
    b"-1e308",
    b"1e999",
    b"-1",
    b"0",
    b"9" * 400,
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"2026-13-45T99:99:99Z"',
    b'"2026-01-05T00:00:00"',
    b'"2026-01-05T00:00:00+05:30"',
    b'"0001-01-01T00:00:00+14:00"',
    b'"../../../etc/passwd"',
    b'"' + b"x" * 10_000 + b'"',
]
"""What a JSON value is replaced with: wrong types, edges, other zones, half characters."""


def _replaced(rng: random.Random, data: bytes) -> bytes:
    """Put another value in the place of one that follows a colon."""
    marks = [n for n, byte in enumerate(data) if byte == ord(":")]
    for at in sorted(rng.sample(marks, min(len(marks), rng.randint(1, 4))))[::-1]:
        end = at + 1
        while end < len(data) and data[end] not in b",}]\n":
            end += 1
        data = data[: at + 1] + rng.choice(VALUES) + data[end:]
    return data


def _swapped(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


def _foreign(rng: random.Random, data: bytes) -> bytes:
    return rng.choice(list(SEEDS.values()))[1]


DAMAGES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "torn": _torn,
    "flipped": _flipped,
    "inserted": _inserted,
    "repeated": _repeated,
    "replaced": _replaced,
    "deep": _deep,
    "swapped": _swapped,
    "foreign": _foreign,
}
"""How a document is damaged, by name."""


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Damage a document in one to three ways; nesting bombs are rare, they are slow."""
    names = rng.choices(list(DAMAGES), weights=[4, 4, 4, 2, 8, 0.3, 1, 0.5], k=3)
    for name in names[: rng.randint(1, 3)]:
        data = DAMAGES[name](rng, data or b"{}")
    return data
