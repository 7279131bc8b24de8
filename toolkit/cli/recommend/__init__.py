"""`toolkit recommend`: its verbs."""

from toolkit.cli.recommend.verbs import add_parser

__all__ = ["add_parser"]
