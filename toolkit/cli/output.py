"""What a command writes: one JSON object or lines for people on stdout, logs on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["print_error", "print_json", "print_note", "print_table"]


def print_json(value: Mapping[str, Any]) -> None:
    """Print the one object of a `--json` command."""
    print(json.dumps(value, indent=2, allow_nan=False, default=str))


def print_error(message: str) -> None:
    """Print one line of error."""
    print(f"toolkit: error: {message}", file=sys.stderr)


def print_note(message: str) -> None:
    """Print one line of progress or advice beside the result."""
    print(message, file=sys.stderr)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown, readable as it is.

    Examples
    --------
    >>> print_table(["policy", "regret"], [["rule", "12 %"]])
    | policy | regret |
    |--------|--------|
    | rule   | 12 %   |
    """
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(line[column]) for line in [list(header), *texts])
        for column in range(len(header))
    ]
    _print_row(header, widths)
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in texts:
        _print_row(row, widths)


def _print_row(cells: Sequence[str], widths: Sequence[int]) -> None:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    print("| " + " | ".join(padded) + " |")
