"""The `--json` of every command that prints a result."""

import argparse

__all__ = ["add_json_option"]


def add_json_option(parser: argparse.ArgumentParser, *, lines: str = "") -> None:
    """Add `--json`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    lines : str
        What each line holds, of a command that prints one object a line while it runs.
    """
    about = f"print JSON lines: {lines}" if lines else "print one JSON object"
    parser.add_argument("--json", action="store_true", help=about)
