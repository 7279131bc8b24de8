"""What the text of a result says about its end: exit code, duration, who stopped it."""

import re
from typing import Any

from toolkit.history.importers.texts import block_texts, text_length

__all__ = [
    "exit_code",
    "is_aborted",
    "result_ends",
    "result_text",
    "wall_time",
    "went_on",
]

LOOKED_AT = 400
"""Characters at both ends of a text in which the client's own words stand."""

_EXIT = re.compile(
    r"(?:Exit code|Exit Code|Process exited with code):? (-?\d{1,10})"
    r"|completed with exit code (-?\d{1,10})>"
    r'|"exit_code":\s*(-?\d{1,10})'
)
BEFORE_EXIT = len("completed with e")
"""Characters in front of the letters that every phrase with an exit code holds."""

_WALL = re.compile(
    r'(?:^|\n)Wall time: ([\d.]{1,12}) seconds|"duration_seconds":\s*([\d.]{1,12})'
)
_ABORTED = (
    "aborted by user",
    "Operation aborted",
    "operation aborted",
    "Command aborted",
    "Tool execution aborted",
    "cancelled by user",
)
_GOES_ON = re.compile(r"Process running with session ID \d")


def result_text(value: Any) -> tuple[str, int]:
    """Give the ends of a result's text, and its length in characters."""
    texts = _texts(value)
    return _ends(texts), sum(map(text_length, texts))


def result_ends(value: Any) -> str:
    """Give the ends of a result's text, where its length is known already."""
    return _ends([value] if value.__class__ is str else _texts(value))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = value.get("content", value.get("output", value.get("text")))
    return block_texts(value)


def _ends(texts: list[str]) -> str:
    text = texts[0] if len(texts) == 1 else "\n".join(texts)
    if len(text) > 2 * LOOKED_AT:
        text = f"{text[:LOOKED_AT]}\n{text[-LOOKED_AT:]}"
    return text


def exit_code(text: str) -> int | None:
    """Find the exit code that a client wrote into a result.

    Examples
    --------
    >>> exit_code("Exit code: 2")
    2
    >>> exit_code("<shellId: 0 completed with exit code 1>")
    1
    """
    said = text.find("xit")
    if said < 0:
        return None
    for found in _EXIT.finditer(text, max(said - BEFORE_EXIT, 0)):
        own, *others = found.groups()
        if own is None:
            return int(others[0] or others[1])
        if _begins_line(text, found.start()):
            return int(own)
    return None


def _begins_line(text: str, start: int) -> bool:
    """Whether nothing but white space stands before a place in its line."""
    before = text[:start]
    said = before.rstrip()
    return not said or "\n" in before[len(said) :]


def wall_time(text: str) -> float | None:
    r"""Find how long a client says that a call took, in seconds.

    Examples
    --------
    >>> wall_time("Exit code: 0\nWall time: 1.5 seconds")
    1.5
    """
    said = text.find("Wall time: ")
    if "duration_seconds" in text:
        said = 0
    elif said < 0:
        return None
    found = _WALL.search(text, max(said - 1, 0))
    try:
        return None if found is None else float(found[1] or found[2])
    except ValueError:
        return None


def is_aborted(text: str) -> bool:
    """Whether a person stopped the call."""
    if "abort" not in text and "cancelled" not in text:
        return False
    return any(words in text for words in _ABORTED)


def went_on(text: str) -> bool:
    """Whether the call returned while its command went on."""
    return _GOES_ON.search(text) is not None
