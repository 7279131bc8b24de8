r"""Text from outside, made safe for the place where it is shown.

Names of operations, agents and files come from other programs. Shown raw they could
move a terminal's cursor or set its title, forge a heading in a report, hide in a
right-to-left override, or run as a formula in a spreadsheet. Every edge passes such
text through the function of its format; what is already plain comes out unchanged.
"""

import re
import unicodedata
from html import escape

__all__ = ["csv_cell", "html_text", "is_plain", "label_value", "markdown", "printable"]

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a picture: controls, formats, surrogates, separators."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute a cell."""

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&])")
PLAIN_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?%?")


def is_plain(text: str) -> bool:
    r"""Check that every character of a text has a picture of its own.

    Examples
    --------
    >>> is_plain("Überprüfung 3"), is_plain("a\nb"), is_plain("a\x1b[31m")
    (True, False, False)
    """
    if text.isascii():
        return text.isprintable()
    return all(unicodedata.category(c) not in UNSAFE_CATEGORIES for c in text)


def printable(text: str, *, keep: str = "") -> str:
    r"""Write characters without a picture as escapes.

    Parameters
    ----------
    text : str
    keep : str
        Characters that stay as they are: a newline where lines are shown.

    Examples
    --------
    >>> print(printable("red \x1b[31m and\nnew"))
    red \x1b[31m and\nnew
    """
    if is_plain(text):
        return text
    return "".join(
        c if c in keep or unicodedata.category(c) not in UNSAFE_CATEGORIES else _code(c)
        for c in text
    )


def markdown(text: object) -> str:
    r"""Escape a text for a line or a cell of Markdown.

    Examples
    --------
    >>> print(markdown("a|b\n# c <script>"))
    a\|b\\n\# c \<script\>
    """
    return MARKDOWN.sub(r"\\\1", printable(str(text)))


def html_text(text: object) -> str:
    """Escape a text for an element or an attribute of HTML.

    Examples
    --------
    >>> html_text("<b>'&")
    '&lt;b&gt;&#x27;&amp;'
    """
    return escape(printable(str(text)), quote=True)


def csv_cell(value: object) -> str:
    r"""Escape a value for a cell of CSV, so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell("-3.5"), csv_cell("a,b")
    ("'=1+1", '-3.5', '"a,b"')
    """
    text = str(value)
    if text.startswith(FORMULA) and not PLAIN_NUMBER.fullmatch(text):
        text = f"'{text}"
    text = printable(text)
    if any(c in text for c in ',"'):
        return '"' + text.replace('"', '""') + '"'
    return text


def label_value(text: object) -> str:
    r"""Make a text fit for the value of a metric's label.

    Examples
    --------
    >>> print(label_value("a\nb"))
    a\nb
    """
    return printable(str(text))[:200]


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
