"""`toolkit report`: the five objectives, counted from a store."""

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table, print_text
from toolkit.cli.progress import progress
from toolkit.cli.report import off_policy as report_off_policy
from toolkit.errors import NotEnoughDataError

if TYPE_CHECKING:
    from toolkit.cli import Parser
    from toolkit.history import Place
    from toolkit.metrics import Objective, ObjectiveReport, Period

__all__ = ["add_parser"]

BASELINE_SHARE = 0.2
"""Part of the days that the claims are measured against, unless given otherwise."""

SPARK = "▁▂▃▄▅▆▇█"
MOST_BURN = 4.0
"""Burn rate at the top of the curve: four times as many failures as allowed."""


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    """Add the noun `report`."""
    noun = subparsers.add_parser("report", help="report the objectives")
    verbs = noun.add_subparsers(dest="verb", metavar="VERB", required=True)
    parser = verbs.add_parser(
        "objectives",
        help="the five objectives with counts, intervals, burn and claims",
        description="Counts the five objectives over the days after the baseline "
        "period, and measures the specification's improvement claims against it.",
    )
    add_store_option(parser, reads=True)
    parser.add_argument(
        "--baseline-until",
        metavar="DAY",
        help="last day of the baseline period, YYYY-MM-DD (default: the first fifth "
        "of the days with records of the kind)",
    )
    report_off_policy.add_split(parser)
    add_json_option(parser)
    parser.set_defaults(command=objectives)
    report_off_policy.add_verb(verbs)


def objectives(options: argparse.Namespace) -> int:
    """Report the five objectives."""
    if options.by:
        return _split(options)
    with progress("reading"):
        periods = _periods(options.store)
    reports, parts = _reported(periods, options.baseline_until)
    if options.json:
        print_json(_as_json(reports, parts))
    else:
        _print(reports, parts)
    return 0


def _split(options: argparse.Namespace) -> int:
    """Report the objectives of each part of the store."""
    from toolkit.features import objective_periods_by
    from toolkit.history import read_store, require_store

    require_store(options.store)
    dataset = read_store(options.store)
    shown: dict[str, dict[str, Any]] = {}
    for dimension in options.by:
        with progress("reading"):
            found = objective_periods_by(dataset, dimension)
        for value, periods in found.items():
            try:
                reports, parts = _reported(periods, options.baseline_until)
            except NotEnoughDataError as error:
                print_note(f"{dimension} {value}: {error}")
                continue
            row = _as_json(reports, parts)
            shown.setdefault(dimension, {})[value] = row
            if not options.json:
                print_text(f"\n{dimension} {value}")
                _print(reports, parts)
    if options.json:
        print_json({"by": shown})
    return 0


def _reported(
    periods: list["Period"], until: str | None
) -> tuple[list["ObjectiveReport"], list["Parts"]]:
    from toolkit.metrics import OBJECTIVES, objective_report

    parts = [_parted(each, periods, until) for each in OBJECTIVES]
    reports = [
        objective_report(each, judged, baseline)
        for each, (baseline, judged) in zip(OBJECTIVES, parts, strict=True)
    ]
    return reports, parts


def _periods(store: "Place") -> list["Period"]:
    from toolkit.features import objective_periods
    from toolkit.history import read_store

    return objective_periods(read_store(store))


Parts = tuple[list["Period"], list["Period"]]
"""The baseline, and what is judged."""


def _parted(
    objective: "Objective", periods: list["Period"], until: str | None
) -> Parts:
    """Part the days into an objective's baseline and those that are judged."""
    from toolkit.metrics import parted

    if until is None:
        return parted(objective, periods, share=BASELINE_SHARE)
    cut = sum(period.label <= until for period in periods)
    if cut == len(periods):
        raise NotEnoughDataError(
            f"a report after the baseline until {until}", got=0, needed=1, unit="days"
        )
    return periods[:cut], periods[cut:]


def _print(reports: list["ObjectiveReport"], parts: list[Parts]) -> None:
    header = ["objective", "target", "share", "95 % interval", "of", "verdict", "burn"]
    print_table(header, [_row(report) for report in reports])
    print_text("\nclaims of the specification, measured")
    print_table(
        ["objective", "claim", "measured", "verdict", "from", "baseline"],
        [
            [*_claim_row(report), _span(baseline)]
            for report, (baseline, _) in zip(reports, parts, strict=True)
        ],
    )


def _row(report: "ObjectiveReport") -> list[object]:
    interval, trials = report.interval, report.trials
    share, bounds = "no data", "-"
    if interval is not None:
        share = f"{interval.estimate:.3f}"
        bounds = f"{interval.low:.3f} to {interval.high:.3f}"
    return [
        report.objective.name,
        f"{report.objective.target:.2f}",
        share,
        bounds,
        trials.count,
        report.verdict.value,
        _curve([day.rate for day in report.burn]),
    ]


def _claim_row(report: "ObjectiveReport") -> list[object]:
    claim = report.claim
    measured = "no data"
    if claim.measured is not None:
        gain = report.objective.claimed_gain is not None
        measured = f"{claim.measured:+.1%}" if gain else f"{claim.measured:.3f}"
    return [
        report.objective.name,
        claim.claim,
        measured,
        claim.verdict.value,
        claim.reason,
    ]


def _curve(rates: list[float | None]) -> str:
    """Draw burn over time, a character a day; a day without data is a blank."""
    top = len(SPARK) - 1
    return "".join(
        " " if rate is None else SPARK[min(top, int(rate / MOST_BURN * top))]
        for rate in rates[-40:]
    )


def _span(periods: list["Period"]) -> str:
    if not periods:
        return "none"
    first, last = periods[0].label, periods[-1].label
    return f"{first} to {last} ({len(periods)} days with records)"


def _as_json(reports: list["ObjectiveReport"], parts: list[Parts]) -> dict[str, Any]:
    return {
        "objectives": [
            {
                **dataclasses.asdict(report),
                "baseline": [period.label for period in baseline],
                "judged": [period.label for period in judged],
            }
            for report, (baseline, judged) in zip(reports, parts, strict=True)
        ],
    }
