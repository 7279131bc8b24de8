"""The store that is used when none is named."""

import argparse
import os
from pathlib import Path

from toolkit.cli.configuration import configuration
from toolkit.cli.places import any_store, local

__all__ = ["add_store_option", "default_store"]


def default_store() -> str:
    """Return `TOOLKIT_STORE`, the configured store, or the one in the user's data folder.

    The data folder is `XDG_DATA_HOME`, by default `~/.local/share`.

    Raises
    ------
    InputDataError
        The configuration file cannot be read.
    """
    named = os.environ.get("TOOLKIT_STORE") or configuration().store
    if named:
        return named if "://" in named else str(Path(named).expanduser())
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(Path(data).expanduser() / "workflow-toolkit" / "store")


def add_store_option(parser: argparse.ArgumentParser, *, reads: bool = False) -> None:
    """Add `--store`, which may be left out.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    reads : bool
        The command only reads, so that a store on object storage will do.
    """
    # A default that is a text is read by `type` too, and only where it is used.
    parser.add_argument(
        "--store",
        type=any_store if reads else local,
        default=default_store(),
        metavar="STORE" if reads else "DIR",
        help="where records are kept"
        + (", a folder or s3://BUCKET/PREFIX" if reads else "")
        + " (default: %(default)s)",
    )
