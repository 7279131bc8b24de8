"""`toolkit experiment swarm`: real workers by fixed sizes and by the embedded optimizer."""

import argparse
from itertools import product
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.places import local

__all__ = ["add_verb"]


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    text = "run a swarm of real processes by fixed batch sizes and by the optimizer"
    parser = subparsers.add_parser("swarm", help=text, description=text)
    parser.add_argument(
        "folder", type=local, metavar="FOLDER", help="holds spec.toml and results.json"
    )
    parser.add_argument(
        "--out", type=local, metavar="FILE", help="results (default: in the folder)"
    )
    add_json_option(parser)
    parser.set_defaults(command=swarm)


def swarm(options: argparse.Namespace) -> int:
    """Run the swarms and print how they compare."""
    from toolkit.cli.output import print_json, print_table
    from toolkit.cli.progress import progress
    from toolkit.studies.swarm import read_swarm_spec, run_swarm_study

    spec = read_swarm_spec(options.folder / "spec.toml")
    with progress("swarms") as shown:
        found = run_swarm_study(
            spec, results=options.out or options.folder / "results.json", report=shown
        )
    if options.json:
        print_json(found)
        return 0
    rows: list[list[object]] = []
    for each, which in product(found["classes"], ("achieved", "expected")):
        kind = each[which]
        arms = {f"size {size}": cost for size, cost in kind["costs"].items()}
        arms["size 8 again"] = kind["floor"]
        for arm in ("adapted", "exploring"):
            arms[arm] = kind[arm]["whole"]
            arms[f"{arm}, second half"] = kind[arm]["second_half"]
        rows += [
            [
                f"{each['failures']:.0%}",
                which,
                arm,
                f"{cost['percent']:+.1f} %",
                f"{cost['low']:+.1f} to {cost['high']:+.1f} %",
            ]
            for arm, cost in arms.items()
        ]
    print_table(["failures", "count", "arm", "cost against the rule", "95 %"], rows)
    return 0
