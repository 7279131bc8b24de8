"""`toolkit records receive`: take OTLP over HTTP until interrupted."""

import argparse
from dataclasses import asdict
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.listening import add_address_options, listening, wait_for_end
from toolkit.cli.output import print_json, print_note

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit records`."""
    parser = verbs.add_parser(
        "receive", help="receive OTLP over HTTP (JSON and protobuf) on this machine"
    )
    add_store_option(parser)
    add_address_options(parser)
    parser.set_defaults(command=receive)


def receive(options: argparse.Namespace) -> int:
    """Receive until the time is over or it is interrupted."""
    from toolkit.history import RecordStore

    with RecordStore(options.store) as store:
        with listening(options, store) as receiver:
            print_note(f"receiving on http://{options.host}:{receiver.port}")
            wait_for_end(receiver.join, options.seconds)
        status = asdict(receiver.status())
    if options.json:
        print_json(status)
    else:
        print_note(", ".join(f"{name} {count}" for name, count in status.items()))
    return 0
