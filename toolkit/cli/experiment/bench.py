"""`toolkit experiment bench`: grade decisions on tables whose best action is known."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_table, print_text
from toolkit.cli.places import local

if TYPE_CHECKING:
    from toolkit.models import DecisionTable
    from toolkit.policies import Constraint
    from toolkit.studies.benchmark import TableGrades

__all__ = ["add_verb", "bench"]

SHOWN = ("rule", "best constant", "simple ensemble")


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    parser = subparsers.add_parser(
        "bench",
        help="grade decisions on tables whose best action is known",
        description="Holds out one group at a time of every table and cost in DIR, and "
        "grades rule, constants, model families, the exported policy and own runs.",
    )
    parser.add_argument("directory", type=local, metavar="DIR", help="decision tables")
    parser.add_argument(
        "--table", action="append", metavar="NAME[:COST]", help="only this one; repeat"
    )
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="default: 0")
    parser.add_argument(
        "--quick", action="store_true", help="light members, few groups: a smoke test"
    )
    parser.add_argument(
        "--work",
        type=local,
        default=Path("work/bench"),
        metavar="DIR",
        help="where finished tables are kept, to resume from (default: work/bench)",
    )
    parser.add_argument(
        "--spec",
        type=local,
        metavar="FILE",
        help="TOML with `seeds`, `tables` and `constraints`; options come before it",
    )
    parser.add_argument(
        "--constraint",
        type=_constraint,
        action="append",
        default=[],
        metavar="COST=LIMIT@PROBABILITY",
        help="another cost of the same file that answers must keep: money=5@0.9; repeat",
    )
    parser.add_argument(
        "--efficiency",
        action="store_true",
        help="also: records until better than the rule, and than the best constant",
    )
    parser.add_argument(
        "--out", type=local, metavar="FILE", help="write the figures here"
    )
    parser.add_argument(
        "--plot", type=local, metavar="FILE", help="draw a .png or .svg"
    )
    add_json_option(parser)
    parser.set_defaults(command=bench)


def _constraint(text: str) -> "Constraint":
    """Read a constraint as it is typed.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.
    """
    from toolkit.policies import Constraint

    name, _, asked = text.partition("=")
    limit, _, probability = asked.partition("@")
    try:
        made = Constraint(
            name=name, at_most=float(limit), probability=float(probability)
        )
    except ValueError:
        made = None
    if made is None or not (made.at_most > 0 and 0.5 <= made.probability < 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no constraint; write COST=LIMIT@PROBABILITY, as money=5@0.9"
        )
    return made


def bench(options: argparse.Namespace) -> int:
    """Grade, write and print."""
    import json

    from toolkit.cli.output import print_json, print_note
    from toolkit.experiments.tables import read_decision_tables
    from toolkit.studies.benchmark import report

    if options.spec is not None:
        _apply_spec(options)
    options.seeds = options.seeds or [0]
    tables = _selected(read_decision_tables(options.directory), options.table)
    results = [
        grades for seed in options.seeds for grades in _graded(tables, seed, options)
    ]
    figures = report(results, seed=options.seeds[0])
    if options.efficiency:
        figures["sample_efficiency"] = _efficiency(tables, options)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures, indent=1, allow_nan=False)
        options.out.write_text(text + "\n", encoding="utf-8")
        print_note(f"figures are in {options.out}")
    if options.plot is not None:
        from toolkit.studies.benchmark import plot_report

        plot_report(figures, options.plot)
        print_note(f"the plot is {options.plot}")
    if options.json:
        print_json(figures)
    else:
        _print(figures)
    return 0


def _apply_spec(options: argparse.Namespace) -> None:
    """Take from a file what no option says.

    Raises
    ------
    InputDataError
        The file is not TOML, or holds something else.
    """
    import tomllib

    from toolkit.errors import InputDataError
    from toolkit.records import read_given

    try:
        spec = tomllib.loads(read_given(options.spec).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise InputDataError(
            f"not readable TOML: {error}", file=options.spec
        ) from error
    for name in spec:
        if name not in ("seeds", "tables", "constraints"):
            raise InputDataError(
                "unknown key",
                file=options.spec,
                field=name,
                fix="use seeds, tables, constraints",
            )
    options.seeds = options.seeds or [int(seed) for seed in spec.get("seeds", [])]
    options.table = options.table or spec.get("tables")
    try:
        options.constraint += [
            _constraint(f"{name}={each['at_most']}@{each['probability']}")
            for name, each in spec.get("constraints", {}).items()
        ]
    except (argparse.ArgumentTypeError, AttributeError, KeyError, TypeError) as error:
        raise InputDataError(
            "not constraints",
            file=options.spec,
            field="constraints",
            fix="write money = {at_most = 5, probability = 0.9}",
        ) from error


def _graded(
    tables: "list[DecisionTable]", seed: int, options: argparse.Namespace
) -> "list[TableGrades]":
    from toolkit.cli.output import print_note
    from toolkit.clock import SystemClock
    from toolkit.studies.benchmark import BenchSettings, graded

    settings = BenchSettings(
        seed=seed,
        quick=options.quick,
        created_at=SystemClock().now(),
        constraints=tuple(options.constraint),
    )
    return list(graded(tables, settings, options.work, print_note))


def _efficiency(
    tables: "list[DecisionTable]", options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure each table once; what an earlier run finished is read back."""
    import json

    from toolkit.cli.output import print_note
    from toolkit.clock import SystemClock
    from toolkit.records import read_given
    from toolkit.studies.benchmark import (
        BenchSettings,
        fingerprint,
        sample_efficiency,
    )

    seed = options.seeds[0]
    settings = BenchSettings(
        seed=seed, quick=options.quick, created_at=SystemClock().now()
    )
    found = []
    for table in tables:
        path = options.work / f"efficiency-{fingerprint(table, settings)}.json"
        if not path.exists():
            measured = sample_efficiency(
                table, settings.ensemble(table), seed=seed, progress=print_note
            )
            path.write_text(json.dumps(measured.to_json()), encoding="utf-8")
        found.append(json.loads(read_given(path)))
    return found


def _selected(
    tables: "list[DecisionTable]", names: list[str] | None
) -> "list[DecisionTable]":
    from toolkit.errors import UsageError

    if names is None:
        return tables
    known = sorted({table.name for table in tables})
    known += [f"{table.name}:{table.cost}" for table in tables]
    for name in names:
        if name not in known:
            raise UsageError.unknown("table", name, known)
    return [
        table
        for table in tables
        if table.name in names or f"{table.name}:{table.cost}" in names
    ]


def _print(figures: dict[str, Any]) -> None:
    from toolkit.cli.output import print_note
    from toolkit.studies.benchmark import BUDGETS, OURS, few_shot

    lines = [*SHOWN, OURS, *(few_shot(OURS, k) for k in BUDGETS)]
    lines.append(few_shot("own runs only", 3))
    header = ["table, cost", "groups", *SHOWN, "ours", "+1", "+2", "+3", "+4", "own 3"]
    print_table(
        header,
        [
            [
                f"{row['table']}, {row['cost']}",
                row["groups"],
                *(_cell(row["lines"][line]) for line in lines),
            ]
            for row in figures["tables"]
        ],
    )
    print_text()
    print_table(
        ["ours against, all groups pooled", "cost ratio", "95 % interval", "verdict"],
        [
            [
                found["against"],
                f"{found['ratio']:.3f}",
                f"{_bound(found['low'])} to {_bound(found['high'])}",
                found["verdict"],
            ]
            for found in figures["pooled"]["comparisons"]
        ],
    )
    _print_constraints(figures)
    if len(figures["by_seed"]) > 1:
        print_text()
        print_table(
            ["seed", "mean slowdown", "+3", "within 10 %", "intervals hold"],
            [
                [
                    str(found["seed"]),
                    f"{found['slowdown']:.3f}",
                    f"{found['slowdown_after_three_runs']:.3f}",
                    f"{found['share_within_10']:.1%}",
                    f"{found['coverage_over_groups']:.1%}",
                ]
                for found in figures["by_seed"]
            ],
        )
    if "sample_efficiency" in figures:
        print_text()
        print_table(
            ["records until better", "than the rule", "than the best constant"],
            [
                [
                    f"{row['table']}, {row['cost']}",
                    row["better_than_rule"],
                    row["better_than_constant"],
                ]
                for row in figures["sample_efficiency"]
            ],
        )
    held = figures["calibration"]
    print_note(
        f"intervals hold {held['coverage_over_groups']:.1%} over groups, "
        f"{held['share_of_groups_under_80']:.1%} of groups under 80 %, half width a "
        f"factor of {held['half_width_factor']:.2f}; calibration error "
        f"{held['expected_calibration_error']:.3f}"
    )
    print_note(
        "cells: geometric-mean regret in % / share of problems within 10 %; +k: after k "
        "own runs; own 3: three own runs without history"
    )


def _print_constraints(figures: dict[str, Any]) -> None:
    rows = [
        [
            f"{row['table']}, {row['cost']}",
            f"{found['name']} at most {found['at_most']:g}, {found['probability']:.0%}",
            f"{found['promised']:.0%}",
            *(_share(found, name) for name in ("kept", "kept_by_rule", "kept_free")),
            _ratio(found),
        ]
        for row in figures["tables"]
        for found in row["constraints"]
    ]
    if rows:
        header = ["table, cost", "constraint", "promised", "kept there [95 %]"]
        header += ["by the rule", "without it", "cost ratio [95 %]"]
        print_text()
        print_table(header, rows)


def _ratio(found: dict[str, Any]) -> str:
    low, high = _bound(found["cost_low"]), _bound(found["cost_high"])
    return f"{found['cost']:.3f} [{low}, {high}]"


def _share(found: dict[str, Any], name: str) -> str:
    if found[name] is None:
        return "unknown"
    shown = f"{found[name]:.0%}"
    if name == "kept":
        shown += f" [{found['kept_low']:.0%}, {found['kept_high']:.0%}]"
    return shown


def _bound(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.3f}"


def _cell(line: dict[str, Any]) -> str:
    return f"{100 * (line['slowdown'] - 1):.1f} / {100 * line['within_10']:.0f}"
