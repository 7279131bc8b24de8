"""`toolkit heal`: its verbs."""

from toolkit.cli.heal.verbs import add_parser

__all__ = ["add_parser"]
