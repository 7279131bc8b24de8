"""`toolkit experiment suite`: keep the promises of the learner on made-up tables."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.places import local

__all__ = ["add_verb", "suite"]


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = subparsers.add_parser(
        "suite",
        help="grade decisions on made-up tables and list broken promises",
        description="Draws the tables of a folder's spec.toml, whose true costs are known, "
        "learns from each and compares what is decided for unseen groups with the rule, "
        "the best constant and own runs alone. Writes results.json.",
    )
    parser.add_argument("folder", type=local, help="folder with spec.toml")
    parser.add_argument("--out", type=local, help="write here instead of results.json")
    parser.add_argument(
        "--work",
        type=local,
        default=Path("work/suite.jsonl"),
        metavar="FILE",
        help="where graded tables are kept, to resume from (default: work/suite.jsonl)",
    )
    add_json_option(parser)
    parser.set_defaults(command=suite)


def suite(options: argparse.Namespace) -> int:
    """Grade, write and print."""
    from toolkit.cli.output import print_json, print_note, print_text
    from toolkit.experiments.training import write_results
    from toolkit.studies.benchmark import read_suite_spec, run_suite, suite_report

    spec = read_suite_spec(options.folder / "spec.toml")
    figures = suite_report(run_suite(spec, options.work, print_note))
    write_results(options.out or options.folder / "results.json", figures)
    if options.json:
        print_json(figures)
        return 0
    for line, slowdown in figures["mean_slowdown"].items():
        print_text(f"{line:<20} {slowdown:.3f}x")
    for entry in figures["broken"]:
        noise = "" if entry["shown"] else ", within the noise of the grading"
        print_text(f"table {entry['seed']}: {entry['promise']} was not kept{noise}")
    print_text(
        f"{figures['share_broken']:.1%} of {figures['tables']} tables broke a promise, "
        f"{figures['share_shown_broken']:.1%} beyond the noise of the grading "
        f"(floor: {figures['share_broken_knowing_the_law']:.1%} with the law known, "
        f"{figures['share_in_doubt']:.1%} of verdicts in doubt); "
        f"intervals hold {figures['coverage_over_groups']:.1%} over groups, "
        f"{figures['share_of_groups_under_80']:.1%} of groups under 80 %"
    )
    return 0
