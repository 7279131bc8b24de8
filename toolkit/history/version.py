"""The version of a store: who may read it, and what an older one needs.

::

    STORE/store.json    {"format": 2, "schema": 1}

`format` counts changes of the layout on disk, `schema` those of the records
(`toolkit.records.schema.SCHEMA_VERSION`). A store without the file is of format 1. A
newer store than the code knows is refused: it may hold columns that would be dropped.
An older one is read as it is; the first write to it raises its version.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.records import (
    SCHEMA_VERSION,
    ignore_in_git,
    make_directory,
    read_regular,
    replace_file,
)

__all__ = [
    "STORE_FORMAT",
    "StoreVersion",
    "check_version",
    "raise_version",
    "require_store",
]

STORE_FORMAT = 2
"""1: a part file for each day, an index by inode. 2: generations, numbered segments."""

NAME = "store.json"
MAX_BYTES = 4096
OLD_INDEX = "index.sqlite"
OLD_INDEX_TEXT = (
    b"This store has format 2 or later (store.json): upgrade the toolkit.\n"
)
"""Stands where format 1 had its index: code of that time stops here instead of reading
a layout that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreVersion:
    """Version of a store on disk.

    Attributes
    ----------
    format : int
        Of the layout.
    schema : int
        Highest version of the records in it.
    """

    format: int = 1
    schema: int = 1


NOW = StoreVersion(format=STORE_FORMAT, schema=SCHEMA_VERSION)


def check_version(root: Path) -> StoreVersion:
    """Read the version of a store, and refuse one from the future.

    Parameters
    ----------
    root : path
        The store; it need not exist.

    Returns
    -------
    StoreVersion
        Format 1 and schema 1 where the store names none.

    Raises
    ------
    InputDataError
        The store is a file, its version is newer than this code, or cannot be read.
    """
    path = root / NAME
    try:
        row = json.loads(read_regular(path, max_bytes=MAX_BYTES))
        version = StoreVersion(format=int(row["format"]), schema=int(row["schema"]))
    except FileNotFoundError:
        return StoreVersion()
    except NotADirectoryError as error:
        raise InputDataError(
            "not a store but a file", file=root, fix="give a directory"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputDataError(
            "not a store's version",
            file=path,
            fix=f"restore it, or write {json.dumps(asdict(NOW))} where this version made it",
        ) from error
    if version.format > NOW.format or version.schema > NOW.schema:
        raise InputDataError(
            f"written by a newer version (format {version.format}, "
            f"schema {version.schema}; this one reads up to format {NOW.format}, "
            f"schema {NOW.schema})",
            file=path,
            fix="upgrade the toolkit",
        )
    return version


def require_store(root: Path) -> None:
    """Refuse a store that is not there: a mistyped name must not make an empty one.

    Parameters
    ----------
    root : path

    Raises
    ------
    InputDataError
        There is no such store, or it is a file.
    """
    if not root.is_dir():
        there = os.path.lexists(root)
        raise InputDataError(
            "not a store but a file" if there else "no such store",
            file=root,
            fix="give a directory" if there else "import something into it first",
        )


def raise_version(root: Path) -> None:
    """Make a store ready to be written to: check its version, and raise an older one.

    Parameters
    ----------
    root : path
        Created where it is missing.

    Raises
    ------
    InputDataError
        As in `check_version`.
    """
    before = check_version(root)
    if before == NOW:
        return
    make_directory(root)
    ignore_in_git(root)
    replace_file(root / OLD_INDEX, OLD_INDEX_TEXT)
    for name in (f"{OLD_INDEX}-wal", f"{OLD_INDEX}-shm"):
        (root / name).unlink(missing_ok=True)
    replace_file(root / NAME, json.dumps(asdict(NOW)).encode() + b"\n")
