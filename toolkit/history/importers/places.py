"""Where coding agents keep their logs on this machine."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["PLACES", "log_places"]

PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "claude-code": (("CLAUDE_CONFIG_DIR", "projects"), ("", ".claude/projects")),
    "codex": (
        ("CODEX_HOME", "sessions"),
        ("CODEX_HOME", "archived_sessions"),
        ("", ".codex/sessions"),
        ("", ".codex/archived_sessions"),
    ),
    "opencode": (
        ("XDG_DATA_HOME", "opencode"),
        ("", ".local/share/opencode"),
    ),
    "copilot": (("", ".copilot/session-state"),),
    "gemini": (("", ".gemini/tmp"),),
    "pi": (("", ".pi/agent/sessions"),),
}
"""By source, where to look: an environment variable that names the folder it is under
(empty: the home folder), and the path below it. A set variable replaces the home folder."""


def log_places(home: Path, environment: Mapping[str, str]) -> dict[str, list[Path]]:
    """Find the folders in which agents of this machine keep their logs.

    Parameters
    ----------
    home : path
        The user's home folder.
    environment : mapping of str to str
        Where agents' own variables are looked up.

    Returns
    -------
    dict of str to list of path
        By source, the folders that exist; sources without one are left out.

    Examples
    --------
    >>> log_places(Path("/nonexistent"), {})
    {}
    """
    found: dict[str, list[Path]] = {}
    for source, places in PLACES.items():
        set_here = [place for place in places if environment.get(place[0])]
        at_home = [place for place in places if not place[0]]
        folders = [
            Path(environment[variable]).expanduser() / below
            for variable, below in set_here
        ] or [home / below for _, below in at_home]
        there = [folder for folder in folders if folder.is_dir()]
        if there:
            found[source] = there
    return found
