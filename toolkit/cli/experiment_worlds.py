"""`toolkit experiment worlds`: hold off-policy evaluation and the gate to their word."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_verb"]


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = subparsers.add_parser(
        "worlds",
        help="simulate logs and A/A comparisons of known truth, score the estimators",
        description="Runs spec.toml of a folder and writes its results.json; resumes.",
    )
    parser.add_argument("folder", type=Path, help="folder with spec.toml")
    parser.add_argument("--tables", type=Path, help="directory of decision tables")
    parser.add_argument("--worlds", type=int, help="simulate this many instead")
    parser.add_argument(
        "--table",
        action="append",
        help="run only this FILE:COST of the spec now; repeat",
    )
    parser.add_argument("--out", type=Path, help="write here instead of results.json")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=worlds)


def worlds(options: argparse.Namespace) -> int:
    """Run what is missing from the results and print them."""
    from dataclasses import replace

    from toolkit.cli.output import print_json
    from toolkit.cli.progress import progress
    from toolkit.errors import UsageError
    from toolkit.experiments.worlds_run import read_worlds_spec, run_worlds

    spec = read_worlds_spec(options.folder / "spec.toml")
    if options.worlds is not None:
        if options.out is None:
            raise UsageError(
                "`--worlds` departs from spec.toml; give `--out FILE` so that "
                "results.json stays what the specification says"
            )
        if options.worlds < 2:
            raise UsageError(f"`--worlds` must be at least 2 (got {options.worlds})")
        spec = replace(spec, worlds=options.worlds)
    with progress("worlds") as shown:
        found = run_worlds(
            spec,
            tables=options.tables,
            results=options.out or options.folder / "results.json",
            report=shown,
            only=options.table or (),
        )
    if options.json:
        print_json(found)
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    from toolkit.cli.output import print_table

    scenarios = [
        each
        for name, part in found["parts"].items()
        if name.startswith("off-policy ")
        for each in part
    ]
    print_table(
        [
            "table",
            "scenario",
            "refused",
            "quantity",
            "model",
            "bias",
            "coverage",
            "claims",
        ],
        [
            [
                each["table"],
                each["scenario"],
                each["refused"],
                score["quantity"],
                score["model"],
                f"{score['bias']:+.4f} +- {score['bias_error']:.4f}",
                f"{score['coverage']:.3f}",
                f"{score['claims']:.3f}" if score["quantity"] == "difference" else "",
            ]
            for each in scenarios
            for score in each["scores"]
            if score["estimator"] == "dr"
        ],
    )
    print()
    rates = [
        rate
        for name, part in found["parts"].items()
        if name.startswith("gate ")
        for rate in (part["rates"] if isinstance(part, dict) else part)
    ]
    print_table(
        ["gate", "worlds", "promoted", "refused", "not enough data"],
        [
            [r["name"], r["worlds"], r["promoted"], r["refused"], r["not_enough_data"]]
            for r in rates
        ],
    )
