"""Every importer by the name typed for it, loaded when it is asked for."""

from importlib import import_module
from typing import Any

from toolkit.errors import UsageError
from toolkit.history.importers.base import Source

__all__ = ["SOURCES", "open_source"]

SOURCES = {
    "atif": ("toolkit.history.importers.agent_logs.atif", "AtifSource"),
    "claude-code": ("toolkit.history.importers.claude_code.source", "ClaudeCodeSource"),
    "claude-flow": ("toolkit.history.importers.claude_flow.source", "ClaudeFlowSource"),
    "codex": ("toolkit.history.importers.agent_logs.codex", "CodexSource"),
    "copilot": ("toolkit.history.importers.agent_logs.copilot", "CopilotSource"),
    "gemini": ("toolkit.history.importers.agent_logs.gemini", "GeminiSource"),
    "hooks": ("toolkit.history.importers.hooks.events", "HookSource"),
    "opencode": ("toolkit.history.importers.agent_logs.opencode", "OpenCodeSource"),
    "otlp": ("toolkit.history.importers.otlp.source", "OtlpSource"),
    "pi": ("toolkit.history.importers.agent_logs.pi", "PiSource"),
    "spool": ("toolkit.history.importers.spool_files", "SpoolSource"),
    "table": ("toolkit.history.importers.table.source", "TableSource"),
}
"""Module and class of every source, by the name typed for it."""


def open_source(name: str, **options: Any) -> Source:
    """Make a source by its name.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    **options
        What that source's class takes.

    Returns
    -------
    Source
        The importer, ready to be driven by `run_import`.

    Raises
    ------
    UsageError
        For a name that is not known.
    """
    if name not in SOURCES:
        raise UsageError.unknown("source", name, sorted(SOURCES))
    module, cls = SOURCES[name]
    made: Source = getattr(import_module(module), cls)(**options)
    return made
