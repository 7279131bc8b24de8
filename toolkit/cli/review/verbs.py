"""`toolkit review`: reads the logs of every agent found, and prints one screen."""

import argparse
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.engine_option import add_engine_options, chosen_spark
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.cli.review.replay import add_replay
from toolkit.cli.seed_option import add_seed_option
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.history import Spark
    from toolkit.review import Review

__all__ = ["add_parser"]

SPLITS = (
    "project",
    "branch",
    "host",
    "model",
    "client",
    "week",
    "agent",
    "operation",
)

ANSWERS = ("compare", "explain", "advice", "html")
"""Options that answer in place of the screen."""


def add_parser(subparsers: Any) -> None:
    """Add the noun `review`."""
    parser = subparsers.add_parser(
        "review",
        help="what batch sizes and agents cost, and what would have been cheaper",
        description="Finds the logs of every coding agent on this machine, imports what "
        "is new, and prints what was spent, what batching could have saved (two bounds), "
        "what agents brought, and what cannot be said.",
    )
    add_store_option(parser, reads=True)
    parser.add_argument(
        "--no-import", action="store_true", help="review the store as it is"
    )
    parser.add_argument(
        "--since", type=_day, metavar="DAY", help="from this day on (YYYY-MM-DD, UTC)"
    )
    parser.add_argument(
        "--until", type=_day, metavar="DAY", help="before this day (YYYY-MM-DD, UTC)"
    )
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        choices=SPLITS,
        help="split the spending; may be given several times",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare two parts: days (2026-01..2026-02), weeks, `model=NAME`, "
        "`client=NAME`, `project=NAME`",
    )
    parser.add_argument("--html", type=local, metavar="FILE", help="write the report")
    parser.add_argument(
        "--explain", metavar="FIGURE", help="list the records behind one figure"
    )
    parser.add_argument(
        "--advice", action="store_true", help="print rules for CLAUDE.md or AGENTS.md"
    )
    add_seed_option(parser)
    add_engine_options(parser)
    add_json_option(parser)
    parser.set_defaults(command=_review)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    add_replay(verbs)


def _day(text: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"not a day: {text!r} (write it as 2026-01-31)"
        ) from error


def _review(options: argparse.Namespace) -> int:
    asked = [f"--{name}" for name in ANSWERS if getattr(options, name)]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} are answers of their own; ask for one")
    spark = chosen_spark(options)
    if not isinstance(options.store, Path):
        if not options.no_import:
            print_note(f"{options.store} is only read: nothing is imported into it")
    elif not options.no_import:
        _import_new(options.store)
    found = _reviewed(options, spark)
    if options.compare:
        return _compare(options, found)
    if options.explain:
        return _explain(options, found)
    if options.advice:
        return _advise(options, found)
    if options.html is not None:
        _write_html(options.html, found)
    if options.json:
        print_json(found.to_json() | _splits(options, found))
    elif options.html is None:
        from toolkit.review import render_text

        print_text(render_text(found, by=options.by).rstrip("\n"))
    return 0


def _import_new(store: Path) -> None:
    """Import what the agents of this machine logged, where any is found."""
    from toolkit.cli.records.auto import found_logs, import_logs

    logs = found_logs()
    if not logs:
        print_note("no logs of a coding agent are found; reviewing the store as it is")
        return
    for name, report in import_logs(logs, store).items():
        if report.added:
            print_note(f"{name}: {report.added:,} new records")


def _reviewed(options: argparse.Namespace, spark: "Spark | None") -> "Review":
    from toolkit.history import read_store
    from toolkit.review import review

    with progress("reviewing") as shown:
        return review(
            read_store(options.store, report=shown),
            since=options.since,
            until=options.until,
            seed=options.seed,
            spark=spark,
        )


def _splits(options: argparse.Namespace, found: "Review") -> dict[str, Any]:
    from toolkit.review import spending_by

    if not options.by:
        return {}
    return {
        "by": {
            dimension: {
                name: {
                    figure.name.rsplit(".", 1)[-1]: figure.to_json()
                    for figure in spent.figures
                }
                for name, spent in spending_by(found.facts, dimension).items()
            }
            for dimension in options.by
        }
    }


def _explain(options: argparse.Namespace, found: "Review") -> int:
    figure = found.explain(options.explain)
    if options.json:
        print_json(figure.explain())
        return 0
    print_text(f"{figure.name} = {figure.value:,.6g} {figure.unit}")
    print_text(figure.how)
    print_text(f"{len(figure.records)} records:")
    for record in figure.records:
        print_text(record)
    return 0


def _advise(options: argparse.Namespace, found: "Review") -> int:
    from toolkit.review import rules

    lines = rules(found)
    if options.json:
        print_json({"rules": lines})
    else:
        print_text("\n".join(lines))
    return 0


def _compare(options: argparse.Namespace, found: "Review") -> int:
    import numpy as np

    from toolkit.review import compare, render_comparison

    rows = compare(
        found.facts, *options.compare, rng=np.random.default_rng(options.seed)
    )
    if options.json:
        print_json({"compare": [row.to_json() for row in rows]})
    else:
        print_text(render_comparison(rows, *options.compare).rstrip("\n"))
    return 0


def _write_html(target: Path, found: "Review") -> None:
    from toolkit.records import replace_file
    from toolkit.review import render_html

    with progress("drawing"):
        page = render_html(found)
    replace_file(target, page.encode("utf-8"))
    print_note(f"written: {target}")
