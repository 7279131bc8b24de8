"""`toolkit review`: what a history cost, and what would have been cheaper."""

from toolkit.cli.review.verbs import add_parser

__all__ = ["add_parser"]
