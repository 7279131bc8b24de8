"""Paths and addresses on the command line: what is not understood is refused."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from toolkit.errors import UsageError
from toolkit.history import Place, local_path, store_place

__all__ = ["any_store", "local"]

Found = TypeVar("Found")


def local(text: str) -> Path:
    """Read a path of this machine; `s3://` and other addresses are refused."""
    return _read(local_path, text)


def any_store(text: str) -> Place:
    """Read where a store is: a folder, or `s3://BUCKET/PREFIX`."""
    return _read(store_place, text)


def _read(read: Callable[[str], Found], text: str) -> Found:
    """Have a parser show what is wrong: of a `ValueError` it shows the text alone."""
    try:
        return read(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
