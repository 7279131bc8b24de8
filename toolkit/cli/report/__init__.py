"""`toolkit report`: its verbs."""

from toolkit.cli.report.verbs import add_parser

__all__ = ["add_parser"]
