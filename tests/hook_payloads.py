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
    answer = {"tool_response": {"type": "text"}, **fields}
    return payload("PostToolUse", **one, **timed, **answer)


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


def of_every_event() -> dict[str, tuple[Payload, Payload]]:
    """One payload of each installed event, and what its row keeps beside the ids.

    Names with a version after them are how that version tells the event.
    """
    one = call("Read", 1)
    base = {"tool": "Read", "id": "toolu_0001"}
    return {
        "SessionStart": (
            payload("SessionStart", source="resume"),
            {"source": "resume"},
        ),
        "SessionStart 2.1": (
            payload("SessionStart", source="startup", model="claude-x"),
            {"source": "startup", "model": "claude-x"},
        ),
        "UserPromptSubmit": (payload("UserPromptSubmit", prompt="words"), {}),
        "UserPromptSubmit of the harness": (
            payload("UserPromptSubmit", prompt="<task-notification> words"),
            {"automatic": True},
        ),
        "PreToolUse": (before(one), {**base, "permission_mode": "default"}),
        "PreToolUse of a subagent": (
            before(one, agent_id="a1", agent_type="Explore"),
            {**base, "agent": "a1", "agent_type": "Explore"},
        ),
        "PostToolUse": (after(one), {**base, "duration_ms": 20}),
        "PostToolUse before 2.1.119": (after(one, duration_ms=None), base),
        "PostToolUseFailure": (failed(one), {**base, "duration_ms": 5}),
        "PostToolUseFailure by a person": (
            failed(one, is_interrupt=True),
            {**base, "interrupted": True},
        ),
        "PostToolBatch": (batch([one]), {"calls_seen": 1}),
        "PostToolBatch of other programs": (
            batch([one], under="tool_results"),
            {"calls_seen": 1},
        ),
        "PermissionRequest": (
            payload(
                "PermissionRequest",
                tool_name="Bash",
                tool_input={"command": "words"},
            ),
            {"tool": "Bash"},
        ),
        "Notification": (
            payload(
                "Notification", message="words", notification_type="permission_prompt"
            ),
            {"notification_type": "permission_prompt"},
        ),
        "SubagentStart": (
            payload("SubagentStart", agent_id="a1", agent_type="Explore"),
            {"agent": "a1", "agent_type": "Explore"},
        ),
        "SubagentStop": (
            payload("SubagentStop", agent_id="a1", last_assistant_message="words"),
            {"agent": "a1"},
        ),
        "TaskCreated": (
            payload("TaskCreated", task_id="7", task_subject="words"),
            {"task": "7"},
        ),
        "TaskCompleted": (
            payload("TaskCompleted", task_id="7", task_subject="words"),
            {"task": "7"},
        ),
        "TeammateIdle": (
            payload("TeammateIdle", teammate_name="words", team_name="words"),
            {},
        ),
        "PreCompact": (
            payload("PreCompact", trigger="auto", custom_instructions="words"),
            {"trigger": "auto"},
        ),
        "Stop": (payload("Stop", stop_hook_active=False), {}),
        "StopFailure": (payload("StopFailure", error="words"), {}),
        "SessionEnd": (payload("SessionEnd", reason="exit"), {"reason": "exit"}),
    }
