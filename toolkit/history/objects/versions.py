"""The version of a store on object storage: who may read it.

::

    PREFIX/store/format-0001-schema-0002

An empty object a version; the highest counts, and none is changed, so raising a version
needs no condition. A machine raises it before it ships lines of a newer schema: who sees
those lines in a list that came first sees their version, and refuses.
"""

import re

from toolkit.errors import InputDataError
from toolkit.history.objects.base import Objects
from toolkit.records import SCHEMA_VERSION

__all__ = ["OBJECT_FORMAT", "check_object_version", "raise_object_version"]

OBJECT_FORMAT = 1
"""Of the layout below the prefix (`toolkit.history.objects`)."""

FOLDER = "store"
NAME = re.compile(r"store/format-(\d{4})-schema-(\d{4})")
NOW = f"{FOLDER}/format-{OBJECT_FORMAT:04d}-schema-{SCHEMA_VERSION:04d}"


def check_object_version(objects: Objects) -> None:
    """Refuse a store that is not there, or that a newer version wrote to.

    Raises
    ------
    InputDataError
        Either.
    """
    names = [entry.name for entry in objects.list(FOLDER)]
    if not names:
        raise InputDataError(
            "no such store",
            file=objects.name,
            fix=f"ship one there: `toolkit records ship --to {objects.name}`",
        )
    _refuse_newer(objects, names)


def raise_object_version(objects: Objects) -> None:
    """Make a store where there is none, and raise an older one to this version.

    Raises
    ------
    InputDataError
        A newer version wrote to it, or the server does not honour the one condition
        that everything rests on.
    """
    names = [entry.name for entry in objects.list(FOLDER)]
    _refuse_newer(objects, names)
    if NOW not in names:
        objects.create(NOW, b"")
    if objects.create(NOW, b""):
        raise InputDataError(
            "the server replaces an object that `If-None-Match: *` protects",
            file=objects.name,
            fix="use one that honours it: two compactions would lose each other's work",
        )


def _refuse_newer(objects: Objects, names: list[str]) -> None:
    for name in names:
        found = NAME.fullmatch(name)
        if found and int(found[1]) <= OBJECT_FORMAT and int(found[2]) <= SCHEMA_VERSION:
            continue
        raise InputDataError(
            f"written by a newer version ({name}; this one reads up to {NOW})",
            file=objects.name,
            fix="upgrade the toolkit",
        )
