"""`toolkit records ship`: what this machine holds, to a store on object storage."""

import argparse
import os
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import address
from toolkit.cli.progress import progress

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit records`."""
    parser = verbs.add_parser(
        "ship",
        help="send a store's records to one on object storage",
        description="Sends what was not sent before, in segments named for their "
        "content: sent again, from here or from a machine with the same files, nothing "
        "counts twice. Interrupted, run it again. Credentials and endpoint come from "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and "
        "AWS_ENDPOINT_URL.",
    )
    parser.add_argument(
        "--to",
        type=address,
        required=True,
        metavar="ADDRESS",
        help="s3://BUCKET/PREFIX; a store is made there if there is none",
    )
    parser.add_argument(
        "--again", action="store_true", help="send everything, whatever was sent before"
    )
    add_store_option(parser)
    add_json_option(parser)
    parser.set_defaults(command=_ship)


def _ship(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from toolkit.history import open_objects, require_store, ship

    require_store(options.store)
    objects = open_objects(options.to, os.environ)
    with progress("shipping") as shown:
        done = ship(options.store, objects, again=options.again, report=shown)
    if options.json:
        print_json({"to": str(options.to), **asdict(done)})
    else:
        print_note(
            f"{done.lines:,} records in {done.segments + done.already_there} segments to "
            f"{options.to}, {done.already_there} of them there already"
        )
    return 0
