"""`toolkit monitor`: its verbs."""

from toolkit.cli.monitor.verbs import add_parser

__all__ = ["add_parser"]
