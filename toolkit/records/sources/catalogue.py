"""Every importer by the name typed for it, loaded when it is asked for."""

from importlib import import_module
from typing import Any

from toolkit.errors import UsageError
from toolkit.records.sources.base import Source

__all__ = ["SOURCES", "open_source"]

SOURCES = {
    "claude-code": ("toolkit.records.sources.claude_code", "ClaudeCodeSource"),
    "claude-flow": ("toolkit.records.sources.claude_flow", "ClaudeFlowSource"),
    "hooks": ("toolkit.records.sources.hook_events", "HookSource"),
    "otlp": ("toolkit.records.sources.otlp", "OtlpSource"),
    "spool": ("toolkit.records.sources.spool_files", "SpoolSource"),
    "table": ("toolkit.records.sources.table", "TableSource"),
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
