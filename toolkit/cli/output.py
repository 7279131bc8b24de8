"""What a command writes: one JSON object or lines for people on stdout, logs on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.escaping import printable

__all__ = ["print_error", "print_json", "print_note", "print_table", "print_text"]


def print_text(
    text: object = "", *, flush: bool = False, to_stderr: bool = False
) -> None:
    r"""Print lines for people; what would steer a terminal is shown as an escape.

    Names in records, bundles and files come from other programs. Nothing of the command
    line prints past this function; a test holds it.

    Examples
    --------
    >>> print_text("window \x1b]0;title\x07")
    window \x1b]0;title\x07
    """
    stream = sys.stderr if to_stderr else sys.stdout
    print(printable(str(text), keep="\n\t"), file=stream, flush=flush)


def print_json(value: Mapping[str, Any]) -> None:
    """Print the one object of a `--json` command."""
    print_text(json.dumps(value, indent=2, allow_nan=False, default=str))


def print_error(message: str) -> None:
    """Print one line of error."""
    print_text(f"toolkit: error: {printable(message)}", to_stderr=True)


def print_note(message: str) -> None:
    """Print one line of progress or advice beside the result."""
    print_text(message, to_stderr=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown, readable as it is.

    Examples
    --------
    >>> print_table(["policy", "regret"], [["rule", "12 %"]])
    | policy | regret |
    |--------|--------|
    | rule   | 12 %   |
    """
    head, *texts = [[_cell(cell) for cell in row] for row in (header, *rows)]
    widths = [
        max(len(line[column]) for line in [head, *texts])
        for column in range(len(header))
    ]
    _print_row(head, widths)
    print_text("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in texts:
        _print_row(row, widths)


def _print_row(cells: Sequence[str], widths: Sequence[int]) -> None:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    print_text("| " + " | ".join(padded) + " |")


def _cell(value: object) -> str:
    """Keep a cell on its line and in its column."""
    return printable(str(value)).replace("|", "\\|")
