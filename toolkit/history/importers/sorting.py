"""Which agent wrote a file, by what is in it and never by its name alone."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from toolkit.history.importers.paths import find_files
from toolkit.history.importers.recognition import recognised

__all__ = ["AGENT_SOURCES", "sort_logs"]

AGENT_SOURCES = frozenset(
    {"atif", "claude-code", "codex", "copilot", "gemini", "opencode", "pi"}
)
"""Sources of logs that agents keep: many files, which are read again every day. Others
are few, or give something else with another map. What these make of a file depends on
nothing else, so that several processes may read."""

SQLITE = b"SQLite format 3\0"

INSIDE = "a message of OpenCode"
"""A file that is read with the session that it belongs to."""


def sort_logs(paths: Sequence[Path]) -> tuple[dict[str, list[Path]], int]:
    """Sort the files below some paths by the agent that wrote them.

    Parameters
    ----------
    paths : sequence of path
        Files and directories.

    Returns
    -------
    logs : dict of str to list of path
        By source, in the order of the sources' names.
    others : int
        Files that no agent is known to have written.

    Raises
    ------
    InputDataError
        For a path that does not exist, or a directory without a file.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    others = 0
    for file in find_files(paths, lambda _: True):
        source = _source_of(file.path)
        if source is None:
            others += 1
        elif source:
            found[source].append(file.path)
    return {name: found[name] for name in sorted(found)}, others


def _source_of(path: Path) -> str | None:
    """Name the source of a file; empty for one that is read with another."""
    if not path.is_file():
        return None
    if _is_part_of_a_tree(path):
        return "opencode" if path.parent.parent.name == "session" else ""
    try:
        with path.open("rb") as stream:
            is_database = stream.read(len(SQLITE)) == SQLITE
    except OSError:
        return None
    if is_database:
        return _source_of_database(path)
    name, importer = recognised(path) or ("", None)
    if name == INSIDE:
        return ""
    return importer if importer in AGENT_SOURCES else None


def _is_part_of_a_tree(path: Path) -> bool:
    """Whether a file is of the older tree of OpenCode: `storage/<kind>/<of>/<id>.json`."""
    kind = path.parent.parent
    begins = {"session": "ses_", "message": "msg_", "part": "prt_"}.get(kind.name)
    inside = kind.parent.name == "storage"
    return inside and begins is not None and path.name.startswith(begins)


def _source_of_database(path: Path) -> str | None:
    """Name whose database it is by its tables; Copilot's is read with its event logs."""
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as database:
            rows = database.execute("SELECT name FROM sqlite_master")
            tables = {name for (name,) in rows}
    except sqlite3.Error:
        return None
    if "session" in tables and tables & {"part", "session_message"}:
        return "opencode"
    return "" if "assistant_usage_events" in tables else None
