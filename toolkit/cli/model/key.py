"""`toolkit model key`: the key that signs bundles, by its id; made with `--new`."""

import argparse
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit model`."""
    parser = verbs.add_parser("key", help="show or make the key that signs bundles")
    parser.add_argument(
        "--new", action="store_true", help="draw a key; an older one is never replaced"
    )
    add_json_option(parser)
    parser.set_defaults(command=key)


def key(options: argparse.Namespace) -> int:
    """Show the id of the installed key and where it lies; never the key."""
    from toolkit.bundle import installed_key, key_path, new_key

    path = key_path()
    found = new_key(path) if options.new else installed_key()
    answer = {"path": str(path), "key_id": None if found is None else found.key_id}
    if options.json:
        print_json(answer)
    elif found is None:
        print_note(f"no key in {path}: bundles are neither signed nor asked for it")
    else:
        print_note(f"key {found.key_id} in {path}: bundles are signed and must be")
    return 0
