"""`toolkit experiment`: its verbs."""

from toolkit.cli.experiment.verbs import add_parser

__all__ = ["add_parser"]
