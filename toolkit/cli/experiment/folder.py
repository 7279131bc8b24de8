"""What the verbs that run an experiment's folder have in common."""

import argparse
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.places import local

__all__ = ["add_folder_verb"]


def add_folder_verb(
    subparsers: Any, verb: str, *, summary: str, description: str
) -> argparse.ArgumentParser:
    """Add a verb with the options of a folder that holds spec.toml and results.json."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        verb, help=summary, description=description
    )
    parser.add_argument("folder", type=local, help="folder with spec.toml")
    parser.add_argument("--tables", type=local, help="directory of decision tables")
    parser.add_argument("--table", action="append", help="only this FILE:COST; repeat")
    parser.add_argument("--out", type=local, help="write here instead of results.json")
    parser.add_argument(
        "--plot", type=local, metavar="FILE", help="draw a .png or .svg"
    )
    add_json_option(parser)
    return parser
