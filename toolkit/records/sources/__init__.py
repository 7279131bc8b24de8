"""Importers, one for each format, and the one way they are all driven.

A new source is a class that follows `base.Source` and one line in `SOURCES`; its module
is loaded when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.records.sources.base import Sink, Source, run_import
    from toolkit.records.sources.report import ImportReport

__all__ = ["SOURCES", "ImportReport", "Sink", "Source", "open_source", "run_import"]

SOURCES = {
    "claude-code": "claude_code:ClaudeCodeSource",
    "claude-flow": "claude_flow:ClaudeFlowSource",
    "hooks": "hook_events:HookSource",
    "otlp": "otlp:OtlpSource",
    "spool": "spool_files:SpoolSource",
    "table": "table:TableSource",
}
"""Module of this room and class of every source, by the name typed for it."""

_LAZY = {
    "ImportReport": "report",
    "Sink": "base",
    "Source": "base",
    "run_import": "base",
}


def open_source(name: str, **options: Any) -> "Source":
    """Make a source by its name.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    **options
        What that source's class takes.

    Raises
    ------
    UsageError
        For a name that is not known.
    """
    if name not in SOURCES:
        raise UsageError.unknown("source", name, sorted(SOURCES))
    module, _, cls = SOURCES[name].partition(":")
    made: Source = getattr(import_module(f"toolkit.records.sources.{module}"), cls)(
        **options
    )
    return made


def __getattr__(name: str) -> Any:
    """Load the heavier names when they are first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"toolkit.records.sources.{_LAZY[name]}"), name)
