"""`toolkit records price`: computes the money of a store again, from its tokens."""

import argparse
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.progress import progress

__all__ = ["add_verb"]


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit records`."""
    parser = verbs.add_parser(
        "price",
        help="price every turn again with the installed price list",
        description="Each turn is priced from its tokens by the list prices of its day. "
        "Costs that a client recorded are not touched. Nothing is fetched: install "
        "another `genai-prices` for other prices.",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would change, and write nothing",
    )
    add_store_option(parser)
    add_json_option(parser)
    parser.set_defaults(command=_price)


def _price(options: argparse.Namespace) -> int:
    from toolkit.errors import MissingExtraError
    from toolkit.history import installed_prices, reprice_store

    book = installed_prices()
    if book is None:
        raise MissingExtraError("list prices", "money")
    with progress("pricing") as shown:
        done = reprice_store(
            options.store, book, dry_run=options.dry_run, progress=shown
        )
    if options.json:
        print_json(done.to_json())
        return 0
    print_table(
        ["what", "value"],
        [
            ["turns", f"{done.turns:,}"],
            ["priced", f"{done.priced:,}"],
            ["changed", f"{done.changed:,}"],
            ["money before", f"{done.before_usd:,.2f} $"],
            ["money now", f"{done.after_usd:,.2f} $"],
            *([f"without a price: {name}", n] for name, n in done.unpriced.items()),
        ],
    )
    written = "written" if done.written else "nothing is written"
    print_note(f"prices of {done.basis}; {written}")
    return 0
