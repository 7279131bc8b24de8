"""`toolkit hooks`: its verbs."""

from toolkit.cli.hooks.verbs import add_parser

__all__ = ["add_parser"]
