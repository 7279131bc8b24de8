"""Hook payloads of our own making, one builder for each event and version difference."""

from typing import Any

Payload = dict[str, Any]


def payload(event: str, **fields: Any) -> Payload:
    """What every event carries, and what this one adds."""
    return {
        "session_id": "0d2f7a1e-0000-4000-8000-000000000001",
        "prompt_id": "7c1b",
        "transcript_path": "/home/someone/.claude/projects/p/s.jsonl",
        "cwd": "/home/someone/p",
        "permission_mode": "default",
        "hook_event_name": event,
        **fields,
    }


def call(name: str, number: int, **given: Any) -> Payload:
    """One call as `PreToolUse` describes it."""
    return {
        "tool_name": name,
        "tool_input": given or {"file_path": f"/home/someone/p/file{number}.py"},
        "tool_use_id": f"toolu_{number:04d}",
    }


def before(one: Payload, **fields: Any) -> Payload:
    return payload("PreToolUse", **one, **fields)


def after(one: Payload, *, duration_ms: float | None = 20, **fields: Any) -> Payload:
    """`PostToolUse`; before version 2.1.119 it had no duration."""
    timed = {} if duration_ms is None else {"duration_ms": duration_ms}
    return payload(
        "PostToolUse", **one, tool_response={"type": "text"}, **timed, **fields
    )


def failed(one: Payload, *, error: str = "File not found", **fields: Any) -> Payload:
    return payload(
        "PostToolUseFailure",
        **one,
        **{"error": error, "is_interrupt": False, "duration_ms": 5, **fields},
    )


def batch(calls: list[Payload], *, under: str = "tool_calls", **fields: Any) -> Payload:
    """`PostToolBatch`; other programs call the list `tool_results` or `tool_uses`."""
    answered = [{"tool_response": "1\tdone", **one} for one in calls]
    return payload("PostToolBatch", **{under: answered}, **fields)
