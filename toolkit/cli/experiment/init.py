"""`toolkit experiment init`: a commented specification in a new folder."""

import argparse
import json
from pathlib import Path
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import local

__all__ = ["add_verb"]

QUESTIONS = {
    "batch_size": "Which batch size costs the fewest seconds per successful operation?",
    "agent_count": "How many agents does a task need?",
}


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit experiment`."""
    parser = verbs.add_parser(
        "init", help="write a commented spec.toml, and its JSON Schema for editors"
    )
    parser.add_argument(
        "folder",
        type=local,
        metavar="DIR",
        help="made if need be; names the experiment",
    )
    parser.add_argument(
        "--decision",
        choices=tuple(QUESTIONS),
        default="batch_size",
        help="(default: %(default)s)",
    )
    add_json_option(parser)
    parser.set_defaults(command=init)


def init(options: argparse.Namespace) -> int:
    """Write the two files; one that is there stays as it is.

    Raises
    ------
    UsageError
        The folder has a specification, or its name is none for an experiment.
    """
    from toolkit.errors import UsageError
    from toolkit.experiments.training import (
        SCHEMA_NAME,
        read_spec,
        spec_schema,
        spec_text,
    )

    folder: Path = options.folder
    spec = folder / "spec.toml"
    if spec.exists():
        raise UsageError(f"{spec} is there already; name another folder")
    name = "".join(
        c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name
    )
    text = spec_text(
        name.strip("-")[:64] or "experiment",
        decision=options.decision,
        question=QUESTIONS[options.decision],
    )
    folder.mkdir(parents=True, exist_ok=True)
    spec.write_text(text, encoding="utf-8")
    read_spec(spec)
    schema = json.dumps(spec_schema(), indent=2) + "\n"
    (folder / SCHEMA_NAME).write_text(schema, encoding="utf-8")
    if options.json:
        print_json({"spec": spec, "schema": folder / SCHEMA_NAME})
    else:
        print_note(f"wrote {spec}; run it: toolkit experiment run {spec} --store DIR")
    return 0
