"""Lengths of texts, and the marks that stand for texts that were removed.

Logs are passed on with their texts removed: `[text:120]` stands for 120 characters. The
length is then that of the original. `[flow:120:9 3fa1 ...]` stands for a text of which
only digests of its identifiers are left; data flow can be read from them.
"""

import re
from collections.abc import Sequence
from typing import Any

__all__ = [
    "block_texts",
    "is_removed",
    "length_and_removal",
    "text_length",
    "texts_of",
    "total_length",
    "without_counts",
]

_MARK = re.compile(r"\[(?:text|cmd|error|url|base64|flow):(\d{1,9})(?=[:\]])[^\]]*\]")
MARK_LENGTH = len("[text:123456789]")

_COUNTS = re.compile(r"\[flow:\d{1,9}:\d{1,9}")
_REMOVED = re.compile(r"\[(?:text|cmd|error|url|base64):\d{1,9}\]")


def text_length(text: str) -> int:
    """Count the characters of a text; a mark counts as what it stands for.

    Parameters
    ----------
    text : str

    Returns
    -------
    int

    Examples
    --------
    >>> text_length("four"), text_length("git [cmd:30]"), text_length("[flow:9:1 3fa1]")
    (4, 34, 9)
    """
    if "[" not in text or ":" not in text:
        return len(text)
    if (
        text.startswith("[text:")
        and text[6:-1].isdecimal()
        and len(text) <= MARK_LENGTH
    ):
        return int(text[6:-1]) if text[-1] == "]" else len(text)
    length = len(text)
    for mark in _MARK.finditer(text):
        length += int(mark[1]) - len(mark[0])
    return length


def length_and_removal(text: str) -> tuple[int, bool]:
    """Count the characters of a text, and tell whether a part of it was removed.

    Parameters
    ----------
    text : str

    Returns
    -------
    length : int
        As `text_length`.
    removed : bool
        As `is_removed`.

    Examples
    --------
    >>> (
    ...     length_and_removal("Exit code 1 [text:20]"),
    ...     length_and_removal("[flow:20:1 3fa1]"),
    ...     length_and_removal("x[1]"),
    ... )
    ((32, True), (20, False), (4, False))
    """
    if "[" not in text or ":" not in text:
        return len(text), False
    if not text.startswith("[text:") and _MARK.search(text) is None:
        return len(text), False  # raw texts: one look through them, and not two
    return text_length(text), is_removed(text)


def is_removed(text: str) -> bool:
    """Tell whether a part of a text was removed, with nothing left of it.

    Examples
    --------
    >>> is_removed("Exit code 1 [text:20]"), is_removed("[flow:20:1 3fa1]")
    (True, False)
    """
    return "[" in text and _REMOVED.search(text) is not None


def total_length(lengths: Sequence[int | None]) -> int | None:
    """Add lengths up; the sum is not known where one of them is not.

    Parameters
    ----------
    lengths : sequence of int or None

    Returns
    -------
    int or None

    Examples
    --------
    >>> total_length([4, 30]), total_length([4, None])
    (34, None)
    """
    if len(lengths) == 1:
        return lengths[0]
    known = [length for length in lengths if length is not None]
    return sum(known) if len(known) == len(lengths) else None


def without_counts(text: str) -> str:
    """Take the lengths out of marks that keep digests of a text's identifiers.

    Examples
    --------
    >>> without_counts("git [flow:120:2 3fa1 77bc]")
    'git [ 3fa1 77bc]'
    """
    return _COUNTS.sub("[", text) if "[flow:" in text else text


def block_texts(content: Any) -> list[str]:
    """List the texts of a message's content: a text, or blocks of which some hold one.

    Parameters
    ----------
    content : object
        Anything else holds none.

    Returns
    -------
    list of str

    Examples
    --------
    >>> block_texts([{"type": "text", "text": "done"}, {"type": "image", "data": "9j"}])
    ['done']
    """
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [
        block["text"]
        for block in content
        if isinstance(block, dict) and isinstance(block.get("text"), str)
    ]


def texts_of(value: Any) -> list[str]:
    """List the texts in a JSON value, at whatever depth and in their order.

    Parameters
    ----------
    value : object

    Returns
    -------
    list of str

    Examples
    --------
    >>> texts_of({"path": "a.py", "edits": [{"old": "x", "line": 3}]})
    ['a.py', 'x']
    """
    if value.__class__ is str:
        return [value]
    if value.__class__ is dict:
        texts = [item for item in value.values() if item.__class__ is str]
        if len(texts) == len(value):  # as the arguments of most calls are
            return texts
    found: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
    return found
