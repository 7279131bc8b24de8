"""`toolkit experiment suite`: keep the promises of the learner on made-up tables."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_verb", "suite"]

FIRST = 10_000


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = subparsers.add_parser(
        "suite",
        help="grade decisions on made-up tables and list broken promises",
        description="Draws tables whose true costs are known, holds a third of the groups "
        "of each out, and compares the learned answer with the rule, the best constant "
        "and own runs alone. Seeds from 10000 on are for grading.",
    )
    parser.add_argument(
        "--count", type=int, default=200, metavar="N", help="tables (default: 200)"
    )
    parser.add_argument(
        "--first", type=int, default=FIRST, metavar="SEED", help="default: 10000"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("work/suite.jsonl"),
        metavar="FILE",
        help="where graded tables are kept, to resume from (default: work/suite.jsonl)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=suite)


def suite(options: argparse.Namespace) -> int:
    """Grade and print."""
    from toolkit.cli.output import print_json, print_note, print_text
    from toolkit.errors import UsageError
    from toolkit.studies.benchmark import run_suite, suite_report

    if options.count < 1 or options.first < 0:
        raise UsageError(
            f"--count must be at least 1 and --first at least 0; got {options.count}, "
            f"{options.first}"
        )
    seeds = range(options.first, options.first + options.count)
    figures = suite_report(run_suite(seeds, options.work, print_note))
    if options.json:
        print_json(figures)
        return 0
    for line, slowdown in figures["mean_slowdown"].items():
        print_text(f"{line:<20} {slowdown:.3f}x")
    for entry in figures["broken"]:
        print_text(f"table {entry['seed']}: {entry['promise']} was not kept")
    print_text(
        f"{figures['share_broken']:.1%} of {figures['tables']} tables broke a promise"
    )
    return 0
