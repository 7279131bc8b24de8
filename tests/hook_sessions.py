"""A made-up session told twice: as hook payloads with times, and as a transcript."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.hook_payloads import Payload, after, batch, before, call, failed, payload
from toolkit.capture.hook_handler import reduce_event

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
SESSION = "0d2f7a1e-0000-4000-8000-000000000001"


@dataclass
class Told:
    """What both sides said.

    Attributes
    ----------
    events : list of (payload, seconds since the start)
    lines : list of transcript lines
    """

    events: list[tuple[Payload, float]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def rows(self, key: bytes = b"k" * 32) -> list[dict[str, Any]]:
        """The spool's rows."""
        origin = int(START.timestamp() * 1e9)
        return [
            reduce_event(event, key, origin + round(at_s * 1e9))
            for event, at_s in self.events
        ]

    def transcript(self) -> str:
        return "".join(json.dumps(line) + "\n" for line in self.lines)


def line(kind: str, at_s: float, **fields: Any) -> dict[str, Any]:
    stamp = (START + timedelta(seconds=at_s)).isoformat().replace("+00:00", "Z")
    number = str(fields.pop("number", at_s))
    return {
        "type": kind,
        "uuid": f"u-{kind}-{number}",
        "parentUuid": None,
        "timestamp": stamp,
        "sessionId": SESSION,
        "version": "2.1.200",
        "cwd": "/home/someone/p",
        "isSidechain": False,
        **fields,
    }


def session(batches: list[list[tuple[str, str]]]) -> Told:
    """Tell a session: each batch is a list of (tool, ending).

    An ending is `ok`, `failed`, `cancelled` or `rejected`. Calls of a batch run side by
    side for 0.2 s each, and the next message comes 2 s later.
    """
    told = Told()
    told.events.append((payload("SessionStart", source="startup"), 0.0))
    told.events.append((payload("UserPromptSubmit", prompt="hidden"), 0.5))
    content = {"role": "user", "content": "hidden"}
    told.lines.append(line("user", 0.5, message=content, permissionMode="acceptEdits"))
    number, at_s = 0, 2.0
    for index, members in enumerate(batches):
        calls = []
        for tool, ending in members:
            number += 1
            calls.append((call(tool, number), ending))
        _tell(told, f"msg_{index}", calls, at_s)
        at_s += 2.5
    told.events.append((payload("Stop"), at_s))
    told.events.append((payload("SessionEnd", reason="exit"), at_s + 1))
    return told


TEXTS = {
    "ok": "done",
    "failed": "<tool_use_error>File not found</tool_use_error>",
    "cancelled": "<tool_use_error>Sibling tool call errored</tool_use_error>",
    "rejected": "The user doesn't want to proceed with this tool use.",
}


def _tell(
    told: Told, message: str, calls: list[tuple[Payload, str]], at_s: float
) -> None:
    answered = []
    for offset, (one, ending) in enumerate(calls):
        begins = at_s + 0.01 * offset
        ends = begins + 0.2
        told.events.append((before(one, permission_mode="acceptEdits"), begins))
        if ending == "ok":
            told.events.append((after(one, duration_ms=200), ends))
        elif ending == "failed":
            told.events.append((failed(one, duration_ms=200), ends))
        answered.append({**one, "tool_response": TEXTS[ending]})
        block = {
            "type": "tool_use",
            "id": one["tool_use_id"],
            "name": one["tool_name"],
            "input": one["tool_input"],
        }
        said = {"id": message, "model": "m", "role": "assistant", "content": [block]}
        told.lines.append(
            line("assistant", begins, message=said, number=one["tool_use_id"])
        )
        result = {
            "type": "tool_result",
            "tool_use_id": one["tool_use_id"],
            "content": TEXTS[ending],
            **({} if ending == "ok" else {"is_error": True}),
        }
        told.lines.append(
            line(
                "user",
                ends,
                message={"role": "user", "content": [result]},
                number=one["tool_use_id"],
            )
        )
    told.events.append(
        (batch(answered, permission_mode="acceptEdits"), at_s + 0.01 * len(calls) + 0.2)
    )
    told.events.sort(key=lambda event: event[1])
