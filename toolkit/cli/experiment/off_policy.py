"""`toolkit experiment worlds`: hold off-policy evaluation and the gate to their word."""

import argparse
from typing import Any

from toolkit.cli.experiment.folder import add_folder_verb
from toolkit.cli.output import print_text

__all__ = ["add_verb"]


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = add_folder_verb(
        subparsers,
        "worlds",
        summary="simulate logs and A/A comparisons of known truth, score the estimators",
        description="Runs spec.toml of a folder and writes its results.json; resumes, "
        "so that a finished folder is only reported.",
    )
    parser.add_argument("--worlds", type=int, help="simulate this many instead")
    parser.set_defaults(command=worlds)


def worlds(options: argparse.Namespace) -> int:
    """Run what is missing from the results and print them."""
    from dataclasses import replace

    from toolkit.cli.output import print_json, print_note
    from toolkit.cli.progress import progress
    from toolkit.errors import UsageError
    from toolkit.studies.off_policy import (
        plot_worlds,
        read_worlds_spec,
        run_worlds,
        summary,
    )

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
    if options.plot is not None:
        plot_worlds(found, options.plot)
        print_note(f"the plot is {options.plot}")
    if options.json:
        print_json({**found, "summary": summary(found)})
    else:
        _print(found)
        _print_promises(summary(found))
    return 0


def _print(found: dict[str, Any]) -> None:
    from toolkit.cli.output import print_table
    from toolkit.studies.off_policy import doubly_robust_cells, equal_rates

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
                cell["table"],
                cell["scenario"],
                f"{100 * cell['refused']:.1f} %",
                cell["quantity"],
                cell["model"],
                f"{cell['bias']:+.4f} +- {cell['bias_error']:.4f}",
                f"{cell['coverage']:.3f}",
                f"{cell['claims']:.3f}" if cell["quantity"] == "difference" else "",
            ]
            for cell in doubly_robust_cells(found)
        ],
    )
    print_text()
    print_table(
        ["equal challengers", "worlds", "promoted", "refused", "not enough data"],
        [
            [r["name"], r["worlds"], r["promoted"], r["refused"], r["not_enough_data"]]
            for r in equal_rates(found)
        ],
    )
    if "gate power" in found["parts"]:
        print_text()
        _print_power(found["parts"]["gate power"], found["spec"]["rules"]["power"])


def _print_power(gate: dict[str, Any], power: float) -> None:
    """Print the share promoted by gain and records, and the records that are needed."""
    from toolkit.cli.output import print_table

    shares = {
        (rate["gain"], rate["records"]): rate["promoted"] / rate["worlds"]
        for rate in gate["rates"]
    }
    gains = sorted({gain for gain, _ in shares})
    records = sorted({count for _, count in shares})
    print_table(
        [
            "promoted at a gain of",
            *(f"{count} records" for count in records),
            f"records for {100 * power:.0f} % power",
        ],
        [
            [
                f"{gain:g}" if gain else "0 (A/A)",
                *(f"{100 * shares[gain, count]:.1f} %" for count in records),
                (gate["records_needed"][f"{gain:g}"] or "not reached") if gain else "",
            ]
            for gain in gains
        ],
    )


def _print_promises(found: dict[str, Any]) -> None:
    """Say what held and name what did not."""
    print_text()
    for name in ("off_policy", "drift"):
        kept = found[name]
        if not kept["cells"]:
            continue
        low, high = kept["coverage"]
        print_text(
            f"{name.replace('_', '-')}: {kept['cells']} cells; bias beyond 0.01 and its "
            f"error in {len(kept['biased'])}; coverage {100 * low:.1f} to "
            f"{100 * high:.1f} %, outside 93 to 97 % in {len(kept['coverage_outside'])}"
            + (
                f"; false claims at most {100 * kept['claims']:.1f} %"
                if kept["claims"] is not None
                else ""
            )
        )
        for figure in ("biased", "coverage_outside", "false_claims"):
            for cell in kept[figure]:
                *where, value = cell.values()
                print_text(
                    f"  {figure.replace('_', ' ')}: {', '.join(where)}: {value:+.3f}"
                )
    if (equal := found["equal_challengers"]) is not None:
        print_text(
            f"gate: at most {equal['most_promoted']} of {equal['worlds']} equal "
            f"challengers promoted (limit {equal['limit']}), in {equal['designs']} "
            f"designs; most in {equal['where']}"
        )
