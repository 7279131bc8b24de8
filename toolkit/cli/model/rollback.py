"""`toolkit model rollback`: back to the version before."""

import argparse
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.experiment.retrain import add_models_option, models_home
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit model`."""
    parser = verbs.add_parser(
        "rollback", help="go back to the version before the champion"
    )
    add_store_option(parser, reads=True)
    add_models_option(parser)
    parser.add_argument("--name", default="batch-size", help="registered model")
    add_json_option(parser)
    parser.set_defaults(command=rollback)


def rollback(options: argparse.Namespace) -> int:
    """Swap champion and the version before; a runtime finds it at its next look."""
    from toolkit.cli.model.advice import advice_of
    from toolkit.experiments.promotion import Releases, roll_back
    from toolkit.history import require_store

    home = models_home(options.store, options.name, options.models)
    require_store(options.store if options.models is None else options.models)
    releases = Releases(home)
    state = roll_back(releases, options.name, dress=advice_of)
    answer = {"champion": state.champion, "previous": state.previous}
    if options.json:
        print_json(answer)
    else:
        print_note(f"champion: {state.champion or 'the rule'}")
    return 0
