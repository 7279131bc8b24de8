"""`toolkit model`: its verbs."""

from toolkit.cli.model.verbs import add_parser

__all__ = ["add_parser"]
