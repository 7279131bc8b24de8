"""Transcripts of our own making: the shapes of Claude Code's lines, word by word ours."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import Batch, CoordinationEvent, Workflow

__all__ = [
    "BEGUN",
    "Session",
    "batches",
    "events",
    "import_lines",
    "import_paths",
    "workflows",
    "write",
]

BEGUN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Line = dict[str, Any] | bytes


class Session:
    """Makes the lines of one agent; times are seconds since `BEGUN`."""

    def __init__(
        self,
        session_id: str = "session-1",
        *,
        agent_id: str | None = None,
        drawn_ids: bool = True,
    ) -> None:
        self.session_id = session_id
        self.drawn_ids = drawn_ids
        self.agent_id = agent_id
        self.lines: list[Line] = []
        self._number = 0

    def prompt(self, at_s: float, **fields: Any) -> "Session":
        """A person, or whoever gave a subagent its task, writes."""
        said = fields.pop("message", {"role": "user", "content": "please"})
        return self._add("user", at_s, said, **fields)

    def call(
        self,
        at_s: float,
        call_id: str,
        tool: str = "Read",
        given: Mapping[str, Any] | None = None,
        *,
        message: str = "msg-1",
        **fields: Any,
    ) -> "Session":
        """One line with one call of an assistant message."""
        block = {
            "type": "tool_use",
            "id": self._call_id(call_id),
            "name": tool,
            "input": given if given is not None else {"file_path": "/home/a/b.py"},
        }
        return self._add(
            "assistant",
            at_s,
            {"id": message, "model": "claude-test-1", "content": [block]},
            **fields,
        )

    def result(
        self,
        at_s: float,
        call_id: str,
        content: object = "done",
        *,
        error: bool | None = None,
        details: object = None,
        **fields: Any,
    ) -> "Session":
        """One line with the result of one call."""
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": self._call_id(call_id),
            "content": content,
        }
        if error is not None:
            block["is_error"] = error
        if details is not None:
            fields["toolUseResult"] = details
        return self._add("user", at_s, {"role": "user", "content": [block]}, **fields)

    def progress(self, at_s: float, call_id: str, data: object) -> "Session":
        """One line of progress of a call."""
        return self._add(
            "progress",
            at_s,
            None,
            data=data,
            parentToolUseID=self._call_id(call_id),
            toolUseID="x",
        )

    def _call_id(self, call_id: str) -> str:
        """Write an id as a provider draws it, or as a model that counts does."""
        return f"toolu_{call_id}" if self.drawn_ids else call_id

    def inline(self, at_s: float, agent_id: str, inner: Line) -> "Session":
        """A subagent's line inside the session's, as `agent_progress`."""
        assert isinstance(inner, dict)
        carried = {k: inner[k] for k in ("type", "message", "uuid", "timestamp")}
        data = {"type": "agent_progress", "agentId": agent_id, "message": carried}
        return self.progress(at_s, "spawn", data)

    def raw(self, line: Line) -> "Session":
        """Any other line."""
        self.lines.append(line)
        return self

    def _add(self, kind: str, at_s: float, message: object, **fields: Any) -> "Session":
        self._number += 1
        line: dict[str, Any] = {
            "type": kind,
            "sessionId": self.session_id,
            "uuid": f"{self.session_id}-{self.agent_id}-{self._number}",
            "timestamp": stamp(at_s),
            "version": "2.1.30",
            "cwd": "/home/a",
            "isSidechain": self.agent_id is not None,
        }
        if message is not None:
            line["message"] = message
        if self.agent_id is not None:
            line["agentId"] = self.agent_id
        self.lines.append({**line, **fields})
        return self


def stamp(at_s: float) -> str:
    """Write a time as the harness does: milliseconds and a Z."""
    at = BEGUN + timedelta(seconds=at_s)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(path: Path, lines: Iterable[Line]) -> Path:
    """Write a transcript, gzipped where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
        for line in lines
    )
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def import_paths(store: RecordStore, *paths: Path) -> ImportReport:
    """Import transcripts."""
    return run_import(open_source("claude-code"), paths, store)


def import_lines(
    folder: Path, lines: Sequence[Line], name: str = "session-1.jsonl"
) -> tuple[RecordStore, ImportReport]:
    """Import one transcript into a store of its own, and compact it."""
    path = write(folder / "projects" / name, lines)
    store = RecordStore(folder / "store")
    report = import_paths(store, path)
    store.compact()
    return store, report


def batches(store: RecordStore) -> list[Batch]:
    """Read the batches in order of time."""
    found = list(store.dataset.scan("batch"))
    assert all(isinstance(record, Batch) for record in found)
    return [record for record in found if isinstance(record, Batch)]


def events(store: RecordStore) -> list[CoordinationEvent]:
    """Read the coordination events in order of time."""
    found = store.dataset.scan("coordination")
    return [record for record in found if isinstance(record, CoordinationEvent)]


def workflows(store: RecordStore) -> list[Workflow]:
    """Read the workflows in order of time."""
    return [r for r in store.dataset.scan("workflow") if isinstance(r, Workflow)]
