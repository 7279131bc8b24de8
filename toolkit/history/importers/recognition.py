"""Whose file it is that an importer cannot use: named, so that the right one is taken."""

import json
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers.lines import CHUNK_BYTES, decode_value, read_lines

__all__ = ["recognise_file", "recognise_row", "recognised"]

LINES_LOOKED_AT = 20

Row = Mapping[str, Any]


def _has(*names: str) -> Callable[[Row], bool]:
    return lambda row: all(name in row for name in names)


def _is_otlp(row: Row) -> bool:
    names = ("resourceSpans", "resourceLogs", "resourceMetrics")
    return any(name in row for name in (*names, "resource_spans", "resource_logs"))


def _is_codex(row: Row) -> bool:
    kinds = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
    bare = "type" not in row and all(
        name in row for name in ("id", "timestamp", "instructions")
    )
    return bare or ("payload" in row and row.get("type") in kinds)


def _is_copilot(row: Row) -> bool:
    kind = row.get("type")
    begins = ("session.", "user.", "assistant.", "tool.", "system.", "permission.")
    return isinstance(kind, str) and "data" in row and kind.startswith(begins)


def _is_jaeger(row: Row) -> bool:
    data = row.get("data")
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and "traceID" in first


def _is_claude_code(row: Row) -> bool:
    kind = row.get("type")
    # a session that goes on from others begins with dozens of such lines
    if kind == "summary" and "leafUuid" in row:
        return True
    if kind == "file-history-snapshot" and "snapshot" in row:
        return True
    return "type" in row and "sessionId" in row and ("uuid" in row or "message" in row)


FORMATS: tuple[tuple[str, str | None, Callable[[Row], bool]], ...] = (
    ("what installed hooks recorded", "hooks", lambda row: row.get("kind") == "hook"),
    ("a spool of records", "spool", _has("kind", "record_id")),
    ("OTLP/JSON", "otlp", _is_otlp),
    ("a rollout of Codex", "codex", _is_codex),
    ("a session of GitHub Copilot", "copilot", _is_copilot),
    ("a chat of Gemini CLI", "gemini", _has("sessionId", "projectHash")),
    ("an export of OpenCode", "opencode", _has("info", "messages")),
    ("a message of OpenCode", "opencode", _has("sessionID", "role")),
    ("a session of pi", "pi", lambda r: r.get("type") == "session" and "cwd" in r),
    ("a trajectory in ATIF", "atif", _has("schema_version", "steps")),
    ("traces in Jaeger's form", None, _is_jaeger),
    ("spans in Zipkin's form", None, _has("traceId", "id", "localEndpoint")),
    ("a transcript of Claude Code", "claude-code", _is_claude_code),
)
"""What a file is, the importer of it, and how it is known by one of its objects."""


def recognise_row(row: object) -> tuple[str, str | None] | None:
    """Name the format that an object is of, and its importer.

    Examples
    --------
    >>> recognise_row({"type": "session_meta", "payload": {}})
    ('a rollout of Codex', 'codex')
    >>> recognise_row({"a": 1}) is None
    True
    """
    if isinstance(row, list) and row:
        row = row[0]
    if not isinstance(row, dict):
        return None
    return next(((name, own) for name, own, test in FORMATS if test(row)), None)


def recognise_file(path: Path, *, besides: str) -> str | None:
    """Say what a file is that an importer could not use, and what to do with it.

    Parameters
    ----------
    path : path
    besides : str
        Name of the importer that could not use it.

    Returns
    -------
    str or None
        A sentence; `None` where nothing is recognised.
    """
    from toolkit.history.importers.catalogue import SOURCES

    found = recognised(path)
    if found is None:
        return None
    name, importer = found
    if importer == besides:
        return None
    if importer is None:
        return f"it looks like {name}, which no importer reads; export OTLP/JSON"
    if importer not in SOURCES:
        return f"it looks like {name}, which no importer reads yet"
    return f"it looks like {name}; import it with `toolkit records import {importer}`"


def recognised(path: Path) -> tuple[str, str | None] | None:
    """Name the format of a file of JSON by its first objects, and its importer.

    Parameters
    ----------
    path : path

    Returns
    -------
    tuple of (str, str or None), or None
        `None` where nothing is recognised, or the file cannot be read.
    """
    document_tried = False
    try:
        for _, line in islice(read_lines(path), LINES_LOOKED_AT):
            if line is None or not line.strip():
                continue
            try:
                found = recognise_row(decode_value(line))
            except InputDataError:
                found = None if document_tried else recognise_row(_beginning(path))
                document_tried = True
            if found is not None:
                return found
    except (InputDataError, OSError):
        return None
    return None


def _beginning(path: Path) -> object:
    """Read the first object of a document that is written over several lines."""
    text = ""
    for _, line in read_lines(path):
        text += "" if line is None else line.decode("utf-8", "replace") + "\n"
        if len(text) > CHUNK_BYTES:
            return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
