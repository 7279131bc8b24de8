"""`toolkit records`: its verbs."""

from toolkit.cli.records.verbs import add_parser

__all__ = ["add_parser"]
