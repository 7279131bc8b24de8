"""`toolkit model promote`: put a kept version in force, if the gate lets it through."""

import argparse
from typing import Any

from toolkit.cli.bundled import bundled
from toolkit.cli.experiment.retrain import (
    SPEC,
    add_release_options,
    models_home,
    show_answer,
)

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit model`."""
    parser = verbs.add_parser(
        "promote",
        help="put the latest challenger, or a kept version, in force through the gate",
        epilog="exit codes: 0 promoted or in force already, 4 refused or locked, "
        "5 not enough data to tell",
    )
    parser.add_argument(
        "version", nargs="?", metavar="VERSION", help="default: the latest challenger"
    )
    add_release_options(parser)
    parser.set_defaults(command=promote)


def promote(options: argparse.Namespace) -> int:
    """Ask the gate on today's records, and end with its answer."""
    from toolkit.cli.model.advice import advice_of
    from toolkit.experiments.promotion import Releases
    from toolkit.experiments.promotion import promote as run
    from toolkit.experiments.training import read_spec
    from toolkit.history import open_store, read_store

    spec = read_spec(options.spec or bundled(SPEC))
    read_store(options.store)  # a mistyped name is refused, not made
    home = models_home(options.store, spec.bundle.name, options.models)
    releases = Releases(home)
    with open_store(options.store) as store:
        answer = run(spec, store, releases, version=options.version, dress=advice_of)
    show_answer(answer, as_json=options.json)
    if answer.promotion is not None:
        answer.promotion.require()
    return 0
