"""The store that is used when none is named."""

import argparse
import os
from pathlib import Path

__all__ = ["add_store_option", "default_store"]


def default_store() -> Path:
    """Return `TOOLKIT_STORE`, or the store in the user's data folder.

    The data folder is `XDG_DATA_HOME`, by default `~/.local/share`.
    """
    named = os.environ.get("TOOLKIT_STORE")
    if named:
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "workflow-toolkit" / "store"


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Add `--store DIR`, which may be left out."""
    parser.add_argument(
        "--store",
        type=Path,
        default=default_store(),
        metavar="DIR",
        help="where records are kept (default: %(default)s)",
    )
