"""Plays a whole Claude Code session through the installed hooks, as real processes.

What the harness does is done here: it reads `settings.local.json`, starts each hook of an
event with the event's JSON on standard input, and takes what it prints.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.hook_payloads import Payload, after, batch, before, call, failed, payload

__all__ = ["Harness", "play"]


class Harness:
    """Starts the hooks of a project as its settings say.

    Attributes
    ----------
    said : list of str
        Every `additionalContext` that came back.
    """

    def __init__(self, project: Path) -> None:
        settings = json.loads((project / ".claude" / "settings.local.json").read_text())
        self.hooks = settings["hooks"]
        self.project = project
        self.said: list[str] = []

    def fire(self, event: Payload) -> None:
        """Run every hook of an event, as the harness would."""
        for group in self.hooks.get(event["hook_event_name"], []):
            for hook in group["hooks"]:
                done = subprocess.run(
                    [hook["command"], *hook["args"]],
                    check=False,
                    input=json.dumps(event).encode(),
                    capture_output=True,
                    timeout=hook["timeout"] + 10,
                    cwd=self.project,
                    env={"CLAUDE_PROJECT_DIR": str(self.project)},
                )
                assert done.returncode == 0
                assert done.stderr == b""
                if done.stdout:
                    output = json.loads(done.stdout)["hookSpecificOutput"]
                    assert output["hookEventName"] == event["hook_event_name"]
                    self.said.append(output["additionalContext"])


def play(harness: Harness, batches: list[list[tuple[str, str]]], **common: Any) -> None:
    """Play a session of batches, each a list of (tool, `ok` or `failed`)."""
    harness.fire(payload("SessionStart", source="startup", **common))
    harness.fire(payload("UserPromptSubmit", prompt="do it", **common))
    number = 0
    for members in batches:
        calls = []
        for tool, ending in members:
            number += 1
            one = call(tool, number) | common
            calls.append(one)
            harness.fire(before(one))
            harness.fire(after(one) if ending == "ok" else failed(one))
        harness.fire(batch(calls, **common))
    harness.fire(payload("Stop", **common))
    harness.fire(payload("SessionEnd", reason="exit", **common))
