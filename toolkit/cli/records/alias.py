"""`toolkit records alias`: readable names for the projects and branches of a store."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.errors import UsageError

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit records`."""
    parser = verbs.add_parser(
        "alias",
        help="name a project or a branch, whose name records hold as a hash only",
        description="Without arguments, lists what there is. A project is given by its "
        "folder, a branch by its name, either by the hash that reports show. The name is "
        "kept in this store alone, and reports show it.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        metavar="WHAT",
        help="a project's folder, a branch with `--branch`, or a hash",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="what reports show")
    parser.add_argument("--branch", action="store_true", help="WHAT is a branch")
    parser.add_argument("--remove", action="store_true", help="forget the name")
    add_store_option(parser)
    add_json_option(parser)
    parser.set_defaults(command=_alias)


def _alias(options: argparse.Namespace) -> int:
    from toolkit.history import require_store

    require_store(options.store)
    if options.what is None:
        return _list(options)
    if (options.name is None) != options.remove:
        raise UsageError(
            "give `WHAT NAME`, or `WHAT --remove`; without either the names are listed"
        )
    hashed = _hash_of(options)
    from toolkit.history import write_alias

    write_alias(options.store, hashed, options.name)
    if options.json:
        print_json({"hash": hashed, "name": options.name})
    else:
        done = "has no name any more" if options.remove else f"is {options.name!r} now"
        print_note(f"{hashed} {done}")
    return 0


def _hash_of(options: argparse.Namespace) -> str:
    """Find the hash that is meant: one that records hold."""
    from toolkit.history import read_store
    from toolkit.records import keyed_hash, store_key

    kind = "branch" if options.branch else "project"
    known = [row["hash"] for row in _known(read_store(options.store), kind)]
    if options.what in known:
        return str(options.what)
    key = store_key(options.store)
    written = (
        [f"branch {options.what}"]
        if options.branch
        else [options.what, str(Path(options.what).expanduser().resolve())]
    )
    for name in written:
        if (hashed := keyed_hash(key, name)) in known:
            return hashed
    raise UsageError(
        f"no record is of the {kind} {options.what!r}; `toolkit records alias` lists the "
        f"{len(known)} that there are"
    )


def _known(dataset: Any, kind: str) -> list[dict[str, Any]]:
    """Count the turns and batches of every project or branch."""
    from toolkit.history import count_by

    return [
        {"kind": kind, "hash": hashed, "records": records}
        for hashed, records in count_by(dataset, kind).items()
    ]


def _list(options: argparse.Namespace) -> int:
    from toolkit.history import read_store, shown_names

    dataset = read_store(options.store)
    shown = shown_names(dataset)
    rows = [
        {**row, "name": name if (name := shown(row["hash"])) != row["hash"] else None}
        for kind in ("project", "branch")
        for row in _known(dataset, kind)
    ]
    if options.json:
        print_json({"aliases": rows})
    else:
        print_table(
            ["kind", "hash", "name", "turns and batches"],
            [[r["kind"], r["hash"], r["name"] or "-", r["records"]] for r in rows],
        )
    return 0
