"""`toolkit experiment controllers`: race online controllers, the rule and a learner."""

import argparse
from math import expm1
from typing import Any

from toolkit.cli.experiment.folder import add_folder_verb

__all__ = ["add_verb"]


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = add_folder_verb(
        subparsers,
        "controllers",
        summary="race online controllers beside the rule and a learned policy",
        description="Runs spec.toml of a folder and writes its results.json.",
    )
    parser.set_defaults(command=controllers)


def controllers(options: argparse.Namespace) -> int:
    """Run the races and print them."""
    from dataclasses import replace

    from toolkit.cli.output import print_json, print_note
    from toolkit.cli.progress import progress
    from toolkit.errors import UsageError
    from toolkit.studies.controllers import (
        plot_controllers,
        read_controllers_spec,
        run_controllers,
    )

    spec = read_controllers_spec(options.folder / "spec.toml")
    if options.table is not None:
        if options.out is None:
            raise UsageError("`--table` departs from spec.toml; give `--out FILE`")
        spec = replace(spec, tables=tuple(options.table))
    with progress("races") as shown:
        found = run_controllers(
            spec,
            tables=options.tables,
            results=options.out or options.folder / "results.json",
            report=shown,
        )
    if options.plot is not None:
        plot_controllers(found, options.plot)
        print_note(f"the plot is {options.plot}")
    if options.json:
        print_json(found)
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    from toolkit.cli.output import print_table, print_text

    print_table(
        ["table", "runner", "whole run", "last third", "against the rule", "95 %"],
        [
            [
                each["table"],
                runner["name"],
                _percent(runner["whole"]["estimate"]),
                _percent(runner["settled"]["estimate"]),
                _percent(runner["against_rule"]["estimate"]),
                f"{_percent(runner['against_rule']['low'])} to "
                + _percent(runner["against_rule"]["high"]),
            ]
            for each in found["races"]
            for runner in each["runners"]
        ],
    )

    if "optimizer" in found:
        print_text()
        print_table(
            [
                "optimizer",
                "failures",
                "contexts",
                "against the rule, whole run",
                "95 %",
                "against the best rung, second half",
                "95 %",
            ],
            [_race_row(each) for each in found["optimizer"]],
        )


def _race_row(each: dict[str, Any]) -> list[str]:
    run, rung = each["against_rule"], each["against_best_rung"]
    on = "bundle" if each["bundle"] else "rules"
    met = "one for all" if each["shared"] else "one a context"
    return [
        f"{on}, {met}, {each['explore']:.0%} drawn",
        each["failures"],
        str(each["contexts"]),
        _percent(run["estimate"]),
        f"{_percent(run['low'])} to {_percent(run['high'])}",
        f"{_percent(rung['estimate'])} ({each['best_rung']})",
        f"{_percent(rung['low'])} to {_percent(rung['high'])}",
    ]


def _percent(log_ratio: float) -> str:
    return f"{100 * expm1(min(log_ratio, 50.0)):+.1f} %"
