"""Members of a team that work inside their lead's process: a note beside names them."""

import json
from pathlib import Path

from toolkit.records import read_given

__all__ = ["member_of"]

NOTE_BYTES = 2**20
ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")


def member_of(path: Path) -> str | None:
    """Name the member of a team whose transcript a file is.

    Parameters
    ----------
    path : path
        A transcript; the note is `agent-<id>.meta.json` beside it.

    Returns
    -------
    str or None
        As `member@team`; `None` for any other agent.

    Examples
    --------
    >>> member_of(Path("/nonexistent/agent-a1.jsonl")) is None
    True
    """
    if not path.name.startswith("agent-"):
        return None
    stem = next(
        (path.name.removesuffix(e) for e in ENDINGS if path.name.endswith(e)), ""
    )
    try:
        note = json.loads(
            read_given(path.with_name(f"{stem}.meta.json"), max_bytes=NOTE_BYTES)
        )
    except (OSError, ValueError, RecursionError):
        return None
    named = note if isinstance(note, dict) else {}
    name, team = named.get("name"), named.get("teamName")
    known = isinstance(name, str) and isinstance(team, str) and name and team
    return f"{name}@{team}" if known else None
