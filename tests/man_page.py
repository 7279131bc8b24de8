"""Writes the man page from the parser; `python -m tests.man_page` writes it again."""

import os
import re
from unittest.mock import patch

from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped] # ships none

from tests.shared import ROOT
from toolkit.cli import NOUNS, build_parser

__all__ = ["MAN_PAGE", "man_page"]

MAN_PAGE = ROOT / "docs" / "reference" / "toolkit.1"
SETTINGS = ("TOOLKIT_STORE", "TOOLKIT_CONFIG", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
HOME = "/home/reader"
TEXT_AS_REQUEST = re.compile(r"^(?:\.(?![A-Z]{1,2}\b|br\b|nf\b|fi\b)|')", re.MULTILINE)
"""A line of text that begins like a request of roff, a file's ending for example."""


def man_page() -> str:
    """Render the page; no date and no folder of this machine is in it."""
    with patch.dict(os.environ, {"HOME": HOME, "COLUMNS": "80"}):
        for name in SETTINGS:
            os.environ.pop(name, None)
        parser = build_parser(list(NOUNS))
        parser.man_short_description = "batch sizes and agent counts, learned"  # type: ignore[attr-defined] # read by Manpage
        page = Manpage(parser, format="single-commands-section")
        page.date, page.manual = "2026", "Workflow toolkit"
        text = TEXT_AS_REQUEST.sub(r"\\&\g<0>", str(page).replace(HOME, "~"))
        return text.rstrip() + "\n"


if __name__ == "__main__":
    MAN_PAGE.write_text(man_page(), encoding="utf-8")
