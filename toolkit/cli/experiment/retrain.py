"""`toolkit experiment retrain`: close the loop, once or from a timer."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.bundled import bundled
from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.experiments.promotion import Retraining
    from toolkit.history import Place

__all__ = [
    "SPEC",
    "add_models_option",
    "add_release_options",
    "add_verb",
    "models_home",
    "show_answer",
]

SPEC = "experiments/001-batch-size/spec.toml"
"""It travels with an installation."""


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit experiment`."""
    parser = verbs.add_parser(
        "retrain",
        help="train a challenger on all records; let it replace the champion if it may",
        epilog="exit codes: 0 promoted or nothing new, 4 refused or locked, "
        "5 not enough data, 6 the world has changed and nothing better was found",
    )
    add_release_options(parser)
    parser.set_defaults(command=retrain)


def add_release_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a verb that asks the gate on a store's records."""
    add_store_option(parser, reads=True)
    add_models_option(parser)
    parser.add_argument(
        "--spec",
        type=local,
        metavar="SPEC",
        help=f"a spec.toml (default: {SPEC}, which is installed too)",
    )
    add_json_option(parser)


def add_models_option(parser: argparse.ArgumentParser) -> None:
    """Add `--models DIR`."""
    parser.add_argument(
        "--models",
        type=local,
        metavar="DIR",
        help="where releases are kept (default: `models` in the store; needed where the "
        "store is on object storage, which is only read)",
    )


def show_answer(answer: "Retraining", *, as_json: bool) -> None:
    """Print who serves now, and why."""
    if as_json:
        print_json(answer.to_json())
    else:
        print_note(f"{answer.outcome}; champion: {answer.champion or 'the rule'}")
        if answer.promotion is not None:
            print_note(answer.promotion.reason)


def models_home(store: "Place", name: str, models: Path | None = None) -> Path:
    """Folder of a model's releases; `current` in it is what a runtime loads.

    Raises
    ------
    UsageError
        The store is on object storage, and no folder is named.
    """
    if models is not None:
        return models / name
    if not isinstance(store, Path):
        raise UsageError(f"{store} is only read; say where models go: `--models DIR`")
    return store / "models" / name


def retrain(options: argparse.Namespace) -> int:
    """Retrain, and end with the gate's answer."""
    from toolkit.cli.model.advice import advice_of
    from toolkit.clock import SystemClock
    from toolkit.experiments.promotion import Releases
    from toolkit.experiments.promotion import retrain as run
    from toolkit.experiments.training import read_spec
    from toolkit.history import open_store, read_store

    spec = read_spec(options.spec or bundled(SPEC))
    read_store(options.store)  # a mistyped name is refused, not made
    home = models_home(options.store, spec.bundle.name, options.models)
    releases = Releases(home)
    with (
        progress("retraining") as shown,
        open_store(options.store, report=shown) as store,
    ):
        answer = run(
            spec,
            store,
            releases,
            now=SystemClock().now(),
            report=shown,
            dress=advice_of,
        )
    show_answer(answer, as_json=options.json)
    _end(answer)
    return 0


def _end(answer: "Retraining") -> None:
    from toolkit.errors import DriftError

    if answer.outcome in ("promoted", "no new records"):
        return
    drift = answer.drift
    if answer.outcome == "demoted" or (drift is not None and drift.columns):
        columns = [] if drift is None else [moved.column for moved in drift.columns]
        cause = "work" if drift is None or drift.cause is None else drift.cause
        raise DriftError(
            f"the {cause} has changed since training "
            f"({', '.join(columns) or 'its costs'}); champion: "
            f"{answer.champion or 'the rule'}"
        )
    if answer.promotion is not None:
        answer.promotion.require()
