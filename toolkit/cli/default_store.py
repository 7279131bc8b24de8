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


def add_store_option(
    parser: argparse._ActionsContainer,
    *,
    reads: bool = False,
    default: str | None = None,
    unnamed: str | None = None,
) -> None:
    """Add `--store`, which may be left out.

    Parameters
    ----------
    parser : argparse.ArgumentParser, or a group of one
    reads : bool
        The command only reads, so that a store on object storage will do.
    default : str, optional
        Where what hooks of a project see is kept, in place of the default store.
    unnamed : str, optional
        What a command takes that has no default store, in a few words: what it writes is
        made up and must not mix with records, or what it reads is said elsewhere.
    """
    # A default that is a text is read by `type` too, and only where it is used.
    known = None if unnamed is not None else default or default_store()
    parser.add_argument(
        "--store",
        type=any_store if reads else local,
        default=known,
        metavar="STORE" if reads else "DIR",
        help="where records are kept"
        + (", a folder or s3://BUCKET/PREFIX" if reads else "")
        + f" (default: {(unnamed or '').replace('%', '%%') or '%(default)s'})",
    )
