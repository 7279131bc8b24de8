r"""Text from outside, made safe for the place where it is shown.

Names of operations, agents and files come from other programs. Shown raw they could
move a terminal's cursor or set its title, forge a heading in a report, hide in a
right-to-left override, or run as a formula in a spreadsheet. Every edge passes such
text through the function of its format; what is already plain comes out unchanged.
"""

import re
import unicodedata
from html import escape

__all__ = [
    "code",
    "csv_text",
    "html_text",
    "is_plain",
    "markdown",
    "plot_text",
    "printable",
]

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a picture: controls, formats, surrogates, separators."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute a cell."""

MARKDOWN = re.compile(r"([\\`*\[\]#|<>&])")
PLAIN_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?%?")


def is_plain(text: str) -> bool:
    r"""Check that every character of a text is printed as itself.

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


def code(text: object) -> str:
    r"""Make a text fit between two backticks of Markdown, in a table too.

    Examples
    --------
    >>> print(code("a`b|c\n"))
    a'b\|c\n
    """
    return printable(str(text)).replace("`", "'").replace("|", "\\|")


def html_text(text: object) -> str:
    """Escape a text for an element or an attribute of HTML.

    Examples
    --------
    >>> html_text("<b>'&")
    '&lt;b&gt;&#x27;&amp;'
    """
    return escape(printable(str(text)), quote=True)


def csv_text(value: object) -> str:
    r"""Make a text fit for a cell of CSV: no spreadsheet takes it for a formula.

    Quoting is left to what writes the file.

    Examples
    --------
    >>> csv_text("=1+1"), csv_text("-3.5"), csv_text("a\nb")
    ("'=1+1", '-3.5', 'a\\nb')
    """
    text = str(value)
    if text.startswith(FORMULA) and not PLAIN_NUMBER.fullmatch(text):
        text = f"'{text}"
    return printable(text)


def plot_text(text: object) -> str:
    r"""Escape a text for a label in which Matplotlib looks for mathematics.

    Examples
    --------
    >>> print(plot_text("$x^2$"))
    \$x^2\$
    """
    return printable(str(text)).replace("$", r"\$")


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
