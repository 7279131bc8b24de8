"""Paths and addresses on the command line: what is not understood is refused."""

import argparse
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from toolkit.errors import InputDataError, UsageError
from toolkit.history import ObjectAddress, Place, local_path, store_place

__all__ = ["address", "any_store", "check_paths", "local"]

Found = TypeVar("Found")


def local(text: str) -> Path:
    """Read a path of this machine; `s3://` and other addresses are refused."""
    return _read(local_path, text)


def any_store(text: str) -> Place:
    """Read where a store is: a folder, or `s3://BUCKET/PREFIX`."""
    return _read(store_place, text)


def address(text: str) -> ObjectAddress:
    """Read `s3://BUCKET/PREFIX`."""
    return _read(ObjectAddress.parse, text)


def _read(read: Callable[[str], Found], text: str) -> Found:
    """Have a parser show what is wrong: of a `ValueError` it shows the text alone."""
    try:
        return read(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def check_paths(options: argparse.Namespace) -> None:
    """Refuse pipes, sockets and devices before a command opens any of its paths.

    To open a pipe waits for who writes to it, a device is read without end, and what is
    written by rename would take the device's place. Lists of files are not looked at:
    an import passes over such files and reads the others.

    Raises
    ------
    InputDataError
        Naming the first of them.
    """
    for value in vars(options).values():
        if isinstance(value, Path) and _has_no_end(value):
            raise InputDataError(
                "a pipe or a device, where a file or a folder is expected",
                file=value,
                fix="write its content to a file, and name that",
            )


def _has_no_end(path: Path) -> bool:
    with suppress(OSError, ValueError):  # the command has its own words for these
        mode = path.stat().st_mode
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return False
