"""Docstrings, comments and pages are plain technical English (CONTRIBUTING.md)."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import ROOT

BANNED = re.compile(
    r"\b(told|nobody|somebody|whoever|amiss|in vain|oblivion|anew|seldom|of its own"
    r"|takes in|comes to|a word of)\b",
    re.IGNORECASE,
)
"""Words that tell a story where a description belongs."""

CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
"""What a page quotes: names and output are not its prose."""

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "experiments/*/README.md")
    for path in ROOT.glob(pattern)
)
ROOMS = sorted(path for path in (ROOT / "toolkit").iterdir() if path.is_dir())


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings, attribute docstrings and comments of a module."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_speaks_plainly(room: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]}"
        for path in sorted(room.rglob("*.py"))
        for line, text in _prose(path.read_text(encoding="utf-8"))
        for match in [BANNED.search(text)]
        if match is not None
    ]

    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_speaks_plainly(page: Path) -> None:
    text = CODE.sub(_blank, page.read_text(encoding="utf-8"))

    assert [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for match in BANNED.finditer(text)
    ] == []


def _blank(quoted: re.Match[str]) -> str:
    """Keep the lines, so that a number of one is right."""
    return "\n" * quoted[0].count("\n")
