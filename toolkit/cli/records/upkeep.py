"""`toolkit records backup`, `retain` and `migrate`: what a store needs over the years."""

import argparse
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.errors import UsageError

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the three verbs to `toolkit records`."""
    backup = verbs.add_parser(
        "backup",
        help="copy a store to a new folder, as it is at one moment",
        description="Appends and compactions go on meanwhile. The copy is a store: name "
        "it as `--store`, or copy it back. It holds the store's key: keep it as private.",
    )
    backup.add_argument("target", type=local, metavar="DIR", help="a new folder")
    backup.set_defaults(command=_backup)
    retain = verbs.add_parser(
        "retain",
        help="let go of records that are older than so many days, for good",
        description="The day is kept in the store: older records that are imported again "
        "are not kept. Backups are not touched.",
    )
    retain.add_argument("--days", type=int, required=True, metavar="N", help="to keep")
    retain.set_defaults(command=_retain)
    migrate = verbs.add_parser(
        "migrate", help="raise an older store to this version, every part of it"
    )
    migrate.set_defaults(command=_migrate)
    for parser in (backup, retain, migrate):
        add_store_option(parser)
        add_json_option(parser)


def _backup(options: argparse.Namespace) -> int:
    from toolkit.history import back_up

    with progress("copying"):
        counts = back_up(options.store, options.target)
    if options.json:
        rows = [count.to_json() for count in counts]
        print_json({"backup": str(options.target), "records": rows})
    else:
        print_table(
            ["kind", "source", "records"],
            [[count.kind, count.source, count.records] for count in counts],
        )
        print_note(f"copied to {options.target}, its key too")
    return 0


def _retain(options: argparse.Namespace) -> int:
    from dataclasses import asdict
    from datetime import timedelta

    from toolkit.clock import SystemClock
    from toolkit.history import retain

    if not 1 <= options.days <= 36500:
        raise UsageError(f"`--days` must be 1 to 36500, got {options.days}")
    today = SystemClock().now().date()
    with progress("letting go"):
        done = retain(options.store, today - timedelta(days=options.days - 1))
    if options.json:
        print_json(asdict(done))
    else:
        rows = [[f"{kind} records", count] for kind, count in done.records.items()]
        print_table(["let go of", "count"], [*rows, ["hook events", done.events]])
        print_note(f"kept from {done.first_day} on")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from toolkit.history import check_version, migrate_store

    with progress("migrating"):
        before, done = migrate_store(options.store)
    after = check_version(options.store)
    if options.json:
        print_json(
            {
                "from": asdict(before),
                "to": asdict(after),
                "parts": done.partitions,
                "rows": done.rows,
            }
        )
    else:
        print_note(
            f"format {before.format}, schema {before.schema} -> format {after.format}, "
            f"schema {after.schema}; {done.partitions} parts written again"
        )
    return 0
