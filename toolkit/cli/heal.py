"""`toolkit heal`: a demonstration, a watch over a live spool, the chaos experiment."""

import argparse
import json
from pathlib import Path

from toolkit.cli.output import print_json, print_note, print_table

__all__ = ["add_parser"]


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("heal", help="heal a swarm, or watch one")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    chaos = verbs.add_parser(
        "chaos", help="inject faults into real processes and measure the healing"
    )
    chaos.add_argument("spec", type=Path, help="an experiment's spec.toml")
    chaos.add_argument("--json", action="store_true", help="one object on stdout")
    chaos.set_defaults(command=_chaos)


def _chaos(options: argparse.Namespace) -> int:
    from toolkit.cli.chaos import read_spec, run_study
    from toolkit.cli.progress import progress

    spec = read_spec(options.spec)
    folder = options.spec.parent
    with progress("chaos") as shown:
        results = run_study(spec, folder / "runs", say=shown)
    target = folder / "results.json"
    target.write_text(json.dumps(results, indent=2) + "\n")
    if options.json:
        print_json(results)
    else:
        _print_summary(results["summary"])
    print_note(f"wrote {target}")
    return 0


def _print_summary(summary: dict[str, dict[str, dict[str, object]]]) -> None:
    header = [
        "healer",
        "faults",
        "healed",
        "95 %",
        "false heals",
        "95 %",
        "lost",
        "twice",
    ]
    rows = []
    for healer, tables in summary.items():
        faults, controls = tables["faults"], tables["controls"]
        healed, false = faults["healed"], controls["false_heals"]
        rows.append(
            [
                healer,
                faults["episodes"],
                *_cells(healed),
                *_cells(false),
                faults["tasks_lost"],
                faults["tasks_done_twice"],
            ]
        )
    print_table(header, rows)


def _cells(share: object) -> list[str]:
    if not isinstance(share, dict) or share["share"] is None:
        return ["no data", ""]
    return [f"{share['share']:.1%}", f"{share['low']:.1%} to {share['high']:.1%}"]
