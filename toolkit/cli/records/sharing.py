"""`toolkit records share` and `key`: who may use a store, and the secret they share."""

import argparse
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import local
from toolkit.errors import InputDataError, UsageError

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add both verbs to `toolkit records`."""
    share = verbs.add_parser(
        "share",
        help="give a store to a group: to write, to append, to read; or take it back",
        description="`append`: members read the store, and what they import lies in its "
        "inbox until the owner compacts. `write`: members do all that the owner does.",
    )
    share.add_argument("access", choices=["write", "append", "read", "private"])
    share.add_argument("--group", metavar="NAME", help="default: the store's own")
    share.set_defaults(command=_share)
    key = verbs.add_parser(
        "key",
        help="show, replace or copy the secret that hides names in a store",
        description="Stores with one key hide a name alike, so that what members import "
        "fits together. With another key, names hidden before no longer match.",
    )
    what = key.add_mutually_exclusive_group()
    what.add_argument("--new", action="store_true", help="draw another")
    what.add_argument("--use", type=local, metavar="FILE", help="take a team's key")
    what.add_argument(
        "--save", type=local, metavar="FILE", help="copy it, for a member"
    )
    key.set_defaults(command=_key)
    for parser in (share, key):
        add_store_option(parser)
        add_json_option(parser)


def _share(options: argparse.Namespace) -> int:
    from toolkit.history import Access, share_store

    changed = share_store(options.store, Access(options.access), options.group)
    if options.json:
        print_json({"access": options.access, "changed": changed})
    else:
        print_note(f"{options.access}; {changed} files and folders changed")
    return 0


def _key(options: argparse.Namespace) -> int:
    from toolkit.history import require_store
    from toolkit.records import read_regular, replace_key, store_key

    require_store(options.store)
    before = _mark(store_key(options.store))
    try:
        if options.new:
            replace_key(options.store)
        elif options.use is not None:
            replace_key(options.store, read_regular(options.use, max_bytes=64))
    except ValueError as error:
        raise InputDataError(
            f"not a key: {error}", file=options.use, fix="save it from a store again"
        ) from error
    if options.save is not None:
        _save(options.save, store_key(options.store))
    now = _mark(store_key(options.store))
    if options.json:
        print_json({"before": before, "key": now})
    else:
        print_note(f"key {now}")
        if now != before:
            print_note(f"names that {before} hid no longer match new ones")
    return 0


def _mark(key: bytes) -> str:
    """Name a key without showing it."""
    return blake2b(key, digest_size=4, person=b"toolkit-key").hexdigest()


def _save(path: Path, key: bytes) -> None:
    """Write a key for another store, its owner's alone, and never where git takes it."""
    place = path.absolute().parent
    if any((above / ".git").exists() for above in (place, *place.parents)):
        raise UsageError(f"`{path}` lies in a git repository; name a place outside")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"`{path}` exists; name a new file") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key)
        stream.flush()
        os.fsync(descriptor)
